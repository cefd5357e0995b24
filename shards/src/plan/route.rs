//! What becomes of a request once its rule is known.

use std::sync::Arc;

use rand::{Rng, RngExt};
use ringway_core::ClusterId;
use ringway_core::config::{self, Match, Rewrite};

use super::PlanError;
use crate::files::Files;
use crate::http1::answer::{FixedAnswer, RedirectAnswer};
use crate::http1::rewrite::{RequestRules, ResponseRules};

/// What a router leads to: a cluster that gets the request as it is, or a route. A number, because a router may hold hundreds
/// of thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target(u32);

/// A [`Target`], read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To the cluster in this slot.
    Cluster(u32),
    /// To the route in this slot.
    Route(u32),
}

impl Target {
    const ROUTE: u32 = 1 << 31;

    pub(super) fn cluster(slot: u32) -> Target {
        debug_assert!(slot < Target::ROUTE, "memory ends long before");
        Target(slot)
    }

    pub(super) fn route(slot: u32) -> Target {
        debug_assert!(slot < Target::ROUTE, "memory ends long before");
        Target(slot | Target::ROUTE)
    }

    pub(crate) fn read(self) -> Leads {
        match self.0 & Target::ROUTE {
            0 => Leads::Cluster(self.0),
            _ => Leads::Route(self.0 & !Target::ROUTE),
        }
    }
}

/// What becomes of a request, and how it is changed on its way.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) action: Action,
    pub(crate) request_rules: Option<RequestRules>,
    pub(crate) response_rules: Option<ResponseRules>,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// The cluster in this slot gets it.
    Cluster(u32),
    /// One of several does.
    Split(Split),
    /// The client is sent elsewhere, with this status.
    Redirect(u16, RedirectAnswer),
    /// It is answered here, with this status.
    Respond(u16, FixedAnswer),
}

impl Action {
    /// The slot of the cluster that gets a request, if one does.
    pub(crate) fn cluster(&self, rng: &mut impl Rng) -> Option<u32> {
        match self {
            Action::Cluster(cluster) => Some(*cluster),
            Action::Split(split) => Some(split.draw(rng)),
            Action::Redirect(..) | Action::Respond(..) => None,
        }
    }
}

/// Clusters by weight.
#[derive(Debug)]
pub(crate) struct Split {
    /// Their slots, each with the sum of the weights up to and with its own.
    clusters: Vec<(u64, u32)>,
}

impl Split {
    /// `clusters` with their weights, which are not all 0.
    fn new(clusters: impl IntoIterator<Item = (u32, u32)>) -> Split {
        let mut sum = 0;
        let clusters = clusters.into_iter().filter(|(_, weight)| *weight > 0).map(|(cluster, weight)| {
            sum += u64::from(weight);
            (sum, cluster)
        });
        Split { clusters: clusters.collect() }
    }

    /// One of the clusters, each as often as its weight says.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> u32 {
        let (total, last) = *self.clusters.last().expect("the weights of a split are not all 0");
        let drawn = rng.random_range(0..total);
        let place = self.clusters.partition_point(|(sum, _)| *sum <= drawn);
        self.clusters.get(place).map_or(last, |(_, cluster)| *cluster)
    }
}

impl RoutePlan {
    /// Of a frontend of the cluster in this slot; `None`: it changes nothing, so the slot says it all.
    pub(super) fn of_frontend(frontend: &config::Frontend, cluster: u32) -> Option<RoutePlan> {
        let route = RoutePlan::new(Action::Cluster(cluster), &frontend.matching, &frontend.rewrite);
        (route.request_rules.is_some() || route.response_rules.is_some()).then_some(route)
    }

    /// Of a route; `slot` knows those of clusters.
    pub(super) fn of_route(
        route: &config::Route,
        slot: impl Fn(&ClusterId) -> Result<u32, PlanError>,
        files: &Files,
    ) -> Result<RoutePlan, PlanError> {
        let edits = ResponseRules::new(&route.rewrite);
        let action = action(&route.action, slot, edits.as_ref(), files)?;
        Ok(RoutePlan::new(action, &route.matching, &route.rewrite))
    }

    fn new(action: Action, matching: &Match, rewrite: &Rewrite) -> RoutePlan {
        RoutePlan {
            action,
            request_rules: RequestRules::new(rewrite, &matching.path),
            response_rules: ResponseRules::new(rewrite),
        }
    }
}

fn action(
    action: &config::Action,
    slot: impl Fn(&ClusterId) -> Result<u32, PlanError>,
    edits: Option<&ResponseRules>,
    files: &Files,
) -> Result<Action, PlanError> {
    Ok(match action {
        config::Action::Split(clusters) => {
            let clusters: Result<Vec<_>, PlanError> =
                clusters.iter().map(|(id, weight)| Ok((slot(id)?, *weight))).collect();
            match &clusters?[..] {
                [(cluster, _)] => Action::Cluster(*cluster),
                clusters => Action::Split(Split::new(clusters.iter().copied())),
            }
        }
        config::Action::Redirect(redirect) => Action::Redirect(
            redirect.status.code(),
            RedirectAnswer::compile(redirect, edits)
                .map_err(|error| PlanError::Redirect { to: Arc::clone(&redirect.to), error })?,
        ),
        config::Action::Respond(respond) => {
            let body = match &respond.body {
                config::Content::Inline(text) => text.as_bytes(),
                config::Content::File(path) => files.content(path),
            };
            let answer = FixedAnswer::compile(respond, body, edits);
            let answer = answer.map_err(|error| PlanError::Respond { status: respond.status, error })?;
            Action::Respond(respond.status, answer)
        }
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn a_split_gives_each_cluster_the_share_of_its_weight() {
        let split = Split::new([(7, 90), (8, 0), (9, 10)]);
        let seed = 3;
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut counts = [0u32; 10];
        (0..10_000).for_each(|_| counts[split.draw(&mut rng) as usize] += 1);
        assert_eq!(counts[8], 0);
        assert_eq!(counts[7] + counts[9], 10_000);
        // Six standard deviations of a binomial distribution.
        assert!((820..1180).contains(&counts[9]), "seed {seed}: {counts:?}");
    }

    #[test]
    fn a_target_is_read_as_it_was_written() {
        assert_eq!(Target::cluster(7).read(), Leads::Cluster(7));
        assert_eq!(Target::route(0).read(), Leads::Route(0));
    }
}
