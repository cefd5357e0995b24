//! The configuration as shards use it: compiled once by the coordinator, shared by all of them. What changes comes to them as
//! a [`Step`] from one configuration to the next.

mod board;
mod checks;
mod cluster;
mod listener;
mod planner;
mod route;
mod slots;
mod stage;
mod step;
#[cfg(test)]
mod tests;

pub use board::BoardChange;
pub use planner::Planner;
pub use stage::Staged;
pub use step::Step;

pub(crate) use cluster::ClusterPlan;
pub(crate) use listener::ListenerPlan;
pub(crate) use route::{Action, Leads, RoutePlan, Target};
pub(crate) use step::{BackendSeed, ClusterStep, ListenerSet};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ringway_core::config::defaults::SECRET_BYTES_MIN;
use ringway_core::state::ConfigState;
use ringway_core::{ClusterId, Config, ListenerName};
use ringway_health::board::Member;

use crate::files::Files;
use crate::http1::answer::{AnswersError, FixedError, RedirectError};
use crate::routing::RouteError;

/// A configuration that can not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Its routes contradict each other, or a pattern is none.
    #[error("the routes of listener {listener}: {error}")]
    Routes {
        /// The listener's name.
        listener: ListenerName,
        /// What is wrong with its routes.
        error: RouteError,
    },
    /// A text for answers of our own can not be used.
    #[error("[[answers]]: {0}")]
    Answers(#[from] AnswersError),
    /// A redirect can not be made.
    #[error("redirect to {to:?}: {error}")]
    Redirect {
        /// As it was given.
        to: Arc<str>,
        /// What is wrong with it.
        error: RedirectError,
    },
    /// A fixed answer can not be made.
    #[error("the fixed answer with status {status}: {error}")]
    Respond {
        /// Its status.
        status: u16,
        /// What is wrong with it.
        error: FixedError,
    },
    /// A secret is none.
    #[error(
        "the secret of the sticky sessions of cluster {cluster}, {}: {length} bytes are too few, it takes {SECRET_BYTES_MIN}; \
         remedy: `head -c 32 /dev/urandom > FILE`",
        file.display()
    )]
    Secret {
        /// Whose.
        cluster: ClusterId,
        /// Where it stands.
        file: PathBuf,
        /// How long it is.
        length: usize,
    },
    /// A configuration that was put together by hand names something that is not there.
    #[error("there is no cluster {cluster}")]
    NoCluster {
        /// What was named.
        cluster: ClusterId,
    },
}

/// Everything, for a shard that starts.
#[derive(Debug)]
pub struct Plan(pub(crate) Arc<Step>);

impl Plan {
    /// Compiles a configuration that is not going to change. `addresses` are those the listeners really have, in the
    /// configuration's order: a port of 0 was given a number by the kernel. `files` holds the content of every file that the
    /// configuration names, `secret` is the key of cookies for which it names none.
    ///
    /// # Errors
    /// When it can not be served, and why.
    pub fn new(
        config: &Config,
        addresses: &[SocketAddr],
        files: &Files,
        secret: &[u8; 32],
    ) -> Result<Plan, PlanError> {
        let state = ConfigState::from_config(config);
        let touched = ConfigState::touched(&ConfigState::new(), &state);
        let address = |name: &ListenerName| {
            let place = config.listeners.iter().position(|listener| listener.name == *name)?;
            addresses.get(place).copied()
        };
        let mut planner = Planner::new(*secret);
        let staged = planner.stage(&touched, &state, &address, files)?;
        planner.commit(staged);
        Ok(Plan(Arc::clone(&planner.plan().0)))
    }

    /// The listeners that accept connections, by the numbers by which shards know them: a shard needs a listening socket for
    /// each.
    pub fn listeners(&self) -> impl Iterator<Item = (u32, &ListenerName)> {
        self.0.accepting().map(|(slot, set)| (slot, &set.plan.name))
    }

    /// Requests in flight on a backend, and connections to it, of all shards; nothing for one that is not there.
    #[must_use]
    pub fn load(&self, member: Member) -> (u64, u64) {
        let of_cluster = self.0.clusters.iter().find_map(|step| match step {
            ClusterStep::Set { slot, put, .. } if *slot == member.cluster => Some(put),
            ClusterStep::Set { .. } | ClusterStep::Remove { .. } => None,
        });
        let seed = of_cluster.and_then(|put| put.iter().find(|seed| seed.serial == member.backend));
        seed.map_or((0, 0), |seed| (seed.load.requests(), seed.load.connections()))
    }
}
