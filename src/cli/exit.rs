//! The exit codes, which scripts and service managers go by.

use std::process::ExitCode;

use ringway_core::ErrorCode;

/// Everything went as asked.
pub(crate) const OK: ExitCode = ExitCode::SUCCESS;
/// The start failed, or a shard did; or the daemon could not do what it was asked.
pub(crate) const FAILURE: u8 = 1;
/// The command line or the configuration is wrong; nothing was done. Also what `clap` exits with.
pub(crate) const CONFIGURATION: u8 = 2;
/// io_uring can not be used here; nothing was started.
pub(crate) const IO_URING: u8 = 3;
/// The daemon can not be reached; nothing was asked of it.
pub(crate) const UNREACHABLE: u8 = 4;
/// What it is about is not there.
pub(crate) const NOT_FOUND: u8 = 5;
/// It is there already, or something still needs it.
pub(crate) const CONFLICT: u8 = 6;
/// A later version does that.
pub(crate) const NOT_IN_THIS_BUILD: u8 = 7;
/// The daemon is busy or stopping and did nothing.
pub(crate) const BUSY: u8 = 8;
/// The daemon was asked and did not answer: whether it was done is not known.
pub(crate) const NO_ANSWER: u8 = 9;
/// Ended at once by a second signal: this plus its number, as shells report it.
pub(crate) const SIGNAL: u8 = 128;

/// The codes, for the end of the help text.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; for start: stopped by a signal, after draining
  1    start: an address can not be listened on, or a shard failed;
       others: the daemon could not do it, a shard or a file failed
  2    the command line, an argument or the configuration is wrong; nothing was done
  3    io_uring can not be used here; the message says why and what to do
  4    the daemon can not be reached; nothing was done
  5    what it is about is not there; nothing was done
  6    it is there already, or something still needs it; nothing was done
  7    this build does not do that
  8    the daemon is busy or stopping; nothing was done, try again
  9    the daemon did not answer: it may have been done, see ringway status
  130  ended at once by a second signal, SIGINT
  143  ended at once by a second signal, SIGTERM";

/// The code for a refusal.
pub(crate) const fn of(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::Invalid => CONFIGURATION,
        ErrorCode::NotFound => NOT_FOUND,
        ErrorCode::Exists | ErrorCode::InUse => CONFLICT,
        ErrorCode::Io | ErrorCode::Shard => FAILURE,
        ErrorCode::NotInThisBuild => NOT_IN_THIS_BUILD,
        ErrorCode::Busy | ErrorCode::Stopping => BUSY,
    }
}
