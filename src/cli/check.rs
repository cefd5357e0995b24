//! `ringway check`: is this configuration file valid?

use std::path::PathBuf;
use std::process::ExitCode;

use ringway_core::Config;

use super::{config_file, exit};
use crate::coordinator;

const EXAMPLES: &str = "\
Examples:
  ringway check -c /etc/ringway.toml
  ringway check -c new.toml && mv new.toml /etc/ringway.toml";

/// Check a configuration file, without starting anything
///
/// Prints what the file holds, and on stderr what is valid but hardly meant. Otherwise prints every problem on
/// stderr, as FILE:LINE:COLUMN: key: what is wrong; what to write instead, and exits with code 2.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let file = args.config.display();
    let config = match config_file::read(&args.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(exit::CONFIGURATION);
        }
    };
    if let Err(error) = coordinator::check(&config) {
        eprintln!("{file}: {error}");
        return ExitCode::from(exit::CONFIGURATION);
    }
    println!("{file}: ok ({})", contents(&config));
    for warning in config.warnings() {
        eprintln!("{file}: warning: {warning}");
    }
    exit::OK
}

fn contents(config: &Config) -> String {
    let backends = config.clusters.iter().map(|cluster| cluster.backends.len()).sum();
    let listeners = counted(config.listeners.len(), "listener");
    let clusters = counted(config.clusters.len(), "cluster");
    format!("{listeners}, {clusters}, {}", counted(backends, "backend"))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let [one, two] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().expect("an address"));
        let config = Config::direct("127.0.0.1:0".parse().expect("an address"), &[one, two], None);
        assert_eq!(contents(&config.expect("valid")), "1 listener, 1 cluster, 2 backends");
    }
}
