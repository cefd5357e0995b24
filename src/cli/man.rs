//! `ringway man`: the manual pages.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::Man;

use super::{ask, exit};

const EXAMPLES: &str = "\
Examples:
  ringway man | man -l -
  ringway man --out /usr/local/share/man/man1";

/// Print the manual page, or write one for every subcommand
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write ringway.1, ringway-status.1 and so on into this folder, which is made if need be
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, command: clap::Command) -> ExitCode {
    match &args.out {
        None => {
            let mut text = Vec::new();
            Man::new(command).render(&mut text).expect("a vector grows");
            ask::print(&String::from_utf8_lossy(&text))
        }
        Some(folder) => match write(folder, command) {
            Ok(()) => exit::OK,
            Err(error) => {
                eprintln!("ringway: {}: {error}; check the folder and its permissions", folder.display());
                ExitCode::from(exit::FAILURE)
            }
        },
    }
}

fn write(folder: &Path, command: clap::Command) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}
