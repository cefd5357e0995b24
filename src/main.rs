//! The `ringway` daemon: command line → subcommand.
#![forbid(unsafe_code)]

mod cli;
mod coordinator;
mod doors;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
