//! The command line: one file per subcommand, and what they have in common.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::ask::{Question, UsageError};
use self::door::Door;
use self::keys_help::keys_help;

mod address;
mod answer;
mod apply;
mod ask;
mod backend;
mod check;
mod client;
mod cluster;
mod completions;
mod config_file;
mod demo;
mod difference;
mod door;
mod events;
mod exit;
mod frontend;
mod health_check;
mod keys;
mod keys_help;
mod limits;
mod listener;
mod log_level;
mod logging;
mod man;
mod reload;
mod route;
mod running_config;
mod shard;
mod start;
mod state;
mod status;
mod stop;
mod table;

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
    Status(status::Args),
    Shards(shard::ListArgs),
    Shard(shard::Args),
    Listener(listener::Args),
    Cluster(cluster::Args),
    Frontend(frontend::Args),
    Backend(backend::Args),
    HealthCheck(health_check::Args),
    Route(route::Args),
    Answer(answer::Args),
    Limits(limits::Args),
    LogLevel(log_level::Args),
    Config(running_config::Args),
    Reload(reload::Args),
    Apply(apply::Args),
    State(state::Args),
    Events(events::Args),
    Stop(stop::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Where it asks, and what; `None`: it is not a question to a running daemon with one answer.
    fn question(&self) -> Option<(&Door, Result<Question, UsageError>)> {
        Some(match self {
            Command::Status(args) => (&args.door, args.question()),
            Command::Shards(args) => (&args.door, args.question()),
            Command::Shard(args) => (&args.door, args.question()),
            Command::Listener(args) => (&args.door, args.question()),
            Command::Cluster(args) => (&args.door, args.question()),
            Command::Frontend(args) => (&args.door, args.question()),
            Command::Backend(args) => (&args.door, args.question()),
            Command::HealthCheck(args) => (&args.door, args.question()),
            Command::Route(args) => (&args.door, args.question()),
            Command::Answer(args) => (&args.door, args.question()),
            Command::Limits(args) => (&args.door, args.question()),
            Command::LogLevel(args) => (&args.door, args.question()),
            Command::Config(args) => (&args.door, args.question()),
            Command::Reload(args) => (&args.door, args.question()),
            Command::Apply(args) => (&args.door, args.question()),
            Command::State(args) => (&args.door, args.question()),
            Command::Stop(args) => (&args.door, args.question()),
            Command::Start(_)
            | Command::Check(_)
            | Command::Demo(_)
            | Command::Events(_)
            | Command::Completions(_)
            | Command::Man(_) => return None,
        })
    }
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let command = Cli::parse().command;
    if let Some((door, question)) = command.question() {
        return ask::run(door, question);
    }
    match command {
        Command::Start(args) => start::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Demo(args) => demo::run(args),
        Command::Events(args) => events::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        _ => unreachable!("it is a question"),
    }
}

#[cfg(test)]
mod tests;
