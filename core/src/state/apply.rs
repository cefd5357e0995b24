//! A mutation becomes part of a state, or is refused without a trace.
//!
//! What a change costs depends on its own size and on the logarithm of the state's, never on the state's.

use std::sync::Arc;

use super::refusal::invalid;
use super::{Applied, ConfigState, Mutation, hash};
use crate::config::{AnswerFiles, Daemon};
use crate::verb::{ErrorCode, VerbError};

mod backend;
mod cluster;
mod listener;
mod rule;

impl ConfigState {
    /// Makes the change, if it fits what is there.
    ///
    /// # Errors
    ///
    /// When what it changes is not there, what it adds is there already or collides with something, or what it removes is
    /// needed by something. The state is then what it was.
    pub fn apply(&mut self, mutation: &Mutation) -> Result<Applied, VerbError> {
        match mutation {
            Mutation::Daemon(daemon) => Ok(self.set_daemon(daemon)),
            Mutation::ListenerAdd(listener) => self.add_listener(listener),
            Mutation::ListenerUpdate(listener) => self.update_listener(listener),
            Mutation::ListenerRemove(name) => self.remove_listener(name),
            Mutation::ListenerActivate(name) => self.activate_listener(name, true),
            Mutation::ListenerDeactivate(name) => self.activate_listener(name, false),
            Mutation::ClusterAdd(cluster) => self.add_cluster(cluster),
            Mutation::ClusterUpdate(cluster) => self.update_cluster(cluster),
            Mutation::ClusterRemove(id) => self.remove_cluster(id),
            Mutation::FrontendAdd(cluster, frontend) => self.add_frontend(cluster, frontend),
            Mutation::FrontendRemove(cluster, listeners, matching) => {
                self.remove_frontend(cluster, listeners, matching)
            }
            Mutation::BackendAdd(cluster, backend) => self.add_backend(cluster, backend),
            Mutation::BackendUpdate(cluster, backend) => self.update_backend(cluster, backend),
            Mutation::BackendRemove(cluster, backend) => self.remove_backend(cluster, backend),
            Mutation::HealthCheckSet(cluster, check) => self.set_health_check(cluster, Some(check)),
            Mutation::HealthCheckRemove(cluster) => self.set_health_check(cluster, None),
            Mutation::RouteAdd(route) => self.add_route(route),
            Mutation::RouteRemove(listeners, matching) => self.remove_route(listeners, matching),
            Mutation::AnswerSet(answer) => Ok(self.set_answer(answer)),
            Mutation::AnswerRemove(status) => self.remove_answer(*status),
        }
    }

    fn set_daemon(&mut self, daemon: &Arc<Daemon>) -> Applied {
        if self.daemon == *daemon {
            return Applied::Unchanged;
        }
        self.replace_hash(hash::daemon(&self.daemon), hash::daemon(daemon));
        self.daemon = Arc::clone(daemon);
        Applied::Changed
    }

    fn set_answer(&mut self, answer: &AnswerFiles) -> Applied {
        let before = self.answers.get(&answer.status);
        if before.is_some_and(|before| **before == *answer) {
            return Applied::Unchanged;
        }
        let hash_before = before.map_or(0, |before| hash::answer(before));
        self.replace_hash(hash_before, hash::answer(answer));
        self.answers.insert(answer.status, Arc::new(answer.clone()));
        Applied::Changed
    }

    fn remove_answer(&mut self, status: u16) -> Result<Applied, VerbError> {
        let Some(answer) = self.answers.remove(&status) else {
            let message = format!("the answer with status {status} is the built-in one");
            return Err(VerbError::new(ErrorCode::NotFound, message).field("status"));
        };
        self.replace_hash(hash::answer(&answer), 0);
        Ok(Applied::Changed)
    }

    /// The item whose hash was `before` is one whose hash is `after`; 0: there is none.
    fn replace_hash(&mut self, before: u64, after: u64) {
        self.hash = self.hash.wrapping_sub(before).wrapping_add(after);
    }

    /// The ordinal of a new item.
    fn ordinal(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}
