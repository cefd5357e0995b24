//! What a shard tells the coordinator of backends: every flip, however busy the coordinator is, in bounded memory.
//!
//! A signal that is not taken is kept, at most one of each kind for each backend: of flips the latest, of counts the sum.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use ahash::AHashMap;
use ringway_health::board::{FailureKind, Member, Signal};

/// Hands a signal to the coordinator, or back while its queue is full. Called on the shards' threads: it must not wait.
pub type Report = dyn Fn(Signal) -> Result<(), Signal> + Send + Sync;

/// The shard's end of the line to the coordinator.
pub(crate) struct Outbox {
    report: Arc<Report>,
    kept: RefCell<AHashMap<Kind, Signal>>,
}

/// Signals of which a later one replaces, or adds to, an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Probed(Member),
    Stated(Member),
    Reach(Member),
    Recovered(Member),
    Outlier(Member, FailureKind),
    Counts(Member),
    FailOpen(u32),
    Drained(Member, u16),
    ShardGone(u16),
}

fn kind(signal: &Signal) -> Kind {
    match signal {
        Signal::Probed { member, .. } => Kind::Probed(*member),
        Signal::Stated { member, .. } => Kind::Stated(*member),
        Signal::Down { member, .. } | Signal::Up { member } => Kind::Reach(*member),
        Signal::Recovered { member } => Kind::Recovered(*member),
        Signal::Outlier { member, kind, .. } => Kind::Outlier(*member, *kind),
        Signal::Counts { member, .. } => Kind::Counts(*member),
        Signal::FailOpen { cluster, .. } => Kind::FailOpen(*cluster),
        Signal::Drained { member, shard } => Kind::Drained(*member, *shard),
        Signal::ShardGone { shard } => Kind::ShardGone(*shard),
    }
}

impl Outbox {
    pub(crate) fn new(report: Arc<Report>) -> Outbox {
        Outbox { report, kept: RefCell::default() }
    }

    /// Tells the coordinator, now or as soon as it listens again.
    pub(crate) fn send(&self, signal: Signal) {
        // What is kept was earlier: behind it, not past it.
        if self.flush() {
            if let Err(signal) = (self.report)(signal) {
                self.keep(signal);
            }
        } else {
            self.keep(signal);
        }
    }

    /// Tells what is kept; whether nothing is left.
    pub(crate) fn flush(&self) -> bool {
        let mut kept = self.kept.borrow_mut();
        while let Some(kind) = kept.keys().next().copied() {
            let Some(signal) = kept.remove(&kind) else { break };
            if let Err(signal) = (self.report)(signal) {
                kept.insert(kind, signal);
                return false;
            }
        }
        true
    }

    fn keep(&self, mut signal: Signal) {
        let mut kept = self.kept.borrow_mut();
        let kind = kind(&signal);
        if let Signal::Counts { requests, failures, .. } = &mut signal
            && let Some(Signal::Counts { requests: earlier, failures: failed, .. }) = kept.get(&kind)
        {
            *requests += earlier;
            *failures += failed;
        }
        kept.insert(kind, signal);
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("kept", &self.kept).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MEMBER: Member = Member { cluster: 0, backend: 1 };
    const OTHER: Member = Member { cluster: 0, backend: 2 };

    #[test]
    fn what_is_not_taken_is_told_later_once_and_in_its_latest_form() {
        let room = Arc::new(AtomicUsize::new(1));
        let told = Arc::new(Mutex::new(Vec::new()));
        let report = {
            let (room, told) = (Arc::clone(&room), Arc::clone(&told));
            move |signal| {
                if room.load(Ordering::Relaxed) == 0 {
                    return Err(signal);
                }
                room.fetch_sub(1, Ordering::Relaxed);
                told.lock().expect("not poisoned").push(signal);
                Ok(())
            }
        };
        let outbox = Outbox::new(Arc::new(report));
        let take = || {
            let mut told: Vec<_> = std::mem::take(&mut *told.lock().expect("not poisoned"));
            told.sort_by_key(|signal| format!("{signal:?}"));
            told
        };
        outbox.send(Signal::Up { member: MEMBER });
        assert_eq!(take(), [Signal::Up { member: MEMBER }]);
        let down = Signal::Down { member: MEMBER, reason: "refused".to_owned() };
        outbox.send(down);
        outbox.send(Signal::Counts { member: OTHER, requests: 3, failures: 1 });
        outbox.send(Signal::Up { member: MEMBER });
        outbox.send(Signal::Counts { member: OTHER, requests: 4, failures: 2 });
        assert!(take().is_empty() && !outbox.flush());
        room.store(9, Ordering::Relaxed);
        assert!(outbox.flush());
        let counts = Signal::Counts { member: OTHER, requests: 7, failures: 3 };
        assert_eq!(take(), [counts, Signal::Up { member: MEMBER }]);
        assert!(outbox.flush() && take().is_empty());
    }
}
