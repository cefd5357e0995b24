//! `ringway start`: serve until a signal ends it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use ringway_core::Config;
use ringway_core::config::{DirectError, ShardCount};

use super::config_file::FileError;
use super::{address, config_file, exit, logging};
use crate::coordinator::{self, CoordinatorError, Origin, Outcome, Started};

const EXAMPLES: &str = "\
Examples:
  ringway start -c /etc/ringway.toml
  ringway start --listen 0.0.0.0:8080 --to 10.0.0.1:9000 --to 10.0.0.2:9000
  ringway start --listen 127.0.0.1:0 --to 127.0.0.1:9000 --shards 1

Signals:
  SIGTERM, SIGINT  stop accepting, finish what runs within daemon.drain_timeout, exit with 0;
                   a second one ends the process at once
  SIGUSR1          say in the log, at level info, how every shard, cluster and backend stands
  SIGHUP           read the configuration file again and apply what is different; open the audit log anew

With daemon.command_socket the process is operated while it runs: see `ringway status --help` and its neighbours.";

/// Start the proxy, with a configuration file or with addresses alone
///
/// Prints one line per listener with its real address, and then "ready". The log goes to stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Without a file: the address to listen on, IP:port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = address::parse)]
    listen: Option<SocketAddr>,
    /// Without a file: a backend to send requests to, IP:port; once for each backend
    #[arg(long, value_name = "ADDR", value_parser = address::parse)]
    to: Vec<SocketAddr>,
    /// Without a file: how many shards to run [default: one per core this process may run on]
    #[arg(long, value_name = "N")]
    shards: Option<ShardCount>,
    /// Without a file: the UNIX socket through which the process is operated [default: none]
    #[arg(long, value_name = "PATH")]
    command_socket: Option<PathBuf>,
}

/// Why a command line does not make a configuration.
#[derive(Debug, thiserror::Error)]
enum ArgsError {
    #[error(
        "ringway: a configuration file and {option} were both given; \
         remedy: drop {option} and set {key} in the file, or drop -c"
    )]
    Both { option: &'static str, key: &'static str },
    #[error(
        "ringway: nowhere to listen; remedy: give a configuration file (ringway start -c FILE), \
         or addresses (ringway start --listen 127.0.0.1:8080 --to 127.0.0.1:9000)"
    )]
    Neither,
    #[error("ringway: {0}")]
    Direct(#[from] DirectError),
    #[error(transparent)]
    File(#[from] FileError),
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let config = match args.configuration() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(exit::CONFIGURATION);
        }
    };
    let set_log_level = logging::init(config.daemon.log_level);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let config = match coordinator::choose(config, args.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("ringway: {error}");
            return ExitCode::from(exit::CONFIGURATION);
        }
    };
    set_log_level(config.daemon.log_level);
    let origin = Origin { file: args.config.clone(), set_log_level };
    match coordinator::run(config, origin, announce) {
        Ok(outcome) => exit_code(&outcome),
        Err(error) => {
            eprintln!("ringway: {error}");
            ExitCode::from(start_code(&error))
        }
    }
}

impl Args {
    fn configuration(&self) -> Result<Config, ArgsError> {
        let Some(file) = &self.config else {
            let listen = self.listen.ok_or(ArgsError::Neither)?;
            let mut config = Config::direct(listen, &self.to, self.shards)?;
            config.daemon.command_socket = self.command_socket.clone();
            return Ok(config);
        };
        for (given, option, key) in [
            (self.listen.is_some(), "--listen", "listeners.address"),
            (!self.to.is_empty(), "--to", "clusters.NAME.backends.address"),
            (self.shards.is_some(), "--shards", "daemon.shards"),
            (self.command_socket.is_some(), "--command-socket", "daemon.command_socket"),
        ] {
            if given {
                return Err(ArgsError::Both { option, key });
            }
        }
        Ok(config_file::read(file)?)
    }
}

/// Says where the listeners are, for people and for scripts that let the kernel choose the port. Whoever started us may
/// have closed our output: that is no reason not to serve.
fn announce(started: &Started) {
    let mut out = io::stdout().lock();
    let placement = &started.placement;
    for (name, address) in &started.addresses {
        let _ = writeln!(out, "listener {name} on {address}: http, {placement}");
    }
    let _ = writeln!(out, "ready").and_then(|()| out.flush());
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome.interrupted {
        Some(signal) => ExitCode::from(exit::SIGNAL + signal.number()),
        None if outcome.failures.is_empty() => exit::OK,
        None => ExitCode::from(exit::FAILURE),
    }
}

fn start_code(error: &CoordinatorError) -> u8 {
    if error.is_io_uring() {
        exit::IO_URING
    } else if error.is_configuration() {
        exit::CONFIGURATION
    } else {
        exit::FAILURE
    }
}
