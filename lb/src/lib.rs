//! Who gets the next request: backends, policies, retry policy, latches. Pure: `now` and randomness are arguments.
//!
//! Each shard owns one [`BackendMap`] and asks the cluster's [`BackendList`] for a backend; nothing in here locks. What
//! shards share is one counter per backend, [`InFlight`], so that policies which compare loads see the whole machine.
//!
//! A backend that fails leaves the set that selection draws from until its back-off window ends, so selection does not
//! scan while all is well. Two questions are kept apart: [`Backend::can_open`] routes, [`Backend::is_available`]
//! reports. [`Tier`] says in which order backends are considered and what happens when all have failed.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use rand::SeedableRng;
//! use ringway_core::Time;
//! use ringway_lb::{BackendMap, BackendSpec, InFlight, Policy, Released, Settings, Tried};
//!
//! let mut rng = rand::rngs::SmallRng::seed_from_u64(1);
//! let now = Time::ZERO;
//!
//! let mut map = BackendMap::new();
//! let api = map.add_cluster("api".parse()?, Settings { policy: Policy::PowerOfTwo });
//! let list = map.cluster_mut(api);
//! for (id, address) in [("a", "10.0.0.1:80"), ("b", "10.0.0.2:80")] {
//!     let spec = BackendSpec { id: id.parse()?, address: address.parse()?, weight: 100, backup: false };
//!     let _ = list.add(spec, Arc::new(InFlight::new()));
//! }
//!
//! // A request goes to one of them, which refuses the connection ...
//! let mut tried = Tried::NONE;
//! let first = list.select(now, &mut rng, &tried).expect("both can open");
//! list.begin_request(first.key);
//! let _ = list.on_failure(first.key, now, &mut rng);
//! assert_eq!(list.end_request(first.key), Released::Kept);
//! tried.insert(first.key);
//!
//! // ... so its retry goes to the other one, as do all requests during the next second.
//! let second = list.select(now, &mut rng, &tried).expect("the other one can open");
//! assert_ne!(second.address, first.address);
//! let later = now + Duration::from_millis(999);
//! assert_eq!(list.select(later, &mut rng, &Tried::NONE), Some(second));
//! assert!(list.get(first.key).is_some_and(|backend| !backend.can_open(later) && backend.is_available()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod limits;

mod backend;
mod draw;
mod in_flight;
mod latch;
mod list;
mod map;
mod policy;
mod pool;
mod retry;
mod slab;
mod tried;
mod waiting;
mod weight_tree;

pub use backend::{Backend, BackendKey, BackendSpec, Status};
pub use in_flight::InFlight;
pub use latch::{Availability, FailOpenFlip, Flip};
pub use list::select::{Selection, Tier};
pub use list::{Added, BackendList, Failed, Released, Removed, Succeeded};
pub use map::{BackendMap, ClusterKey, Settings};
pub use policy::Policy;
pub use retry::{FailureOutcome, RetryPolicy, SuccessOutcome};
pub use tried::Tried;
