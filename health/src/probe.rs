//! One probe's bytes: what is sent to a backend, and what its answer says of it.
//!
//! Sans-io. The prober connects to [`Probe::address`], sends [`Probe::request`], feeds what comes to a [`Judge`] and does what
//! each [`Step`] says. It judges by itself what no byte can tell: a connect that fails, a timeout.

use std::sync::Arc;

use ringway_core::Address;
use ringway_core::config::{CheckProtocol, HealthCheck};

mod body;
mod expect;
mod h2c;
mod hpack;
mod http1;
mod reason;

pub use reason::Reason;

use expect::Expect;

/// What probes call themselves, so that an origin's log can tell them apart.
const USER_AGENT: &str = "ringway-health";

/// How one backend is probed: compiled once, used at each interval. Two are equal if they ask the same and expect the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    address: Address,
    protocol: CheckProtocol,
    request: Arc<[u8]>,
    expect: Expect,
}

impl Probe {
    /// How `check` probes the backend that listens on `address`.
    #[must_use]
    pub fn new(check: &HealthCheck, address: &Address) -> Probe {
        let address = match (address, check.port) {
            (Address::Ip(ip), Some(port)) => Address::Ip((ip.ip(), port).into()),
            _ => address.clone(),
        };
        let request = match check.protocol {
            CheckProtocol::Tcp => Vec::new(),
            CheckProtocol::Http => http1::request(check, &host(check, &address)),
            CheckProtocol::H2c => h2c::request(check, &host(check, &address)),
        };
        Probe { address, protocol: check.protocol, request: request.into(), expect: Expect::new(check) }
    }

    /// Where to connect to. A UNIX socket has no port of its own.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What to send once connected; empty if a connection suffices.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Whether the probe has passed once it is connected: nothing is sent then, and nothing waited for.
    #[must_use]
    pub fn is_connect_only(&self) -> bool {
        self.protocol == CheckProtocol::Tcp
    }

    /// Judges one answer.
    #[must_use]
    pub fn judge(&self) -> Judge {
        let answer = match self.protocol {
            CheckProtocol::Tcp => Answer::Done(Ok(())),
            CheckProtocol::Http => Answer::Http1(http1::Answer::new(self.expect.clone())),
            CheckProtocol::H2c => Answer::H2c(Box::new(h2c::Answer::new(self.expect.clone()))),
        };
        Judge { answer }
    }
}

/// The host that is asked for: an address of a UNIX socket is none.
fn host(check: &HealthCheck, address: &Address) -> String {
    match (&check.host, address) {
        (Some(host), _) => host.to_string(),
        (None, Address::Ip(ip)) => ip.to_string(),
        (None, Address::Unix(_)) => "localhost".to_owned(),
    }
}

/// Reads one answer, however it is cut into pieces. Its memory is bounded by [`crate::limits`].
#[derive(Debug)]
pub struct Judge {
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Http1(http1::Answer),
    H2c(Box<h2c::Answer>),
    Done(Result<(), Reason>),
}

/// What to do after a piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Wait for more.
    More,
    /// Send this, then wait for more.
    Send(Vec<u8>),
    /// The backend is well. The connection can be closed.
    Passed,
    /// It is not. The connection can be closed.
    Failed(Reason),
}

impl Judge {
    /// The next bytes of the answer. Once it has passed or failed it stays so.
    pub fn feed(&mut self, bytes: &[u8]) -> Step {
        let (verdict, reply) = match &mut self.answer {
            Answer::Http1(answer) => (answer.feed(bytes), Vec::new()),
            Answer::H2c(answer) => answer.feed(bytes),
            Answer::Done(verdict) => (Some(verdict.clone()), Vec::new()),
        };
        if let Some(verdict) = &verdict {
            self.answer = Answer::Done(verdict.clone());
        }
        match verdict {
            Some(Ok(())) => Step::Passed,
            Some(Err(reason)) => Step::Failed(reason),
            None if reply.is_empty() => Step::More,
            None => Step::Send(reply),
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// Why the backend is not well, as far as it answered.
    pub fn end(&mut self) -> Result<(), Reason> {
        let verdict = match &mut self.answer {
            Answer::Http1(answer) => answer.end(),
            // An answer ends with its stream, never with the connection.
            Answer::H2c(_) => Err(Reason::Cut),
            Answer::Done(verdict) => verdict.clone(),
        };
        self.answer = Answer::Done(verdict.clone());
        verdict
    }
}

#[cfg(test)]
mod tests;
