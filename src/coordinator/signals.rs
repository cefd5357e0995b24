//! The signals that the daemon knows.

use std::fmt;
use std::io;

use tokio::signal::unix::{self, SignalKind};

/// A signal that ends the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// From a service manager.
    Terminate,
    /// From a terminal.
    Interrupt,
}

impl Signal {
    /// Its number, which is below 128.
    pub(crate) fn number(self) -> u8 {
        let kind = match self {
            Signal::Terminate => SignalKind::terminate(),
            Signal::Interrupt => SignalKind::interrupt(),
        };
        kind.as_raw_value() as u8
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
        })
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// To end.
    End(Signal),
    /// To say in the log how everything stands.
    Status,
    /// To read the configuration file again, and open log files anew.
    Reload,
}

/// Signals as they come in.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    status: unix::Signal,
}

impl Signals {
    /// From here on, signals are received instead of ending the process.
    ///
    /// # Errors
    /// When the handlers can not be set up.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
            status: unix::signal(SignalKind::user_defined1())?,
        })
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Notice {
        tokio::select! {
            _ = self.terminate.recv() => Notice::End(Signal::Terminate),
            _ = self.interrupt.recv() => Notice::End(Signal::Interrupt),
            _ = self.status.recv() => Notice::Status,
            _ = self.hangup.recv() => Notice::Reload,
        }
    }
}
