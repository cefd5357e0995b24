//! The shards: which run, which are about to, which drain because another took their place.

use std::time::Duration;

use ringway_core::Time;
use ringway_shards::{Command, Live};

use super::hub::Ask;
use super::limits::{RESTART_STABLE, RESTART_WAIT_MAX, RESTART_WAIT_MIN};
use super::shard::Shard;

/// All shards of the process.
#[derive(Debug)]
pub(super) struct Roster {
    /// By number.
    places: Vec<Place>,
    /// Those whose place was given to another: they drain.
    leaving: Vec<Shard>,
    /// None is started any more.
    ends: bool,
}

/// The place of a shard: its number, its core, and who has it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: u16,
    pub(super) core: usize,
    pub(super) tenant: Tenant,
    /// How often it was taken again.
    pub(super) restarts: u64,
    /// Since when the present shard runs.
    pub(super) since: Time,
    /// How long the next start waits, if this one fails.
    wait: Duration,
    /// Why it is started, for the event.
    pub(super) reason: String,
    /// Who asked for it.
    pub(super) ask: Option<Ask>,
}

/// Who has a place.
#[derive(Debug)]
pub(super) enum Tenant {
    /// It was started and does not run yet.
    Starting(Shard),
    Running(Shard),
    /// Another is started at that time.
    Awaited(Time),
}

impl Place {
    fn shard(&self) -> Option<&Shard> {
        match &self.tenant {
            Tenant::Starting(shard) | Tenant::Running(shard) => Some(shard),
            Tenant::Awaited(_) => None,
        }
    }

    pub(super) fn state(&self) -> &'static str {
        match self.tenant {
            Tenant::Running(_) => "running",
            Tenant::Starting(_) | Tenant::Awaited(_) => "restarting",
        }
    }

    /// Another is to be started at `at`; whoever had the place.
    fn vacate(&mut self, at: Time) -> Option<Shard> {
        match std::mem::replace(&mut self.tenant, Tenant::Awaited(at)) {
            Tenant::Starting(shard) | Tenant::Running(shard) => Some(shard),
            Tenant::Awaited(_) => None,
        }
    }
}

/// A shard that has ended.
pub(super) enum Gone {
    /// It had its place.
    Tenant { id: u16, name: String, was_up: bool },
    /// It drained after another had taken its place.
    Leaving { name: String },
}

impl Roster {
    /// All of them run, from `now` on.
    pub(super) fn new(shards: Vec<Shard>, now: Time) -> Roster {
        let place = |shard: Shard| Place {
            id: shard.id,
            core: shard.core,
            tenant: Tenant::Running(shard),
            restarts: 0,
            since: now,
            wait: RESTART_WAIT_MIN,
            reason: String::new(),
            ask: None,
        };
        Roster { places: shards.into_iter().map(place).collect(), leaving: Vec::new(), ends: false }
    }

    /// How many places there are.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    pub(super) fn place_mut(&mut self, id: u16) -> Option<&mut Place> {
        self.places.get_mut(usize::from(id))
    }

    /// Those that have a place.
    pub(super) fn present(&self) -> impl Iterator<Item = &Shard> {
        self.places.iter().filter_map(Place::shard)
    }

    /// Also those that drain.
    pub(super) fn all(&self) -> impl Iterator<Item = &Shard> {
        self.present().chain(&self.leaving)
    }

    pub(super) fn leaving(&self) -> &[Shard] {
        &self.leaving
    }

    pub(super) fn has_any(&self) -> bool {
        self.all().next().is_some()
    }

    pub(super) fn will_have_any(&self) -> bool {
        !self.ends && !self.places.is_empty()
    }

    /// From now on none is started. Who asked for one is to be told.
    pub(super) fn start_no_more(&mut self) -> Vec<Ask> {
        self.ends = true;
        self.places.iter_mut().filter_map(|place| place.ask.take()).collect()
    }

    /// The numbers of those that run.
    pub(super) fn running(&self) -> Vec<u16> {
        self.places
            .iter()
            .filter(|place| matches!(place.tenant, Tenant::Running(_)))
            .map(|place| place.id)
            .collect()
    }

    /// Tells all that have a place.
    pub(super) fn tell(&self, command: impl Fn() -> Command) {
        self.present().for_each(|shard| shard.tell(command()));
    }

    /// When the next shard is to be started; not while a step is under way, which it would miss.
    pub(super) fn next_start(&self, now: Time, is_busy: bool) -> Option<Time> {
        if self.ends || is_busy {
            return None;
        }
        let due = self.places.iter().filter_map(|place| match place.tenant {
            Tenant::Awaited(at) => Some(at),
            _ => None,
        });
        due.min().map(|at| at.max(now))
    }

    /// The places for which it is time.
    pub(super) fn due(&self, now: Time) -> Vec<u16> {
        if self.ends {
            return Vec::new();
        }
        let is_due = |place: &&Place| matches!(place.tenant, Tenant::Awaited(at) if at <= now);
        self.places.iter().filter(is_due).map(|place| place.id).collect()
    }

    /// A shard was started in the place of its number.
    pub(super) fn started(&mut self, shard: Shard) {
        let place = &mut self.places[usize::from(shard.id)];
        place.tenant = Tenant::Starting(shard);
    }

    /// A start failed, or its shard ended: the next one waits longer each time, until one has run for long.
    pub(super) fn retry(&mut self, id: u16, now: Time) -> Duration {
        let place = &mut self.places[usize::from(id)];
        let wait = place.wait;
        place.wait = (wait * 2).min(RESTART_WAIT_MAX);
        drop(place.vacate(now + wait));
        wait
    }

    /// The shard of this life runs: its place.
    pub(super) fn came_up(&mut self, life: u64, now: Time) -> Option<&mut Place> {
        let place =
            self.places.iter_mut().find(|place| place.shard().is_some_and(|shard| shard.life == life))?;
        if let Tenant::Starting(shard) = std::mem::replace(&mut place.tenant, Tenant::Awaited(now)) {
            place.tenant = Tenant::Running(shard);
            place.restarts += 1;
            place.since = now;
        }
        Some(place)
    }

    /// The shard of this life has ended.
    pub(super) fn ended(&mut self, life: u64, now: Time) -> Option<Gone> {
        if let Some(at) = self.leaving.iter().position(|shard| shard.life == life) {
            let shard = self.leaving.swap_remove(at);
            let name = shard.name.clone();
            shard.join();
            return Some(Gone::Leaving { name });
        }
        let place =
            self.places.iter_mut().find(|place| place.shard().is_some_and(|shard| shard.life == life))?;
        let was_up = matches!(place.tenant, Tenant::Running(_));
        // One that did not come up has not run, however long ago the last one did.
        if was_up && now.since(place.since) >= RESTART_STABLE {
            place.wait = RESTART_WAIT_MIN;
        }
        let shard = place.vacate(now)?;
        let name = shard.name.clone();
        shard.join();
        Some(Gone::Tenant { id: place.id, name, was_up })
    }

    /// Has the shard of this number drain, and another one take its place. `false`: there is none that runs.
    pub(super) fn replace(&mut self, id: u16, now: Time, within: Duration) -> bool {
        let Some(place) = self.places.get_mut(usize::from(id)) else { return false };
        if !matches!(place.tenant, Tenant::Running(_)) {
            return false;
        }
        let Some(shard) = place.vacate(now) else { return false };
        // It is not told of commits any more, and must not keep what it has prepared.
        shard.tell(Command::Abort);
        // Its health checks go to the one that follows.
        shard.tell(Command::Live(Live { shards: Vec::new(), unhealthy: Vec::new() }.into()));
        shard.tell(Command::Drain { within });
        self.leaving.push(shard);
        true
    }

    /// Those that have not ended, which are left behind.
    pub(super) fn abandon(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self.all().map(|shard| shard.name.clone()).collect();
        names.sort();
        self.places.clear();
        self.leaving.clear();
        names
    }
}

#[cfg(test)]
mod tests;
