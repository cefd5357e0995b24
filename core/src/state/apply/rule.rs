//! Frontends and routes.

use std::sync::Arc;

use super::invalid;
use crate::config::defaults::{PATTERNS_MAX, ROUTES_MAX};
use crate::config::{Action, Described, Frontend, Match, Protocol, Route};
use crate::ids::{ClusterId, ListenerName};
use crate::state::uses::{Owner, overlap, patterns, same_listeners};
use crate::state::{Applied, ConfigState, Rule, hash};
use crate::verb::{ErrorCode, VerbError};

impl ConfigState {
    pub(super) fn add_frontend(
        &mut self,
        cluster: &ClusterId,
        frontend: &Arc<Frontend>,
    ) -> Result<Applied, VerbError> {
        if !self.clusters.contains_key(cluster) {
            return Err(self.no_cluster(cluster, "cluster"));
        }
        self.check_rule(&**frontend)?;
        let owner = Owner { cluster: Some(cluster.clone()), ordinal: self.ordinal() };
        self.note_rule(&owner, &frontend.listeners, &frontend.matching, std::iter::empty());
        self.change_cluster(cluster, 0, hash::frontend(cluster, frontend), |state| {
            state.frontends.insert(owner.ordinal, Arc::clone(frontend));
        });
        Ok(Applied::Changed)
    }

    pub(super) fn remove_frontend(
        &mut self,
        cluster: &ClusterId,
        listeners: &[ListenerName],
        matching: &Match,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.clusters.get(cluster) else { return Err(self.no_cluster(cluster, "cluster")) };
        let owner = self.find_rule(Some(cluster), listeners, matching)?;
        let frontend = Arc::clone(state.frontends.get(owner.ordinal).expect("the index has it"));
        self.forget_rule(&owner, &frontend.listeners, matching, std::iter::empty());
        self.change_cluster(cluster, hash::frontend(cluster, &frontend), 0, |state| {
            state.frontends.remove(owner.ordinal);
        });
        Ok(Applied::Changed)
    }

    pub(super) fn add_route(&mut self, route: &Arc<Route>) -> Result<Applied, VerbError> {
        for cluster in clusters(route) {
            if !self.clusters.contains_key(cluster) {
                let field = match &route.action {
                    Action::Split(weights) if weights.len() > 1 => "split",
                    _ => "cluster",
                };
                return Err(self.no_cluster(cluster, field));
            }
        }
        self.check_rule(&**route)?;
        let owner = Owner { cluster: None, ordinal: self.ordinal() };
        self.note_rule(&owner, &route.listeners, &route.matching, clusters(route));
        self.replace_hash(0, hash::route(route));
        self.routes.insert(owner.ordinal, Arc::clone(route));
        Ok(Applied::Changed)
    }

    pub(super) fn remove_route(
        &mut self,
        listeners: &[ListenerName],
        matching: &Match,
    ) -> Result<Applied, VerbError> {
        let owner = self.find_rule(None, listeners, matching)?;
        let route = self.routes.remove(owner.ordinal).expect("the index has it");
        self.forget_rule(&owner, &route.listeners, matching, clusters(&route));
        self.replace_hash(hash::route(&route), 0);
        Ok(Applied::Changed)
    }

    /// Whether a rule may be added.
    fn check_rule(&self, rule: &dyn Rule) -> Result<(), VerbError> {
        for name in rule.listeners() {
            match self.listeners.get(name) {
                None => return Err(self.no_listener(name, "listeners")),
                Some(state) if state.listener.protocol == Protocol::Tcp => {
                    let message = format!(
                        "listener \"{name}\" speaks tcp: there is no request to look at; its own `cluster` says who serves it"
                    );
                    return Err(invalid("listeners", message));
                }
                Some(_) => {}
            }
        }
        let other =
            self.rules_for(rule.matching()).find(|(_, other)| overlap(other.listeners(), rule.listeners()));
        if let Some((owner, _)) = other {
            let message = format!(
                "there is already {}; change `listeners`, `hostname` or `path_prefix` of one of them",
                self.describe(owner)
            );
            return Err(VerbError::new(ErrorCode::Exists, message));
        }
        if self.rule_count == ROUTES_MAX {
            let message = format!("more than {ROUTES_MAX} frontends and routes");
            return Err(VerbError::new(ErrorCode::Busy, message));
        }
        let patterns = patterns(rule.matching());
        if patterns > 0 && self.pattern_count + patterns > PATTERNS_MAX {
            let message = format!("more than {PATTERNS_MAX} regular expressions");
            return Err(VerbError::new(ErrorCode::Busy, message));
        }
        Ok(())
    }

    /// The frontend of `cluster`, or, without one, the route, for exactly these listeners that matches this.
    fn find_rule(
        &self,
        cluster: Option<&ClusterId>,
        listeners: &[ListenerName],
        matching: &Match,
    ) -> Result<Owner, VerbError> {
        let mut near = None;
        for (owner, rule) in self.rules_for(matching) {
            if owner.cluster.as_ref() == cluster && same_listeners(rule.listeners(), listeners) {
                return Ok(owner.clone());
            }
            near = near.or(Some((owner, rule)));
        }
        let whose = match cluster {
            Some(cluster) => format!("cluster \"{cluster}\" has no frontend"),
            None => "there is no route".to_owned(),
        };
        let hint = near.map(|(owner, rule)| {
            let listeners = match rule.listeners() {
                [] => "all that speak HTTP".to_owned(),
                names => names.iter().map(ListenerName::as_str).collect::<Vec<_>>().join(", "),
            };
            format!("; there is {}, listeners: {listeners}", self.describe(owner))
        });
        let message =
            format!("{whose} for {} and these listeners{}", Described(matching), hint.unwrap_or_default());
        Err(VerbError::new(ErrorCode::NotFound, message))
    }
}

/// The clusters that a route leads to.
pub(in crate::state) fn clusters(route: &Route) -> impl Iterator<Item = &ClusterId> {
    let weights = match &route.action {
        Action::Split(weights) => weights.as_slice(),
        Action::Redirect(_) | Action::Respond(_) => &[],
    };
    weights.iter().map(|(cluster, _)| cluster)
}
