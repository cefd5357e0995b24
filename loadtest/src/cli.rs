//! The subcommands, and how they fail.

pub(crate) mod origin;
pub(crate) mod run;

use std::process::ExitCode;

/// Says what is wrong; the exit code for it.
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("ringway-loadtest: {error}");
    ExitCode::FAILURE
}
