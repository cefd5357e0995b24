//! The command line of `ringway-loadtest`.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// Both ends of a test of a proxy: an origin that answers, a load that asks.
#[derive(Debug, Parser)]
#[command(name = "ringway-loadtest", version)]
enum Command {
    Origin(cli::origin::Args),
    Run(cli::run::Args),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Origin(args) => cli::origin::run(args),
        Command::Run(args) => cli::run::run(&args),
    }
}
