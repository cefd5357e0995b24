//! The words in which a state refuses a change.

use std::ops::Bound;

use imbl::OrdMap;

use super::uses::{Owner, Target, User};
use super::{ConfigState, Rule};
use crate::config::{Described, nearest};
use crate::ids::{BackendId, ClusterId, ListenerName};
use crate::verb::{ErrorCode, VerbError};

/// Names that a mistyped one is compared with, on each side of where it would stand: enough for a slip in its later part,
/// and a refusal costs the same in a state of any size.
const NEAREST_NAMES_MAX: usize = 256;

/// Among the names of `map`, the one that `given` may have been meant for.
fn did_you_mean<K: Ord + Clone + AsRef<str>, V>(map: &OrdMap<K, V>, given: &K) -> String {
    let above = map.range((Bound::Excluded(given.clone()), Bound::Unbounded)).take(NEAREST_NAMES_MAX);
    let below = map.range((Bound::Unbounded, Bound::Excluded(given.clone()))).rev().take(NEAREST_NAMES_MAX);
    let names = above.chain(below).map(|(name, _)| name.as_ref());
    match nearest(given.as_ref(), names) {
        Some(near) => format!("; did you mean \"{near}\"?"),
        None => String::new(),
    }
}

pub(super) fn exists(field: &str, message: String) -> VerbError {
    VerbError::new(ErrorCode::Exists, message).field(field)
}

pub(super) fn invalid(field: &str, message: impl Into<String>) -> VerbError {
    VerbError::new(ErrorCode::Invalid, message).field(field)
}

impl ConfigState {
    pub(super) fn no_listener(&self, name: &ListenerName, field: &str) -> VerbError {
        let hint = did_you_mean(&self.listeners, name);
        VerbError::new(ErrorCode::NotFound, format!("there is no listener \"{name}\"{hint}")).field(field)
    }

    pub(super) fn no_cluster(&self, id: &ClusterId, field: &str) -> VerbError {
        let hint = did_you_mean(&self.clusters, id);
        VerbError::new(ErrorCode::NotFound, format!("there is no cluster \"{id}\"{hint}")).field(field)
    }

    pub(super) fn no_backend(&self, cluster: &ClusterId, id: &BackendId) -> VerbError {
        let hint = self.clusters.get(cluster).map(|cluster| did_you_mean(&cluster.ids, id));
        let message = format!("cluster \"{cluster}\" has no backend \"{id}\"{}", hint.unwrap_or_default());
        VerbError::new(ErrorCode::NotFound, message).field("backend")
    }

    /// Somebody names `target`, which is to be removed.
    pub(super) fn check_unused(&self, target: Target, what: &str, field: &str) -> Result<(), VerbError> {
        let Some(user) = self.users(target).next() else { return Ok(()) };
        let message = match user {
            User::Listener(name) => format!("listener \"{name}\" leads to {what}; remove it first"),
            User::Rule(owner) => format!("{} names {what}; remove it first", self.describe(owner)),
        };
        Err(VerbError::new(ErrorCode::InUse, message).field(field))
    }

    /// A rule in a few words.
    pub(super) fn describe(&self, owner: &Owner) -> String {
        let matching = self.rule(owner).map(Rule::matching);
        let described = matching.map(|matching| format!(" for {}", Described(matching)));
        let described = described.unwrap_or_default();
        match &owner.cluster {
            Some(cluster) => format!("a frontend of cluster \"{cluster}\"{described}"),
            None => format!("a route{described}"),
        }
    }
}
