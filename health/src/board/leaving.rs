//! Removed backends that may still have connections.

use std::collections::{BTreeMap, BTreeSet};

use ringway_core::{Address, BackendId, ClusterId, Event, EventKind};

use super::decision::Output;
use super::signal::Member;

/// The removed backends of which some shard has not yet said that it has nothing of them any more.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    backends: BTreeMap<Member, Left>,
    /// Who has yet to say so of whom.
    awaited: BTreeSet<(u16, Member)>,
}

#[derive(Debug)]
struct Left {
    who: Removed,
    /// How many shards have yet to say so; not 0.
    shards: usize,
}

/// A backend that was removed: what is left of it.
#[derive(Debug)]
pub(super) struct Removed {
    pub(super) cluster: ClusterId,
    pub(super) id: BackendId,
    pub(super) address: Address,
    /// The shards that have nothing of it any more, as far as they have said so before the board heard of the removal.
    pub(super) drained: Vec<u16>,
}

impl Leaving {
    /// A backend was removed while these shards lived.
    pub(super) fn begin(&mut self, member: Member, who: Removed, shards: &[u16], out: &mut Vec<Output>) {
        let mut awaited = 0;
        for shard in shards.iter().filter(|shard| !who.drained.contains(shard)) {
            awaited += usize::from(self.awaited.insert((*shard, member)));
        }
        if awaited == 0 {
            out.push(who.told());
        } else {
            self.backends.insert(member, Left { who, shards: awaited });
        }
    }

    /// A shard has nothing of it any more.
    pub(super) fn drained(&mut self, member: Member, shard: u16, out: &mut Vec<Output>) {
        if !self.awaited.remove(&(shard, member)) {
            return;
        }
        if let Some(left) = self.backends.get_mut(&member) {
            left.shards -= 1;
            if left.shards == 0
                && let Some(left) = self.backends.remove(&member)
            {
                out.push(left.who.told());
            }
        }
    }

    /// A shard has ended, and with it all that it had.
    pub(super) fn gone(&mut self, shard: u16, out: &mut Vec<Output>) {
        let first = (shard, Member { cluster: 0, backend: 0 });
        while let Some((_, member)) =
            self.awaited.range(first..).next().filter(|next| next.0 == shard).copied()
        {
            self.drained(member, shard, out);
        }
    }
}

impl Removed {
    fn told(&self) -> Output {
        let event = Event::new(EventKind::RemovedBackendHasNoConnections).cluster(&self.cluster);
        let reason = "no shard has a connection to it any more";
        Output::Event(event.backend(&self.id, &self.address).because(reason))
    }
}
