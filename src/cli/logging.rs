//! The log: lines on stderr.

use std::io::{self, IsTerminal};

use ringway_core::config::LogLevel;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, registry, reload};

/// Sends what is at least as important as `level` to stderr; in colour where that is a terminal. What it returns changes the
/// level.
pub(crate) fn init(level: LogLevel) -> Box<dyn Fn(LogLevel)> {
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = fmt::layer().with_target(false).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    registry().with(filter).with(lines).init();
    Box::new(move |level| {
        // Fails only when the log is gone.
        let _ = handle.reload(self::filter(level));
    })
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
