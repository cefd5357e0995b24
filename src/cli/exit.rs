//! The exit codes, which scripts and service managers go by.

use std::process::ExitCode;

/// Everything went as asked.
pub(crate) const OK: ExitCode = ExitCode::SUCCESS;
/// The start failed, or a shard did.
pub(crate) const FAILURE: u8 = 1;
/// The command line or the configuration is wrong; nothing was started. Also what `clap` exits with.
pub(crate) const CONFIGURATION: u8 = 2;
/// io_uring can not be used here; nothing was started.
pub(crate) const IO_URING: u8 = 3;
/// Ended at once by a second signal: this plus its number, as shells report it.
pub(crate) const SIGNAL: u8 = 128;

/// The codes, for the end of the help text.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; for start: stopped by a signal, after draining
  1    an address can not be listened on, or a shard failed
  2    the command line or the configuration is wrong; nothing was started
  3    io_uring can not be used here; the message says why and what to do
  130  ended at once by a second signal, SIGINT
  143  ended at once by a second signal, SIGTERM";
