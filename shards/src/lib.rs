//! The data plane of one core: accept, parse, route, select, forward.
//!
//! [`run`] is a shard, generic over the engine. With other shards it shares what a [`Plan`] or a [`Step`] is made of, which
//! never changes but for what all of them count in it (loads and limits of backends, clusters and sources), the [`Gate`], and
//! mailboxes: commands reach it through its [`inbox`], connections that others hand over through the [`Balance`].
//!
//! The coordinator's [`Planner`] compiles a change of the configuration into a step. Every shard prepares it; when all have, all
//! take it over, each between two of its turns.
#![forbid(unsafe_code)]

mod accept;
mod affinity;
mod balance;
mod bulk;
mod call;
mod client;
mod cluster;
mod counters;
mod evict;
mod exchange;
mod files;
mod gate;
mod greeting;
pub mod http1;
pub mod inbox;
pub mod limits;
mod listener;
mod live;
mod own;
mod plan;
mod pool;
mod prober;
pub mod proxy_protocol;
mod queue;
mod rate;
mod recycle;
mod report;
mod request;
mod respond;
pub mod routing;
mod seats;
mod shard;
mod source;
mod sticky;
mod tcp;
mod tunnel;
mod upload;
mod upstream;
mod watch;

pub use balance::Balance;
pub use counters::CountersSnapshot;
pub use evict::Evictions;
pub use files::{FILE_BYTES_MAX, Files};
pub use gate::Gate;
pub use inbox::{Command, Live};
pub use plan::{BoardChange, Plan, PlanError, Planner, Staged, Step};
pub use prober::ProbeSlots;
pub use report::Report;
pub use shard::{Launch, Snapshot, Summary, run};
