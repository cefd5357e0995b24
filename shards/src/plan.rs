//! The configuration as shards use it: compiled once by the coordinator, shared by all of them, never changed.

mod cluster;

pub(crate) use cluster::ClusterPlan;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use ipnet::IpNet;
use rand::{Rng, RngExt};
use ringway_core::config::defaults::SECRET_BYTES_MIN;
use ringway_core::config::{self, AdminState, Limits, Match, Protocol, Rewrite, Timeouts};
use ringway_core::{Address, ClusterId, Config, ListenerName};
use ringway_health::board::Member;
use ringway_health::{CheckSettings, Probe};

use crate::files::Files;
use crate::http1::answer::{
    AnswerText, Answers, AnswersError, FixedAnswer, FixedError, RedirectAnswer, RedirectError,
};
use crate::http1::rewrite::{RequestRules, ResponseRules};
use crate::http1::{ForwardRules, HeadLimits, Scheme, TunnelRules};
use crate::prober::Check;
use crate::rate::Rate;
use crate::routing::{RouteError, Router};

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

/// Everything that shards share.
#[derive(Debug)]
pub struct Plan {
    pub(crate) listeners: Vec<ListenerPlan>,
    pub(crate) clusters: Vec<ClusterPlan>,
    /// What the routers lead to.
    pub(crate) routes: Vec<RoutePlan>,
    pub(crate) answers: Answers,
    /// Client connections a shard may hold.
    pub(crate) connections_max: usize,
    /// What is asked whether it is well.
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug)]
pub(crate) struct ListenerPlan {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Of a TCP listener: who serves its connections.
    pub(crate) tcp_cluster: Option<usize>,
    /// To the index of a route.
    pub(crate) router: Router<u32>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: HeadLimits,
    /// The least rate of a request's body, in bytes per second.
    pub(crate) body_rate: u64,
    pub(crate) rate: Option<Rate>,
    /// How old a connection may get.
    pub(crate) connection_max_age: Option<Duration>,
    /// How many requests a connection may carry.
    pub(crate) requests_max: u32,
    pub(crate) proxy_protocol: bool,
    trusted: Vec<IpNet>,
    /// What backends are told of where a request came from.
    pub(crate) forwarding: ForwardRules,
    /// What clients may leave HTTP for.
    pub(crate) tunnels: TunnelRules,
}

/// What becomes of a request, and how it is changed on its way.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) action: Action,
    pub(crate) request_rules: Option<RequestRules>,
    pub(crate) response_rules: Option<ResponseRules>,
}

impl Action {
    /// Which cluster gets a request, if one does: an index of the plan's.
    pub(crate) fn cluster(&self, rng: &mut impl Rng) -> Option<usize> {
        match self {
            Action::Cluster(cluster) => Some(*cluster),
            Action::Split(split) => Some(split.draw(rng)),
            Action::Redirect(..) | Action::Respond(..) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Action {
    /// One cluster gets it.
    Cluster(usize),
    /// One of several does.
    Split(Split),
    /// The client is sent elsewhere, with this status.
    Redirect(u16, RedirectAnswer),
    /// It is answered here, with this status.
    Respond(u16, FixedAnswer),
}

/// Clusters by weight.
#[derive(Debug)]
pub(crate) struct Split {
    /// Each with the sum of the weights up to and with its own.
    clusters: Vec<(u64, usize)>,
}

impl Split {
    /// `clusters` with their weights, which are not all 0.
    fn new(clusters: impl IntoIterator<Item = (usize, u32)>) -> Split {
        let mut sum = 0;
        let clusters = clusters.into_iter().filter(|(_, weight)| *weight > 0).map(|(cluster, weight)| {
            sum += u64::from(weight);
            (sum, cluster)
        });
        Split { clusters: clusters.collect() }
    }

    /// One of the clusters, each as often as its weight says.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> usize {
        let (total, last) = *self.clusters.last().expect("the weights of a split are not all 0");
        let drawn = rng.random_range(0..total);
        let place = self.clusters.partition_point(|(sum, _)| *sum <= drawn);
        self.clusters.get(place).map_or(last, |(_, cluster)| *cluster)
    }
}

impl Plan {
    /// Compiles a configuration. `addresses` are those the listeners really have, in the configuration's order: a port
    /// of 0 was given a number by the kernel. `files` holds the content of every file that the configuration names, `secret`
    /// is the key of cookies for which it names none.
    ///
    /// # Errors
    /// When it can not be served, and why.
    pub fn new(
        config: &Config,
        addresses: &[SocketAddr],
        files: &Files,
        secret: &[u8; 32],
    ) -> Result<Plan, PlanError> {
        let mut routes = Vec::new();
        let mut rules = Vec::new();
        for (index, cluster) in config.clusters.iter().enumerate() {
            for frontend in &cluster.frontends {
                rules.push((&frontend.listeners, &frontend.matching, routes.len() as u32));
                routes.push(RoutePlan::new(Action::Cluster(index), &frontend.matching, &frontend.rewrite));
            }
        }
        for route in &config.routes {
            rules.push((&route.listeners, &route.matching, routes.len() as u32));
            let edits = ResponseRules::new(&route.rewrite);
            let action = action(config, &route.action, edits.as_ref(), files)?;
            routes.push(RoutePlan::new(action, &route.matching, &route.rewrite));
        }
        let listeners = config.listeners.iter().enumerate().map(|(index, listener)| {
            let address = addresses.get(index).copied().unwrap_or(listener.address);
            ListenerPlan::new(config, listener, address, &rules)
        });
        let texts = config.answers.iter().map(|answer| AnswerText {
            status: answer.status,
            html: answer.html.as_ref().map(|path| files.content(path)),
            json: answer.json.as_ref().map(|path| files.content(path)),
        });
        let clusters = config.clusters.iter().map(|cluster| ClusterPlan::new(cluster, files, secret));
        Ok(Plan {
            listeners: listeners.collect::<Result<_, _>>()?,
            clusters: clusters.collect::<Result<_, _>>()?,
            routes,
            answers: Answers::compile(&texts.collect::<Vec<_>>())?,
            connections_max: config.daemon.max_connections_per_shard as usize,
            checks: checks(config),
        })
    }

    /// Requests in flight on a backend, and connections to it, of all shards; nothing for one that is not there.
    #[must_use]
    pub fn load(&self, member: Member) -> (u64, u64) {
        let cluster = self.clusters.get(member.cluster as usize);
        let backend = cluster.and_then(|cluster| cluster.backends.get(member.backend as usize));
        backend.map_or((0, 0), |(_, load)| (load.requests(), load.connections()))
    }

    /// How many listeners there are; a shard needs a socket for each.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.listeners.len()
    }
}

/// What is to be checked: each address once for each way in which clusters want it checked, however many there are.
fn checks(config: &Config) -> Vec<Check> {
    let mut checks: Vec<(&config::HealthCheck, Check)> = Vec::new();
    let mut known: AHashMap<&Address, Vec<usize>> = AHashMap::new();
    for (cluster, of_cluster) in config.clusters.iter().enumerate() {
        let Some(settings) = &of_cluster.health_check else { continue };
        for (backend, of_backend) in of_cluster.backends.iter().enumerate() {
            if of_backend.state == AdminState::Maint {
                continue;
            }
            let member = Member { cluster: cluster as u32, backend: backend as u32 };
            let same = known.entry(&of_backend.address).or_default();
            match same.iter().find(|index| checks[**index].0 == settings) {
                Some(index) => checks[*index].1.members.push(member),
                None => {
                    same.push(checks.len());
                    let check = Check {
                        address: of_backend.address.clone(),
                        probe: Probe::new(settings, &of_backend.address),
                        settings: CheckSettings::from(settings),
                        members: vec![member],
                    };
                    checks.push((settings, check));
                }
            }
        }
    }
    checks.into_iter().map(|(_, check)| check).collect()
}

fn cluster_index(config: &Config, id: &ClusterId) -> Result<usize, PlanError> {
    let place = config.clusters.iter().position(|cluster| cluster.id == *id);
    place.ok_or_else(|| PlanError::NoCluster { cluster: id.clone() })
}

fn action(
    config: &Config,
    action: &config::Action,
    edits: Option<&ResponseRules>,
    files: &Files,
) -> Result<Action, PlanError> {
    Ok(match action {
        config::Action::Split(clusters) => {
            let clusters: Result<Vec<_>, PlanError> =
                clusters.iter().map(|(id, weight)| Ok((cluster_index(config, id)?, *weight))).collect();
            match &clusters?[..] {
                [(cluster, _)] => Action::Cluster(*cluster),
                clusters => Action::Split(Split::new(clusters.iter().copied())),
            }
        }
        config::Action::Redirect(redirect) => Action::Redirect(
            redirect.status.code(),
            RedirectAnswer::compile(redirect, edits)
                .map_err(|error| PlanError::Redirect { to: redirect.to.clone(), error })?,
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

impl RoutePlan {
    fn new(action: Action, matching: &Match, rewrite: &Rewrite) -> RoutePlan {
        RoutePlan {
            action,
            request_rules: RequestRules::new(rewrite, &matching.path),
            response_rules: ResponseRules::new(rewrite),
        }
    }
}

impl ListenerPlan {
    fn new(
        config: &Config,
        listener: &config::Listener,
        address: SocketAddr,
        rules: &[(&Vec<ListenerName>, &Match, u32)],
    ) -> Result<ListenerPlan, PlanError> {
        let tcp_cluster = match (listener.protocol, &listener.cluster) {
            (Protocol::Tcp, Some(cluster)) => Some(cluster_index(config, cluster)?),
            _ => None,
        };
        let here =
            rules.iter().filter(|(listeners, ..)| listeners.is_empty() || listeners.contains(&listener.name));
        let router = Router::build(here.map(|(_, matching, route)| (*matching, *route)))
            .map_err(|error| PlanError::Routes { listener: listener.name.clone(), error })?;
        let Limits { head_bytes, headers, uri_bytes, body_rate, requests_per_connection, connection_max_age } =
            listener.limits;
        Ok(ListenerPlan {
            address,
            tcp_cluster,
            router,
            timeouts: listener.timeouts,
            limits: HeadLimits { head_bytes, headers, uri_bytes },
            body_rate: body_rate as u64,
            rate: listener.rate_limit.as_ref().map(Rate::new),
            connection_max_age,
            requests_max: requests_per_connection.unwrap_or(u32::MAX),
            proxy_protocol: listener.proxy_protocol,
            trusted: listener.trusted_proxies.clone(),
            forwarding: ForwardRules::new(&listener.forwarding, address.port(), Scheme::Http),
            tunnels: TunnelRules::new(&listener.upgrades, listener.allow_connect),
        })
    }

    /// Whether this peer may say on whose behalf it connects.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted.iter().any(|network| network.contains(&peer))
    }
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
        (0..10_000).for_each(|_| counts[split.draw(&mut rng)] += 1);
        assert_eq!(counts[8], 0);
        assert_eq!(counts[7] + counts[9], 10_000);
        // Six standard deviations of a binomial distribution.
        assert!((820..1180).contains(&counts[9]), "seed {seed}: {counts:?}");
    }
}
