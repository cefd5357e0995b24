//! The command line: one file per subcommand, and what they have in common.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod address;
mod check;
mod config_file;
mod demo;
mod exit;
mod logging;
mod start;

/// An io_uring, thread-per-core reverse proxy and load balancer for Linux.
#[derive(Debug, Parser)]
#[command(name = "ringway", version, about, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Args),
    Check(check::Args),
    Demo(demo::Args),
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Start(args) => start::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Demo(args) => demo::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
