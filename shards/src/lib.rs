//! The data plane of one core: accept, parse, route, select, forward.
//!
//! [`run`] is a shard, generic over the engine. With other shards it shares the [`Plan`], which never changes but for
//! what all of them count in it (loads and limits of backends, clusters and sources), the [`Gate`], and mailboxes: commands
//! reach it through its [`inbox`], connections that others hand over through the [`Balance`].
#![forbid(unsafe_code)]

mod accept;
mod affinity;
mod balance;
mod bulk;
mod call;
mod client;
mod counters;
mod evict;
mod exchange;
mod files;
mod gate;
mod greeting;
pub mod http1;
pub mod inbox;
pub mod limits;
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
pub use plan::{Plan, PlanError};
pub use prober::ProbeSlots;
pub use report::Report;
pub use shard::{Launch, Snapshot, Summary, run};
