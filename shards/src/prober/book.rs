//! The checks of a shard by their slots: which of them it owns, when each is due, and what its results come to.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use rand::Rng;
use ringway_core::{Address, Time};
use ringway_health::board::{Member, Signal};
use ringway_health::{CheckSettings, Health, Probe, Reason, Schedule, Verdict, address_hash, owner};
use ringway_lb::stable_hash;

use crate::inbox::Live;

/// One address and how it is checked: compiled once, for every shard.
#[derive(Debug)]
pub(crate) struct Check {
    /// By whose owner it is probed.
    pub(crate) address: Address,
    pub(crate) probe: Probe,
    pub(crate) settings: CheckSettings,
    /// The backends that it stands for, at least one: those of all clusters with this address and this check. No backend has
    /// two checks, but while they change.
    pub(crate) members: Vec<Member>,
}

impl Check {
    /// Whether what one finds is what the other finds, whoever is told of it.
    fn is_same(&self, other: &Check) -> bool {
        self.address == other.address && self.settings == other.settings && self.probe == other.probe
    }

    /// Where in its interval it is run: the same in every shard and process.
    fn phase(&self) -> u64 {
        // Two checks of one address need not meet.
        address_hash(&self.address).wrapping_add(stable_hash(self.probe.request()))
    }
}

/// A probe to be sent.
#[derive(Debug)]
pub(super) struct Due {
    slot: u32,
    /// Of the book's `turns`: what has begun anew since does not hear of it.
    turn: u64,
    pub(super) check: Arc<Check>,
    /// Whether its last probe timed out.
    pub(super) is_slow: bool,
}

/// All checks, and the state of those that the shard owns. But for [`Book::share`] everything is O(log n), for each member of
/// the check that it is about.
#[derive(Debug)]
pub(super) struct Book {
    shard: u16,
    live: Vec<u16>,
    entries: Vec<Option<Entry>>,
    /// Of those that this shard owns.
    schedule: Schedule,
    /// Whose check is where, of those that this shard owns.
    of_member: AHashMap<Member, u32>,
    /// Of backends that are down although their check finds them well: its successes in a row since.
    rising: AHashMap<Member, u32>,
    /// How often a check has begun anew.
    turns: u64,
}

#[derive(Debug)]
struct Entry {
    check: Arc<Check>,
    /// `None`: it is another shard's.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    turn: u64,
    verdict: Verdict,
    is_slow: bool,
    /// Why the verdict is "unhealthy", if it is and this shard found out.
    reason: Option<Arc<str>>,
    /// The verdict may not be what the coordinator holds of each member: so many results in a row agree with it. As many as a
    /// flip takes, and it is told as if it were one.
    unconfirmed: Option<u32>,
}

impl Own {
    /// Takes a result; tells the verdict if it has flipped or is confirmed.
    fn result(&mut self, is_well: bool, settings: &CheckSettings, now: Time) -> Option<Health> {
        let flip = match is_well {
            true => self.verdict.probe_succeeded(settings, now),
            false => self.verdict.probe_failed(settings, now),
        };
        if flip.is_some() {
            self.unconfirmed = None;
            return flip;
        }
        let agreeing = self.unconfirmed.as_mut()?;
        let agrees = is_well == (self.verdict.health() == Health::Healthy);
        *agreeing = if agrees { *agreeing + 1 } else { 0 };
        if *agreeing < if is_well { settings.rise } else { settings.fall } {
            return None;
        }
        self.unconfirmed = None;
        Some(self.verdict.health())
    }

    /// What is told of a member.
    fn told(&self, member: Member, settings: &CheckSettings) -> Signal {
        let healthy = self.verdict.health() == Health::Healthy;
        let reason = match (healthy, &self.reason) {
            (true, _) => format!("{} probes in a row succeeded", settings.rise),
            (false, Some(reason)) => reason.to_string(),
            (false, None) => "probes of its address have failed".to_owned(),
        };
        Signal::Probed { member, healthy, reason }
    }
}

impl Book {
    pub(super) fn new(shard: u16) -> Book {
        Book {
            shard,
            live: Vec::new(),
            entries: Vec::new(),
            schedule: Schedule::new(),
            of_member: AHashMap::new(),
            rising: AHashMap::new(),
            turns: 0,
        }
    }

    /// As [`Prober::set_check`](super::Prober::set_check).
    pub(super) fn set(&mut self, slot: u32, check: Option<Arc<Check>>, now: Time, tell: impl FnMut(Signal)) {
        let place = slot as usize;
        if self.entries.len() <= place {
            self.entries.resize_with(place + 1, || None);
        }
        let before = self.entries[place].take();
        let (mut before, check) = match (before, check) {
            (Some(mut before), Some(check)) if before.check.is_same(&check) => {
                self.replace(slot, &mut before, check, tell);
                self.entries[place] = Some(before);
                return;
            }
            (before, check) => (before, check),
        };
        if let Some(before) = &mut before {
            self.disown(slot, before);
        }
        if let Some(check) = check {
            let mut entry = Entry { check, own: None };
            if self.is_mine(&entry.check.address) {
                self.own(slot, &mut entry, now);
                if let Some(own) = &mut entry.own {
                    own.unconfirmed = Some(0);
                }
            }
            self.entries[place] = Some(entry);
        }
    }

    /// The same check has other members.
    fn replace(&mut self, slot: u32, entry: &mut Entry, check: Arc<Check>, mut tell: impl FnMut(Signal)) {
        let before = std::mem::replace(&mut entry.check, check);
        let Some(own) = &entry.own else { return };
        for member in &entry.check.members {
            let has_joined = self.of_member.insert(*member, slot) != Some(slot);
            if has_joined && own.unconfirmed.is_none() {
                tell(own.told(*member, &entry.check.settings));
            }
        }
        let stay: AHashSet<Member> = entry.check.members.iter().copied().collect();
        self.forget(slot, before.members.iter().filter(|member| !stay.contains(*member)));
    }

    /// As [`Prober::share`](super::Prober::share).
    pub(super) fn share(&mut self, live: &Live, now: Time) {
        self.live.clone_from(&live.shards);
        let mut entries = std::mem::take(&mut self.entries);
        for (slot, entry) in (0..).zip(&mut entries) {
            let Some(entry) = entry else { continue };
            let is_mine = self.is_mine(&entry.check.address);
            if is_mine == entry.own.is_some() {
                continue;
            }
            if is_mine {
                self.own(slot, entry, now);
                entry.begin_as_found(live, now);
            } else {
                self.disown(slot, entry);
            }
        }
        self.entries = entries;
    }

    /// As [`Prober::state`](super::Prober::state).
    pub(super) fn state(&mut self, member: Member, healthy: bool) {
        let slot = self.of_member.get(&member);
        let entry = slot.and_then(|slot| self.entries.get_mut(*slot as usize)).and_then(Option::as_mut);
        if let Some(own) = entry.and_then(|entry| entry.own.as_mut())
            && (own.unconfirmed.is_some() || healthy != (own.verdict.health() == Health::Healthy))
        {
            own.unconfirmed = Some(0);
        }
    }

    pub(super) fn owned(&self) -> usize {
        self.schedule.len()
    }

    pub(super) fn next_due(&self) -> Time {
        self.schedule.next_due()
    }

    /// A probe that is due by `now`; then [`Book::done`] or [`Book::skip`] is to be called, unless it is not current any more.
    pub(super) fn pop_due<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R) -> Option<Due> {
        let slot = self.schedule.pop_due(now, rng)?;
        let Entry { check, own } = self.entries.get(slot as usize)?.as_ref()?;
        let own = own.as_ref()?;
        Some(Due { slot, turn: own.turn, check: Arc::clone(check), is_slow: own.is_slow })
    }

    /// Whether it is still for this shard to send this probe.
    pub(super) fn is_current(&self, due: &Due) -> bool {
        let entry = self.entries.get(due.slot as usize).and_then(Option::as_ref);
        entry.and_then(|entry| entry.own.as_ref()).is_some_and(|own| own.turn == due.turn)
    }

    /// The probe was not sent.
    pub(super) fn skip(&mut self, due: &Due, now: Time) {
        if self.is_current(due) {
            self.schedule.done(due.slot, now);
        }
    }

    /// What came of the probe, a failure or none; `is_down` tells whether requests can not reach a backend.
    pub(super) fn done(
        &mut self,
        due: &Due,
        failure: Option<&Reason>,
        now: Time,
        is_down: impl Fn(Member) -> bool,
        mut tell: impl FnMut(Signal),
    ) {
        let entry = self.entries.get_mut(due.slot as usize).and_then(Option::as_mut);
        let Some(Entry { check, own: Some(own) }) = entry else { return };
        if own.turn != due.turn {
            return;
        }
        own.is_slow = matches!(failure, Some(Reason::TimedOut(_)));
        let before = own.verdict.health();
        let told = own.result(failure.is_none(), &check.settings, now);
        self.schedule.done(due.slot, now);
        self.schedule.set_fast(due.slot, own.verdict.is_changing(), now);
        if told.is_some() {
            own.reason = failure.map(|reason| reason.to_string().into());
            check.members.iter().for_each(|member| tell(own.told(*member, &check.settings)));
        }
        // One that this probe made healthy is up with that.
        let is_well =
            failure.is_none() && (before, own.verdict.health()) == (Health::Healthy, Health::Healthy);
        for member in &check.members {
            if has_risen(&mut self.rising, *member, is_well && is_down(*member), check.settings.rise) {
                tell(Signal::Up { member: *member });
            }
        }
    }

    fn is_mine(&self, address: &Address) -> bool {
        owner(address, self.live.iter().copied()) == Some(self.shard)
    }

    /// From now on it is this shard's.
    fn own(&mut self, slot: u32, entry: &mut Entry, now: Time) {
        self.turns += 1;
        entry.own = Some(Own {
            turn: self.turns,
            verdict: Verdict::new(),
            is_slow: false,
            reason: None,
            unconfirmed: None,
        });
        self.of_member.extend(entry.check.members.iter().map(|member| (*member, slot)));
        self.schedule.add(slot, entry.check.phase(), &entry.check.settings, now);
    }

    /// It is not this shard's, or not any more.
    fn disown(&mut self, slot: u32, entry: &mut Entry) {
        if entry.own.take().is_some() {
            self.schedule.remove(slot);
            self.forget(slot, entry.check.members.iter());
        }
    }

    /// These are no members of the check in this slot any more.
    fn forget<'a>(&mut self, slot: u32, members: impl Iterator<Item = &'a Member>) {
        for member in members {
            // It may have come to another one first.
            if self.of_member.get(member) == Some(&slot) {
                self.of_member.remove(member);
                self.rising.remove(member);
            }
        }
    }
}

impl Entry {
    /// Another shard has found its members to be so.
    fn begin_as_found(&mut self, live: &Live, now: Time) {
        let Entry { check, own: Some(own) } = self else { return };
        let is_unhealthy = |member: &Member| live.unhealthy.binary_search(member).is_ok();
        let Some(first) = check.members.first().map(is_unhealthy) else { return };
        if first {
            own.verdict.state(Health::Unhealthy, now);
            // Presumably: taking over a dead shard's black holes must not cost the others their interval.
            own.is_slow = true;
        }
        if check.members.iter().any(|member| is_unhealthy(member) != first) {
            own.unconfirmed = Some(0);
        }
    }
}

/// Whether a backend that requests can not reach was reached by probes often enough since; told again after as many more,
/// should that be needed. `is_reached`: it is such a one, and this probe reached it.
fn has_risen(rising: &mut AHashMap<Member, u32>, member: Member, is_reached: bool, rise: u32) -> bool {
    if !is_reached {
        rising.remove(&member);
        return false;
    }
    let successes = rising.entry(member).or_default();
    *successes += 1;
    let is_enough = *successes >= rise;
    if is_enough {
        rising.remove(&member);
    }
    is_enough
}

#[cfg(test)]
mod tests;
