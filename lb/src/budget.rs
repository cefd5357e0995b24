//! How many retries a cluster may cost: a share of its requests, and a few per second whatever comes.
//!
//! When everything fails, retries multiply the load on what is left. The budget bounds that, for the whole process:
//! over the last [`RETRY_BUDGET_WINDOW`], retries are at most `percent` of the requests; beyond, `min_per_s` per second (and
//! as many at once), so that a cluster with little traffic can retry at all. What lies before the window counts for nothing.
//!
//! Requests are counted without a shared write: each shard has a [`BudgetShare`] that adds
//! [`RETRY_BUDGET_BATCH`] at a time, or when a part of the window has gone by, or before it asks. So the budget may not know
//! of up to one batch of each *other* shard: with W shards, up to `(W - 1) × (batch - 1) × percent` retries too few for a
//! moment, never one that no request pays for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_core::Time;

use crate::limits::{RETRY_BUDGET_BATCH, RETRY_BUDGET_PARTS, RETRY_BUDGET_WINDOW};
use crate::rate::{Limit, SECOND};

/// The length of one part of the window, in nanoseconds.
const PART: u64 = RETRY_BUDGET_WINDOW.as_nanos() as u64 / RETRY_BUDGET_PARTS as u64;

/// The budget of a cluster, shared by all shards.
#[derive(Debug)]
pub struct RetryBudget {
    percent: u64,
    /// `None`: no retries but the share of the requests.
    reserve: Option<Limit>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    window: Window,
    /// Of the reserve, as in a [`RateTable`](crate::RateTable).
    full_at: Time,
}

/// What happened of late.
#[derive(Debug, Default)]
struct Window {
    parts: [Part; RETRY_BUDGET_PARTS],
    /// Number of the current part, counted from the origin of time.
    current: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Part {
    requests: u64,
    /// Those that the requests paid for.
    retries: u64,
}

/// One shard's side of a [`RetryBudget`].
#[derive(Debug)]
pub struct BudgetShare {
    budget: Arc<RetryBudget>,
    /// Counted here and not there.
    requests: u32,
    /// When they are added at the latest.
    due: Time,
}

impl RetryBudget {
    /// Retries may be `percent` of the requests, and beyond that `min_per_s` per second.
    #[must_use]
    pub fn new(percent: u8, min_per_s: u32) -> RetryBudget {
        // Rounded down, since it is what is allowed at least.
        let reserve =
            SECOND.checked_div(u64::from(min_per_s)).map(|interval| Limit::new(interval, min_per_s));
        RetryBudget { percent: u64::from(percent), reserve, state: Mutex::default() }
    }

    /// A shard's side of it.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> BudgetShare {
        BudgetShare { budget: Arc::clone(self), requests: 0, due: Time::ZERO }
    }

    /// Adds `requests`; then, if `retry`, takes a retry, if there is one left.
    fn settle(&self, requests: u32, retry: bool, now: Time) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { window, full_at } = &mut *state;
        window.advance(now);
        window.part().requests += u64::from(requests);
        if !retry {
            return false;
        }
        let Part { requests, retries } = window.total();
        if (retries + 1) * 100 <= requests * self.percent {
            window.part().retries += 1;
            return true;
        }
        self.reserve.is_some_and(|limit| limit.take(full_at, now).is_ok())
    }
}

impl BudgetShare {
    /// A request came in; its retries do not count.
    pub fn deposit(&mut self, now: Time) {
        self.forget(now);
        self.requests += 1;
        if self.requests >= RETRY_BUDGET_BATCH || now >= self.due {
            self.settle(false, now);
        }
    }

    /// Whether a request may be retried; if so, that retry is counted.
    #[must_use]
    pub fn withdraw(&mut self, now: Time) -> bool {
        self.forget(now);
        self.settle(true, now)
    }

    /// What was counted before the window says nothing any more.
    fn forget(&mut self, now: Time) {
        if now.since(self.due) > RETRY_BUDGET_WINDOW {
            self.requests = 0;
        }
    }

    fn settle(&mut self, retry: bool, now: Time) -> bool {
        self.due = now + Duration::from_nanos(PART);
        self.budget.settle(std::mem::take(&mut self.requests), retry, now)
    }
}

impl Window {
    /// Forgets what is too old. A shard whose clock lags counts into the current part.
    fn advance(&mut self, now: Time) {
        let current = (now.as_nanos() / PART).max(self.current);
        for part in (self.current + 1..=current).take(RETRY_BUDGET_PARTS) {
            self.parts[part as usize % RETRY_BUDGET_PARTS] = Part::default();
        }
        self.current = current;
    }

    fn part(&mut self) -> &mut Part {
        &mut self.parts[self.current as usize % RETRY_BUDGET_PARTS]
    }

    fn total(&self) -> Part {
        self.parts.iter().fold(Part::default(), |sum, part| Part {
            requests: sum.requests + part.requests,
            retries: sum.retries + part.retries,
        })
    }
}

#[cfg(test)]
mod tests;
