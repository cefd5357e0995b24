//! One measured round: the load, and what it cost the proxy.

use crate::error::Error;
use crate::group::Group;
use crate::usage::Spent;
use crate::wrk::{Load, Wrk};
use crate::{clock, machine};

/// What one round showed.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// What the load generator saw.
    pub(crate) load: Load,
    /// What the proxy's threads consumed.
    pub(crate) spent: Spent,
    /// Length of the round, between the two looks at the accounting.
    pub(crate) wall_s: f64,
    /// Time that the proxy's core was busy, with whatever.
    pub(crate) core_busy_s: f64,
    /// TCP connections accepted on the machine: the proxy's clients and the origin's.
    pub(crate) accepted: u64,
}

/// Puts load on a port and accounts for the processes behind it.
pub(crate) fn measure(group: &Group, core: usize, port: u16, wrk: &Wrk) -> Result<Round, Error> {
    let busy = || machine::core_busy_s(core).map_err(Error::io("cannot read the core's time"));
    let accepted = || machine::connections_accepted().map_err(Error::io("cannot count connections"));
    let (busy_before, accepted_before) = (busy()?, accepted()?);
    let (started, usage) = (clock::now(), group.usage()?);
    let load = wrk.run(port)?;
    let spent = group.usage()?.since(&usage);
    let wall_s = started.elapsed().as_secs_f64();
    if load.requests == 0 {
        return Err(Error::NoAnswers);
    }
    let core_busy_s = busy()? - busy_before;
    Ok(Round { load, spent, wall_s, core_busy_s, accepted: accepted()?.saturating_sub(accepted_before) })
}

impl Round {
    /// CPU time of the proxy's threads for each request, microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.spent.ran_ns as f64 / 1e3 / self.load.requests as f64
    }

    /// Time of the proxy's whole core for each request, microseconds; to one clock tick in the round.
    pub(crate) fn core_us(&self) -> f64 {
        self.core_busy_s * 1e6 / self.load.requests as f64
    }

    /// Requests answered per second.
    pub(crate) fn per_s(&self) -> f64 {
        self.load.requests as f64 / self.load.seconds
    }

    /// The share of the CPU time spent in user mode, sampled by clock ticks.
    pub(crate) fn user_share(&self) -> f64 {
        let ticks = self.spent.user_ticks + self.spent.system_ticks;
        self.spent.user_ticks as f64 / ticks.max(1) as f64
    }

    /// The share of the round that the proxy's threads were on a core.
    pub(crate) fn busy_share(&self) -> f64 {
        self.spent.ran_ns as f64 / 1e9 / self.wall_s
    }

    /// The share of the round that the proxy's threads were ready but something else had their core.
    pub(crate) fn waited_share(&self) -> f64 {
        self.spent.waited_ns as f64 / 1e9 / self.wall_s
    }

    /// New connections for each request, both sides of the proxy together.
    pub(crate) fn accepted_per_request(&self) -> f64 {
        self.accepted as f64 / self.load.requests as f64
    }

    /// Bytes of an answer, head included, as far as wrk's rounded total tells.
    pub(crate) fn answer_bytes(&self) -> f64 {
        self.load.bytes / self.load.requests as f64
    }
}
