//! The events of the process: numbered, timed, kept for a while, and there for whoever reads on from a number.
//!
//! One ring for everybody: the last [`EVENTS_KEPT_MAX`] records. Readers hold a number and nothing else, so a slow one costs
//! no more than a fast one, and telling an event costs the same whoever listens: nobody is waited for.
//!
//! # What is missed
//!
//! Numbers have no gaps, so how many records a reader comes too late for is known exactly: those from the number it asks for
//! up to the oldest that is kept. They are counted whatever their kinds are, also for a reader that wants some kinds only: of
//! what kind a record was is forgotten with it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::SystemTime;

use ringway_core::{Actor, Event, EventKind, Record};
use tokio::sync::Notify;

mod one_line;

pub(super) use one_line::one_line;

/// Records that are kept. At some 300 bytes each they are 20 MB, and the events of half a minute at 2,000 changes a second.
pub(crate) const EVENTS_KEPT_MAX: usize = 65_536;

/// Bytes of a reason that are kept: a few lines on a screen. With it a full ring is bounded.
pub(crate) const REASON_BYTES_MAX: usize = 1024;

/// The events since the start. A clone is the same events. Of one thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    kept: RefCell<Kept>,
    told: Notify,
}

/// The last records, in the order of their numbers, without gaps.
#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<Rc<Record>>,
    /// Of all that were ever told; the last one's number.
    count: u64,
}

/// What a reader gets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// In the order of their numbers.
    pub(crate) records: Vec<Rc<Record>>,
    /// What to ask for next.
    pub(crate) next: u64,
    /// How many were asked for and are not kept any more, of whatever kind.
    pub(crate) missed: u64,
}

impl Events {
    /// None yet.
    pub(crate) fn new() -> Events {
        Events::default()
    }

    /// Takes note of a fact that is true by now, caused by `actor`; tells the log, and whoever waits. Returns its number.
    ///
    /// Of its reason, what would not fit on a line of a log is escaped, and what exceeds [`REASON_BYTES_MAX`] cut off.
    pub(crate) fn emit(&self, mut event: Event, actor: Option<&Actor>) -> u64 {
        if let Some(reason) = one_line(&event.reason, REASON_BYTES_MAX) {
            event.reason = reason;
        }
        log(&event, actor);
        let seq = self.0.kept.borrow_mut().push(event, actor);
        self.0.told.notify_waiters();
        seq
    }

    /// At most `max` records of these kinds (none: of all kinds) from number `since` on.
    ///
    /// A number that was not given yet is one of another process, or of the future: it is taken for the next one, so a
    /// [`Page::next`] below `since` says that counting began anew.
    pub(crate) fn read(&self, since: u64, kinds: &[EventKind], max: usize) -> Page {
        self.0.kept.borrow().read(since, kinds, max)
    }

    /// Completes as soon as the event of number `next` was told. Cancel-safe.
    pub(crate) async fn changed(&self, next: u64) {
        loop {
            // Made before the look, so that nothing is missed between the two.
            let told = self.0.told.notified();
            if self.next() > next {
                return;
            }
            told.await;
        }
    }

    /// The number that the next event gets. The first one's is 1.
    pub(crate) fn next(&self) -> u64 {
        self.0.kept.borrow().count + 1
    }
}

impl Kept {
    fn push(&mut self, event: Event, actor: Option<&Actor>) -> u64 {
        if self.records.len() == EVENTS_KEPT_MAX {
            self.records.pop_front();
        }
        self.count += 1;
        let record = Record { seq: self.count, time_ms: wall_ms(), actor: actor.cloned(), event };
        self.records.push_back(Rc::new(record));
        self.count
    }

    fn read(&self, since: u64, kinds: &[EventKind], max: usize) -> Page {
        let end = self.count + 1;
        let oldest = end - self.records.len() as u64;
        let since = since.clamp(1, end);
        let from = since.max(oldest);
        let mut page = Page { records: Vec::new(), next: end, missed: from - since };
        for record in self.records.range((from - oldest) as usize..) {
            if !kinds.is_empty() && !kinds.contains(&record.event.kind) {
                continue;
            }
            if page.records.len() == max {
                page.next = record.seq;
                break;
            }
            page.records.push(Rc::clone(record));
        }
        page
    }
}

/// One line, as important as the fact is to whoever is woken by it.
fn log(event: &Event, actor: Option<&Actor>) {
    macro_rules! line {
        ($level:ident) => {
            match actor {
                Some(actor) => tracing::$level!(by = %actor, "{event}"),
                None => tracing::$level!("{event}"),
            }
        };
    }
    match event.kind {
        EventKind::NoAvailableBackends | EventKind::WorkerKilled => line!(error),
        EventKind::BackendDown
        | EventKind::HealthCheckUnhealthy
        | EventKind::BackendEjected
        | EventKind::FailOpenEntered
        | EventKind::ConfigurationRejected
        | EventKind::ShardStalled => line!(warn),
        _ => line!(info),
    }
}

/// The wall clock's time, in milliseconds since 1970-01-01T00:00:00Z; a clock that stands before it is at it.
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
