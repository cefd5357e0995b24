//! The log: lines on stderr.

use std::io::{self, IsTerminal};

use ringway_core::config::LogLevel;
use tracing_subscriber::filter::LevelFilter;

/// Sends what is at least as important as `level` to stderr; in colour where that is a terminal.
pub(crate) fn init(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
