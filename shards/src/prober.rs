//! Active checks: the probes of the addresses that this shard owns, on the shard's own engine.
//!
//! Each address is probed by one shard, which every shard works out for itself from the list of those that live. The others
//! keep the same books without probing, so that ownership can move at once.
//!
//! **Slow addresses.** A probe that times out takes its slot for all of that time. Addresses whose last one did share a part
//! of the slots, so that the others keep their interval however many black holes there are.
//!
//! **Down without traffic.** Requests that can not connect take a backend down although its checks may pass, and where no
//! requests come none can find it up again. So as many successes in a row as make an unhealthy backend healthy end that as
//! well. Where checks pass that requests do not (another port, a firewall that knows the difference) the backend goes up and
//! down: up at most once in `rise` intervals.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Poll, Waker};

use ahash::AHashMap;
use ringway_core::{Address, Time};
use ringway_engine::{Deadline, Engine, Out, Stream};
use ringway_health::board::{Member, Signal};
use ringway_health::{CheckSettings, Health, Probe, Reason, Schedule, Step, Verdict, address_hash, owner};
use ringway_lb::WaitQueue;

use crate::inbox::Live;
use crate::limits::{
    LINGER_BYTES_MAX, PROBE_LINGER_MAX, PROBES_AT_ONCE_MAX, PROBES_SLOW_MAX, PROBES_WAITING_MAX,
};
use crate::shard::Shard;

/// One address and how it is checked: compiled once, for every shard.
#[derive(Debug)]
pub(crate) struct Check {
    /// By whose owner it is probed.
    pub(crate) address: Address,
    pub(crate) probe: Probe,
    pub(crate) settings: CheckSettings,
    /// The backends that it stands for: those of all clusters with this address and this check.
    pub(crate) members: Vec<Member>,
}

/// How many probes run in the process.
#[derive(Debug)]
pub struct ProbeSlots {
    all: Slots,
    /// Those of addresses whose last probe timed out: each takes one here as well, and first.
    slow: Slots,
}

/// So many at once; whoever finds none free waits in line.
#[derive(Debug)]
struct Slots {
    used: AtomicU32,
    max: u32,
    queue: Arc<WaitQueue>,
}

impl Default for ProbeSlots {
    fn default() -> ProbeSlots {
        ProbeSlots { all: Slots::new(PROBES_AT_ONCE_MAX), slow: Slots::new(PROBES_SLOW_MAX) }
    }
}

/// One of [`Slots`].
struct Slot<'a>(&'a Slots);

/// The right to run a probe.
struct ProbeSlot<'a> {
    _of_all: Slot<'a>,
    _of_slow: Option<Slot<'a>>,
}

impl ProbeSlots {
    /// The next slot that is free; `None` if too many wait already.
    async fn take(&self, is_slow: bool) -> Option<ProbeSlot<'_>> {
        let of_slow = if is_slow { Some(self.slow.take().await?) } else { None };
        Some(ProbeSlot { _of_all: self.all.take().await?, _of_slow: of_slow })
    }
}

impl Slots {
    fn new(max: u32) -> Slots {
        Slots { used: AtomicU32::new(0), max, queue: Arc::new(WaitQueue::new(PROBES_WAITING_MAX)) }
    }

    fn try_take(&self) -> Option<Slot<'_>> {
        let take = |used| (used < self.max).then_some(used + 1);
        self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).ok().map(|_| Slot(self))
    }

    async fn take(&self) -> Option<Slot<'_>> {
        if self.queue.is_empty()
            && let Some(slot) = self.try_take()
        {
            return Some(slot);
        }
        let mut waiter = self.queue.join()?;
        loop {
            poll_fn(|cx| waiter.poll_turn(cx)).await;
            if let Some(slot) = self.try_take() {
                waiter.served();
                return Some(slot);
            }
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::SeqCst);
        self.0.queue.wake_one();
    }
}

/// The checks of a shard.
#[derive(Debug)]
pub(crate) struct Prober {
    shard: u16,
    slots: Arc<ProbeSlots>,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// Of the plan's checks, those that this shard owns.
    schedule: Schedule,
    /// By check: what its results come to. Also of those that another shard owns.
    verdicts: Vec<Verdict>,
    owned: Vec<bool>,
    /// By check: whether its last probe timed out.
    slow: Vec<bool>,
    /// Of backends that are down although their check finds them well: its successes in a row since.
    rising: AHashMap<Member, u32>,
    /// Of the task that waits for the next probe.
    waker: Option<Waker>,
}

impl Prober {
    /// Of shard number `shard`, with these checks; it owns none yet.
    pub(crate) fn new(shard: u16, checks: usize, slots: Arc<ProbeSlots>) -> Prober {
        let state = State {
            schedule: Schedule::default(),
            verdicts: vec![Verdict::new(); checks],
            owned: vec![false; checks],
            slow: vec![false; checks],
            rising: AHashMap::new(),
            waker: None,
        };
        Prober { shard, slots, state: RefCell::new(state) }
    }

    /// From now on these shards live: this one probes what is its among them, and goes on from what was found so far.
    pub(crate) fn share(&self, checks: &[Check], live: &Live, now: Time) {
        let mut state = self.state.borrow_mut();
        let State { schedule, verdicts, owned, slow, rising, waker } = &mut *state;
        for (id, check) in checks.iter().enumerate() {
            let is_mine = owner(&check.address, live.shards.iter().copied()) == Some(self.shard);
            if is_mine == std::mem::replace(&mut owned[id], is_mine) {
                continue;
            }
            if is_mine {
                verdicts[id] = Verdict::new();
                slow[id] = false;
                if check.members.first().is_some_and(|member| live.unhealthy.binary_search(member).is_ok()) {
                    verdicts[id].state(Health::Unhealthy, now);
                    // Presumably: taking over a dead shard's black holes must not cost the others their interval.
                    slow[id] = true;
                }
                schedule.add(id as u32, phase(check), &check.settings, now);
            } else {
                schedule.remove(id as u32);
                check.members.iter().for_each(|member| _ = rising.remove(member));
            }
        }
        if let Some(waker) = waker.take() {
            waker.wake();
        }
    }

    /// How many checks this shard owns.
    pub(crate) fn owned(&self) -> usize {
        self.state.borrow().owned.iter().filter(|owned| **owned).count()
    }
}

/// Where in its interval a check is run: the same in every shard and process.
fn phase(check: &Check) -> u64 {
    let cluster = check.members.first().map_or(0, |member| u64::from(member.cluster));
    address_hash(&check.address).wrapping_add(cluster << 32)
}

/// Probes what the shard owns, each when it is due, for as long as the shard runs.
pub(crate) async fn run<E: Engine>(shard: Rc<Shard<E>>) {
    loop {
        let due = shard.prober.state.borrow_mut().schedule.next_due();
        until(&shard, due).await;
        let now = shard.engine.now();
        loop {
            let next = {
                let mut rng = shard.rng.borrow_mut();
                shard.prober.state.borrow_mut().schedule.pop_due(now, &mut *rng)
            };
            let Some(id) = next else { break };
            let own = Rc::clone(&shard);
            shard.engine.spawn(async move { check(&own, id).await });
        }
    }
}

/// Waits until `due`, or until the schedule was changed.
async fn until<E: Engine>(shard: &Rc<Shard<E>>, due: Time) {
    let mut late = pin!(shard.engine.sleep_until(due));
    let mut first = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut first) && shard.prober.state.borrow().waker.is_none() {
            return Poll::Ready(());
        }
        shard.prober.state.borrow_mut().waker = Some(cx.waker().clone());
        late.as_mut().poll(cx)
    })
    .await;
}

/// One probe, from its slot to its verdict.
async fn check<E: Engine>(shard: &Rc<Shard<E>>, id: u32) {
    let plan = &shard.plan.checks[id as usize];
    let is_slow = shard.prober.state.borrow().slow[id as usize];
    // Where too many wait there is no verdict this time.
    let result = match shard.prober.slots.take(is_slow).await {
        // It may have become another shard's meanwhile.
        Some(_) if !shard.prober.state.borrow().owned[id as usize] => return,
        Some(_slot) => Some(probe(&shard.engine, plan).await),
        None => None,
    };
    let now = shard.engine.now();
    let (flip, up) = {
        let mut state = shard.prober.state.borrow_mut();
        state.schedule.done(id, now);
        // It may be the next that is due.
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        let Some(result) = &result else {
            shard.counters.probes_skipped.one();
            return;
        };
        shard.counters.probes.one();
        if !state.owned[id as usize] {
            return;
        }
        state.slow[id as usize] = matches!(result, Err(Reason::TimedOut(_)));
        let verdict = &mut state.verdicts[id as usize];
        let flip = match result {
            Ok(()) => verdict.probe_succeeded(&plan.settings, now),
            Err(_) => verdict.probe_failed(&plan.settings, now),
        };
        let is_well = result.is_ok() && flip.is_none() && verdict.health() == Health::Healthy;
        let is_changing = verdict.is_changing();
        state.schedule.set_fast(id, is_changing, now);
        (flip, risen(shard, &mut state.rising, plan, is_well))
    };
    let reason = match result {
        Some(Err(reason)) => {
            shard.counters.probes_failed.one();
            tracing::debug!(shard = shard.id, address = %plan.address, %reason, "probe failed");
            reason.to_string()
        }
        _ => format!("{} probes in a row succeeded", plan.settings.rise),
    };
    if let Some(health) = flip {
        for member in &plan.members {
            let healthy = health == Health::Healthy;
            shard.outbox.send(Signal::Probed { member: *member, healthy, reason: reason.clone() });
        }
    }
    for member in up {
        shard.outbox.send(Signal::Up { member });
    }
}

/// Of the backends that `check` stands for, those that are down and were reached often enough since; told again after as many
/// more, should that be needed. `is_well`: this probe succeeded, and was not the one to make them healthy.
fn risen<E: Engine>(
    shard: &Shard<E>,
    rising: &mut AHashMap<Member, u32>,
    check: &Check,
    is_well: bool,
) -> Vec<Member> {
    let mut has_risen = |member: &Member| {
        if !is_well || !shard.is_down(*member) {
            rising.remove(member);
            return false;
        }
        let successes = rising.entry(*member).or_default();
        *successes += 1;
        let is_enough = *successes >= check.settings.rise;
        if is_enough {
            rising.remove(member);
        }
        is_enough
    };
    check.members.iter().copied().filter(|member| has_risen(member)).collect()
}

async fn probe<E: Engine>(engine: &E, check: &Check) -> Result<(), Reason> {
    let deadline = engine.now() + check.settings.timeout;
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::TimedOut => Reason::TimedOut(check.settings.timeout),
        _ => Reason::Connect(error.to_string()),
    };
    let stream =
        engine.connect(check.probe.address().clone(), deadline).await.map_err(|error| failed(&error))?;
    let request = check.probe.request();
    if request.is_empty() {
        // Leaves no socket in TIME_WAIT on this side.
        stream.reset_on_close();
        return Ok(());
    }
    stream.set_deadline(Deadline::Send, deadline);
    stream.set_deadline(Deadline::Recv, deadline);
    let send = async |bytes: &[u8]| {
        let mut buffer = engine.buffer();
        buffer.vec().extend_from_slice(bytes);
        stream.sent().await.map_err(|_| Reason::Cut)?;
        stream.post(Out::Buffer(buffer));
        Ok(())
    };
    send(request).await?;
    let mut judge = check.probe.judge();
    loop {
        let chunk = match stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return judge.end(),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Reason::TimedOut(check.settings.timeout));
            }
            Err(_) => return Err(Reason::Cut),
        };
        match judge.feed(&chunk) {
            Step::More => {}
            Step::Send(bytes) => send(&bytes).await?,
            Step::Passed => {
                linger(engine, stream);
                return Ok(());
            }
            Step::Failed(reason) => {
                linger(engine, stream);
                return Err(reason);
            }
        }
    }
}

/// Takes the rest of an answer whose verdict is known, for a short time: a backend that is still sending when we close would
/// meet a reset, and complain of it in its log with every probe.
fn linger<E: Engine>(engine: &E, stream: E::Stream) {
    stream.set_deadline(Deadline::Recv, engine.now() + PROBE_LINGER_MAX);
    engine.spawn(async move {
        let mut dropped = 0;
        while dropped <= LINGER_BYTES_MAX
            && let Ok(Some(chunk)) = stream.recv().await
        {
            dropped += chunk.len();
        }
    });
}
