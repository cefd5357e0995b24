//! Who gets the next request: backends, policies, retry policy, latches. Pure: `now` and randomness are arguments.
//!
//! Each shard has a [`BackendList`] of its own for each cluster, and asks it for a backend without a lock; a [`BackendMap`] keeps
//! such lists by name. What shards share is one [`Load`] per backend and one per cluster, so that policies which compare
//! loads see the whole machine, and limits are limits of the process.
//!
//! A backend that can not open is not in the set that selection draws from, so selection does not scan while all is well.
//! Two questions are kept apart: [`Backend::can_open`] routes, [`Backend::is_available`] reports. [`Tier`] says in which
//! order backends are considered and what happens when all have failed.
//!
//! At a limit, requests of all shards wait in one [`WaitQueue`]; [`KeyedSlots`], [`RateTable`] and [`RetryBudget`] are limits of
//! the process as well. Programs without shards use [`LoadBalancer`]: the same behind a lock, and the one thing in here that
//! brings a clock of its own. `ringway-health` checks its backends, and knows this crate; not the other way round.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use rand::SeedableRng;
//! use ringway_core::Time;
//! use ringway_lb::{BackendMap, BackendSpec, Demand, Load, NoBackend, Policy, Released, Settings, Tried};
//!
//! let mut rng = rand::rngs::SmallRng::seed_from_u64(1);
//! let now = Time::ZERO;
//!
//! let mut map = BackendMap::new();
//! let settings = Settings { policy: Policy::PowerOf { choices: 2 }, ..Settings::default() };
//! let api = map.add_cluster("api".parse()?, settings, Arc::new(Load::new()));
//! let list = map.cluster_mut(api);
//! for (id, address) in [("a", "10.0.0.1:80"), ("b", "10.0.0.2:80")] {
//!     let spec = BackendSpec { requests_max: 1, ..BackendSpec::new(id.parse()?, address.parse()?) };
//!     let _ = list.add(spec, Arc::new(Load::new()));
//! }
//!
//! // A request goes to one of them, which refuses the connection ...
//! let first = list.select(now, &mut rng, &Demand::first())?;
//! let _ = list.on_failure(first.key, now, &mut rng);
//! assert_eq!(list.end_request(first.key), Released::Kept);
//! let mut tried = Tried::NONE;
//! tried.insert(first.key);
//!
//! // ... so its retry goes to the other one, which takes one request at a time.
//! let second = list.select(now, &mut rng, &Demand { tried: &tried, ..Demand::first() })?;
//! assert_ne!(second.address, first.address);
//! let later = now + Duration::from_millis(999);
//! assert_eq!(list.select(later, &mut rng, &Demand::first()), Err(NoBackend::Full));
//! assert!(list.get(first.key).is_some_and(|backend| !backend.can_open(later) && backend.is_available()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod limits;

mod backend;
mod balancer;
mod budget;
mod demand;
mod draw;
mod hash;
mod keyed;
mod latch;
mod list;
mod load;
mod map;
mod policy;
mod pool;
mod rate;
mod retry;
mod slab;
mod spec;
mod tried;
mod wait_queue;
mod waiting;
mod weight_tree;

pub use backend::{Backend, BackendKey, Status};
pub use balancer::{BackendSnapshot, GroupSnapshot, LoadBalancer, SelectError, Selected};
pub use budget::{BudgetShare, RetryBudget};
pub use demand::Demand;
pub use hash::stable_hash;
pub use keyed::{KeyedSlots, KeyedWaiter};
pub use latch::{Availability, FailOpenFlip, Flip};
pub use list::BackendList;
pub use list::outcome::{Added, Changed, Failed, Released, Removed, Succeeded};
pub use list::select::{NoBackend, Selection, Tier};
pub use list::tally::Counts;
pub use load::{FailureKind, Failures, Load};
pub use map::{BackendMap, ClusterKey};
pub use policy::{Metric, Policy};
pub use rate::RateTable;
pub use retry::{FailureOutcome, RetryPolicy, SuccessOutcome};
pub use spec::{Admin, BackendSpec, Settings};
pub use tried::Tried;
pub use wait_queue::{WaitQueue, Waiter};
