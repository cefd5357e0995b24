//! The checker's loop: begins what is due, waits, takes in what has ended.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::Time;
use ringway_lb::LoadBalancer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connect::{self, Connect};
use super::targets::Targets;
use crate::limits::{CHECKER_LOOKS_EVERY, PROBES_MAX, PROBES_SLOW_MAX};
use crate::probe::Reason;
use crate::schedule::Schedule;
use crate::settings::CheckSettings;

#[derive(Debug)]
pub(super) struct Prober {
    balancer: LoadBalancer,
    settings: CheckSettings,
    targets: Targets,
    /// Of the balancer's members, when they were last taken over.
    version: Option<u64>,
    /// When to look for another version: taking over costs a pass over all.
    look_at: Time,
    schedule: Schedule,
    /// Due, but slow, and enough slow ones are under way.
    held_back: VecDeque<u32>,
    flights: Vec<Flight>,
    rng: SmallRng,
}

/// A probe under way.
#[derive(Debug)]
struct Flight {
    id: u32,
    is_slow: bool,
    socket: OwnedFd,
    deadline: Time,
}

impl Prober {
    pub(super) fn new(balancer: LoadBalancer, settings: CheckSettings, seed: u64) -> Prober {
        Prober {
            balancer,
            settings,
            targets: Targets::default(),
            version: None,
            look_at: Time::ZERO,
            schedule: Schedule::new(),
            held_back: VecDeque::new(),
            flights: Vec::with_capacity(PROBES_MAX),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// How many probes are under way.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// Whether a probe is under way to such an address.
    #[cfg(test)]
    pub(super) fn is_under_way(&self, to: impl Fn(&ringway_core::Address) -> bool) -> bool {
        let targets = self.flights.iter().filter_map(|flight| self.targets.get(flight.id));
        targets.map(|target| &target.address).any(to)
    }

    /// Does what there is to do, waiting for it no longer than `patience`, or until `bell` rings.
    pub(super) fn turn(&mut self, bell: &OwnedFd, patience: Duration) {
        self.look();
        self.begin();
        let ready = self.wait(bell, patience);
        self.land(&ready);
    }

    /// Takes over what came and went.
    fn look(&mut self) {
        let now = self.balancer.now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + CHECKER_LOOKS_EVERY;
        let version = Some(self.balancer.members_version());
        if self.version != version {
            self.version = version;
            self.targets.set(self.balancer.members(), &mut self.schedule, &self.settings, now);
        }
    }

    fn begin(&mut self) {
        let now = self.balancer.now();
        while self.flights.len() < PROBES_MAX
            && let Some(id) = self.next(now)
        {
            let Some(target) = self.targets.get(id) else { continue };
            let is_slow = target.is_slow;
            match connect::begin(&target.address) {
                Connect::Pending(socket) => {
                    let deadline = self.balancer.now() + self.settings.timeout;
                    self.flights.push(Flight { id, is_slow, socket, deadline });
                }
                ended => self.end(id, ended),
            }
        }
    }

    fn next(&mut self, now: Time) -> Option<u32> {
        let slow = self.flights.iter().filter(|flight| flight.is_slow).count();
        if slow < PROBES_SLOW_MAX
            && let Some(id) = self.held_back.pop_front()
        {
            return Some(id);
        }
        loop {
            let id = self.schedule.pop_due(now, &mut self.rng)?;
            let is_slow = self.targets.get(id).is_some_and(|target| target.is_slow);
            if !is_slow || slow < PROBES_SLOW_MAX {
                return Some(id);
            }
            self.held_back.push_back(id);
        }
    }

    /// Which flights have something to tell.
    fn wait(&self, bell: &OwnedFd, patience: Duration) -> Vec<bool> {
        let first_deadline = self.flights.iter().map(|flight| flight.deadline).min().unwrap_or(Time::NEVER);
        let next_due = if self.flights.len() < PROBES_MAX { self.schedule.next_due() } else { Time::NEVER };
        let patience = first_deadline.min(next_due).since(self.balancer.now()).min(patience);
        let patience =
            Timespec { tv_sec: patience.as_secs().cast_signed(), tv_nsec: patience.subsec_nanos().into() };
        let sockets = self.flights.iter().map(|flight| PollFd::new(&flight.socket, PollFlags::OUT));
        let mut fds: Vec<PollFd<'_>> = sockets.chain([PollFd::new(bell, PollFlags::IN)]).collect();
        // Interrupted, or out of memory: as if nothing had happened, the next turn asks again.
        let _ = poll(&mut fds, Some(&patience));
        fds[..self.flights.len()].iter().map(|fd| !fd.revents().is_empty()).collect()
    }

    fn land(&mut self, ready: &[bool]) {
        let now = self.balancer.now();
        // From the back, because what is removed is replaced by the last one.
        for index in (0..ready.len()).rev() {
            let flight = &self.flights[index];
            let ended = if ready[index] {
                connect::ended(&flight.socket)
            } else if flight.deadline <= now {
                Connect::Refused(Reason::TimedOut(self.settings.timeout))
            } else {
                continue;
            };
            let flight = self.flights.swap_remove(index);
            self.end(flight.id, ended);
        }
    }

    fn end(&mut self, id: u32, ended: Connect) {
        let result = match ended {
            Connect::Made => Some(Ok(())),
            Connect::Refused(reason) => Some(Err(reason)),
            Connect::Pending(_) | Connect::Unable => None,
        };
        let now = self.balancer.now();
        if let Some(result) = result {
            let is_changing = self.targets.ended(id, &result, &self.balancer, &self.settings, now);
            self.schedule.set_fast(id, is_changing, now);
        }
        self.schedule.done(id, now);
    }
}
