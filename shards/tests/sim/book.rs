//! What happened to each exchange: kept by clients and origins, read by the judge.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use crate::http::Fail;
use crate::script::Script;

/// What a client saw of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All of it. `own`: it was the proxy's own.
    Whole { status: u16, own: bool, interims: usize },
    /// The beginning of it, at least a byte.
    Cut(Fail),
    /// Not one byte.
    Nothing(Fail),
    /// The client went away by itself.
    Left,
}

/// One exchange.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Record {
    /// How often its head reached an origin.
    pub(crate) reached: usize,
    /// How often an origin got all of it.
    pub(crate) completed: usize,
    pub(crate) seen: Option<Seen>,
    /// Requests sent again because the connection before had ended without a word.
    pub(crate) resent: usize,
    /// Whose connection brought it, as the proxy must know.
    pub(crate) source: Option<SocketAddr>,
    /// From the first byte sent to the last one read.
    pub(crate) took: Duration,
}

/// The records of a run.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) script: Script,
    /// The kernel delays nothing and breaks nothing.
    pub(crate) is_calm: bool,
    pub(crate) records: RefCell<Vec<Record>>,
    /// Connections to the proxy that clients have made.
    pub(crate) connects: Cell<u64>,
    /// Connections that origins have accepted.
    pub(crate) accepts: Cell<u64>,
    /// Interim answers that clients have read.
    pub(crate) interims: Cell<u64>,
    /// The clients are done: origins go home when they are idle.
    pub(crate) closing: Cell<bool>,
}

impl Book {
    pub(crate) fn new(script: Script, is_calm: bool) -> Book {
        let records = RefCell::new(vec![Record::default(); script.exchanges.len()]);
        Book {
            script,
            is_calm,
            records,
            connects: Cell::default(),
            accepts: Cell::default(),
            interims: Cell::default(),
            closing: Cell::default(),
        }
    }

    pub(crate) fn record(&self, id: usize) -> Record {
        self.records.borrow()[id]
    }

    pub(crate) fn update(&self, id: usize, change: impl FnOnce(&mut Record)) {
        change(&mut self.records.borrow_mut()[id]);
    }
}

/// Counts one more.
pub(crate) fn one_more(count: &Cell<u64>) {
    count.set(count.get() + 1);
}
