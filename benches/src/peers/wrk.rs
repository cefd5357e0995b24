//! The load generator: running `wrk` and reading its report.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::group::on_core;

/// The host that every request names, the same for all peers.
pub(crate) const HOST: &str = "bench.test";

/// How `wrk` is run, the same for every peer.
#[derive(Debug)]
pub(crate) struct Wrk {
    /// The program.
    pub(crate) program: PathBuf,
    /// The core it is pinned to.
    pub(crate) core: usize,
    /// Connections kept open, each with one request in flight.
    pub(crate) connections: u32,
    /// Length of a run.
    pub(crate) seconds: u32,
    /// Whether each request asks for its connection to be closed.
    pub(crate) close: bool,
}

/// What one run of `wrk` did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    /// Answers completely received, whatever their status.
    pub(crate) requests: u64,
    /// Length of the run by wrk's own clock.
    pub(crate) seconds: f64,
    /// Bytes of all answers, heads included; wrk rounds to three or four digits.
    pub(crate) bytes: f64,
    /// What went wrong.
    pub(crate) errors: Errors,
}

/// Failures in one run of `wrk`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Errors {
    /// Connections refused.
    pub(crate) connect: u64,
    /// Connections lost while reading.
    pub(crate) read: u64,
    /// Connections lost while writing.
    pub(crate) write: u64,
    /// Answers that took longer than wrk's limit of two seconds.
    pub(crate) timeout: u64,
    /// Answers with a status above 399.
    pub(crate) status: u64,
}

impl Errors {
    /// All failures together.
    pub(crate) fn total(&self) -> u64 {
        self.connect + self.read + self.write + self.timeout + self.status
    }
}

/// Why wrk's report could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReportError {
    /// The line with the totals is missing or in another form.
    #[error("wrk's report has no line `N requests in T, S read`")]
    NoTotals,
    /// The line with the socket errors is in another form.
    #[error("wrk's report has a line of socket errors in an unknown form: {0}")]
    SocketErrors(String),
    /// The line with the failed answers is in another form.
    #[error("wrk's report has a line of failed answers in an unknown form: {0}")]
    FailedAnswers(String),
}

impl Wrk {
    /// The arguments after the program's name.
    pub(crate) fn arguments(&self, port: u16) -> Vec<String> {
        let mut arguments = vec![
            "-t1".to_owned(),
            format!("-c{}", self.connections),
            format!("-d{}s", self.seconds),
            "-H".to_owned(),
            format!("Host: {HOST}"),
        ];
        if self.close {
            arguments.extend(["-H".to_owned(), "Connection: close".to_owned()]);
        }
        arguments.push(format!("http://127.0.0.1:{port}/"));
        arguments
    }

    /// Runs the load against a port of this machine.
    pub(crate) fn run(&self, port: u16) -> Result<Load, Error> {
        let mut command: Command = on_core(self.core, &self.program);
        let output = command
            .args(self.arguments(port))
            .output()
            .map_err(|source| Error::Spawn { program: self.program.display().to_string(), source })?;
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Load { text });
        }
        parse(&report).map_err(|source| Error::LoadReport { source, report })
    }
}

/// Reads the report that `wrk` prints at its end.
pub(crate) fn parse(report: &str) -> Result<Load, ReportError> {
    let lines = || report.lines().map(str::trim);
    let (requests, seconds, bytes) = lines().find_map(totals).ok_or(ReportError::NoTotals)?;
    let mut errors = Errors::default();
    for line in lines() {
        if let Some(list) = line.strip_prefix("Socket errors:") {
            socket_errors(list, &mut errors).ok_or_else(|| ReportError::SocketErrors(line.to_owned()))?;
        } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
            let count = count.trim().parse();
            errors.status = count.map_err(|_| ReportError::FailedAnswers(line.to_owned()))?;
        }
    }
    Ok(Load { requests, seconds, bytes, errors })
}

/// `159000 requests in 3.00s, 20.10MB read`.
fn totals(line: &str) -> Option<(u64, f64, f64)> {
    let (requests, rest) = line.split_once(" requests in ")?;
    let (time, bytes) = rest.strip_suffix(" read")?.split_once(", ")?;
    Some((requests.parse().ok()?, seconds(time)?, size(bytes)?))
}

/// `connect 0, read 5, write 0, timeout 0`.
fn socket_errors(list: &str, errors: &mut Errors) -> Option<()> {
    for item in list.split(',') {
        let (kind, count) = item.trim().split_once(' ')?;
        let field = match kind {
            "connect" => &mut errors.connect,
            "read" => &mut errors.read,
            "write" => &mut errors.write,
            "timeout" => &mut errors.timeout,
            _ => return None,
        };
        *field = count.parse().ok()?;
    }
    Some(())
}

/// A time such as `3.00s`, `850.12ms` or `1.02m`, in seconds.
fn seconds(text: &str) -> Option<f64> {
    scaled(text, &[("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)])
}

/// A size such as `20.10MB` or `512.00B`, in bytes.
fn size(text: &str) -> Option<f64> {
    const KIB: f64 = 1024.0;
    let units =
        [("B", 1.0), ("KB", KIB), ("MB", KIB * KIB), ("GB", KIB * KIB * KIB), ("TB", KIB * KIB * KIB * KIB)];
    scaled(text, &units)
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests;
