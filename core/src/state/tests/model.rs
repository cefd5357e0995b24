//! Random mutations against the plainest model: lists, and a check of everything after each change.

use super::*;
use crate::config::{
    Action, AdminState, CheckProtocol, HealthCheck, Hostname, LogLevel, PathMatch, Protocol, Redirect,
    RedirectStatus,
};

/// Names and addresses are few, so that they meet.
fn names(all: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(all.to_vec())
}

fn any_listener() -> impl Strategy<Value = Listener> {
    let lead = prop::option::of(names(&["x", "y"]));
    (names(&["a", "b", "t", "u"]), 0..3_u16, any::<bool>(), lead).prop_map(|(name, port, active, lead)| {
        let new = Listener::new(listener(name), ([127, 0, 0, 1], port).into());
        match name {
            "a" | "b" => Listener { active, ..new },
            _ => Listener { protocol: Protocol::Tcp, active, cluster: lead.map(cluster), ..new },
        }
    })
}

fn any_check() -> impl Strategy<Value = HealthCheck> {
    (prop::option::of(Just(99)), 1..3_u32).prop_map(|(port, rise)| HealthCheck {
        protocol: CheckProtocol::Tcp,
        port,
        rise,
        ..HealthCheck::default()
    })
}

fn any_cluster() -> impl Strategy<Value = Cluster> {
    (names(&["x", "y", "z"]), 0..2_u8, prop::option::of(any_check())).prop_map(
        |(id, retries, health_check)| Cluster {
            retries,
            health_check,
            ..Cluster::new(cluster(id), Vec::new(), Vec::new())
        },
    )
}

fn any_match() -> impl Strategy<Value = (Vec<ListenerName>, Match)> {
    let lists =
        prop::sample::select(vec![vec![], vec!["a"], vec!["b"], vec!["a", "b"], vec!["b", "a"], vec!["t"]]);
    let regex = prop::option::of(Just(PathMatch::Regex("/x.*".into())));
    (lists, names(&["h.example", "*"]), regex).prop_map(|(list, host, regex)| {
        let hostname = Hostname::parse(host).expect("a host");
        let any = Match::any();
        let matching = Match { hostname, path: regex.unwrap_or(any.path.clone()), ..any };
        (list.into_iter().map(listener).collect(), matching)
    })
}

fn any_backend() -> impl Strategy<Value = Backend> {
    let sticky = prop::option::of(names(&["1", "s"]));
    let states = prop::sample::select(vec![AdminState::Ready, AdminState::Drain]);
    (names(&["1", "2", "3"]), any::<bool>(), sticky, states).prop_map(|(id, is_socket, sticky, state)| {
        let address = if is_socket { "unix:/x" } else { "10.0.0.1:80" };
        Backend {
            id: backend(id),
            address: address.parse().expect("an address"),
            sticky_id: sticky.map(Arc::from),
            state,
            ..Backend::new(([10, 0, 0, 1], 80).into())
        }
    })
}

fn any_route() -> impl Strategy<Value = Route> {
    let action = prop_oneof![
        names(&["x", "y"]).prop_map(|to| Action::Split(vec![(cluster(to), 1)])),
        Just(Action::Split(vec![(cluster("x"), 1), (cluster("z"), 2)])),
        Just(Action::Redirect(Redirect { status: RedirectStatus::Found, to: "/y".into() })),
    ];
    (any_match(), action).prop_map(|((listeners, matching), action)| Route {
        listeners,
        matching,
        rewrite: Default::default(),
        action,
    })
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    let id = || names(&["x", "y", "z"]).prop_map(cluster);
    let name = || names(&["a", "b", "t", "u"]).prop_map(listener);
    let frontend = (id(), any_match()).prop_map(|(id, (listeners, matching))| {
        Mutation::FrontendAdd(id, Arc::new(Frontend { listeners, matching, ..Frontend::any() }))
    });
    let answer = (404..406_u16, any::<bool>()).prop_map(|(status, html)| AnswerFiles {
        status,
        html: html.then(|| "x".into()),
        json: Some("y".into()),
    });
    let levels = prop::sample::select(vec![LogLevel::Info, LogLevel::Debug]);
    prop_oneof![
        1 => levels.prop_map(|log_level| Mutation::Daemon(Arc::new(Daemon { log_level, ..Daemon::default() }))),
        3 => any_listener().prop_map(|listener| Mutation::ListenerAdd(Arc::new(listener))),
        2 => any_listener().prop_map(|listener| Mutation::ListenerUpdate(Arc::new(listener))),
        1 => name().prop_map(Mutation::ListenerRemove),
        1 => name().prop_map(Mutation::ListenerActivate),
        1 => name().prop_map(Mutation::ListenerDeactivate),
        4 => any_cluster().prop_map(|cluster| Mutation::ClusterAdd(Arc::new(cluster))),
        2 => any_cluster().prop_map(|cluster| Mutation::ClusterUpdate(Arc::new(cluster))),
        1 => id().prop_map(Mutation::ClusterRemove),
        5 => frontend,
        2 => (id(), any_match()).prop_map(|(id, (listeners, matching))| Mutation::FrontendRemove(id, listeners, matching)),
        5 => (id(), any_backend()).prop_map(|(id, backend)| Mutation::BackendAdd(id, Arc::new(backend))),
        3 => (id(), any_backend()).prop_map(|(id, backend)| Mutation::BackendUpdate(id, Arc::new(backend))),
        2 => (id(), names(&["1", "2", "3"])).prop_map(|(id, name)| Mutation::BackendRemove(id, backend(name))),
        1 => (id(), any_check()).prop_map(|(id, check)| Mutation::HealthCheckSet(id, check)),
        1 => id().prop_map(Mutation::HealthCheckRemove),
        3 => any_route().prop_map(|route| Mutation::RouteAdd(Arc::new(route))),
        1 => any_match().prop_map(|(listeners, matching)| Mutation::RouteRemove(listeners, matching)),
        1 => answer.prop_map(Mutation::AnswerSet),
        1 => (404..406_u16).prop_map(Mutation::AnswerRemove),
    ]
}

/// What the mutation makes of a configuration, whether that is valid or not; none if it can not even be tried.
fn changed(config: &Config, mutation: &Mutation) -> Option<Config> {
    let mut next = config.clone();
    let place = |id: &ClusterId| config.clusters.iter().position(|cluster| cluster.id == *id);
    let listener_place = |name: &ListenerName| config.listeners.iter().position(|known| known.name == *name);
    let same = |one: &[ListenerName], two: &[ListenerName]| {
        let sorted = |names: &[ListenerName]| {
            let mut names = names.to_vec();
            names.sort();
            names
        };
        sorted(one) == sorted(two)
    };
    match mutation {
        Mutation::Daemon(daemon) => next.daemon = Daemon::clone(daemon),
        Mutation::ListenerAdd(listener) => next.listeners.push(Listener::clone(listener)),
        Mutation::ListenerUpdate(listener) => {
            let known = &mut next.listeners[listener_place(&listener.name)?];
            if (known.address, known.protocol) != (listener.address, listener.protocol) {
                return None;
            }
            *known = Listener::clone(listener);
        }
        Mutation::ListenerRemove(name) => drop(next.listeners.remove(listener_place(name)?)),
        Mutation::ListenerActivate(name) => next.listeners[listener_place(name)?].active = true,
        Mutation::ListenerDeactivate(name) => next.listeners[listener_place(name)?].active = false,
        Mutation::ClusterAdd(cluster) => next.clusters.push(Cluster::clone(cluster)),
        Mutation::ClusterUpdate(cluster) => {
            let known = &mut next.clusters[place(&cluster.id)?];
            let (frontends, backends) = (known.frontends.clone(), known.backends.clone());
            *known = Cluster { frontends, backends, ..Cluster::clone(cluster) };
        }
        Mutation::ClusterRemove(id) => drop(next.clusters.remove(place(id)?)),
        Mutation::FrontendAdd(id, frontend) => {
            next.clusters[place(id)?].frontends.push(Frontend::clone(frontend))
        }
        Mutation::FrontendRemove(id, listeners, matching) => {
            let frontends = &mut next.clusters[place(id)?].frontends;
            let found =
                frontends.iter().position(|one| one.matching == *matching && same(&one.listeners, listeners));
            frontends.remove(found?);
        }
        Mutation::BackendAdd(id, backend) => next.clusters[place(id)?].backends.push(Backend::clone(backend)),
        Mutation::BackendUpdate(id, backend) => {
            let known = next.clusters[place(id)?].backends.iter_mut().find(|known| known.id == backend.id)?;
            if known.address != backend.address {
                return None;
            }
            *known = Backend::clone(backend);
        }
        Mutation::BackendRemove(id, backend) => {
            let backends = &mut next.clusters[place(id)?].backends;
            let found = backends.iter().position(|known| known.id == *backend)?;
            backends.remove(found);
        }
        Mutation::HealthCheckSet(id, check) => next.clusters[place(id)?].health_check = Some(check.clone()),
        Mutation::HealthCheckRemove(id) => next.clusters[place(id)?].health_check = None,
        Mutation::RouteAdd(route) => next.routes.push(Route::clone(route)),
        Mutation::RouteRemove(listeners, matching) => {
            let found = next
                .routes
                .iter()
                .position(|one| one.matching == *matching && same(&one.listeners, listeners));
            next.routes.remove(found?);
        }
        Mutation::AnswerSet(answer) => {
            next.answers.retain(|known| known.status != answer.status);
            next.answers.push(answer.clone());
            next.answers.sort_by_key(|answer| answer.status);
        }
        Mutation::AnswerRemove(status) => {
            let found = next.answers.iter().position(|known| known.status == *status)?;
            next.answers.remove(found);
        }
    }
    Some(next)
}

fn all_differ<T: PartialEq>(values: impl Iterator<Item = T>) -> bool {
    let values: Vec<_> = values.collect();
    values.iter().enumerate().all(|(n, value)| !values[..n].contains(value))
}

/// Whether everything fits together.
fn is_valid(config: &Config) -> bool {
    let has_cluster = |id: &ClusterId| config.clusters.iter().any(|cluster| cluster.id == *id);
    let speaks_http = |name: &ListenerName| {
        config.listeners.iter().any(|known| known.name == *name && known.protocol == Protocol::Http)
    };
    let frontends = config.clusters.iter().flat_map(|cluster| &cluster.frontends);
    let rules: Vec<_> = frontends
        .map(|frontend| (&frontend.listeners, &frontend.matching))
        .chain(config.routes.iter().map(|route| (&route.listeners, &route.matching)))
        .collect();
    let collide = |(one, this): &(&Vec<ListenerName>, &Match), (two, that): &(&Vec<ListenerName>, &Match)| {
        this == that && (one.is_empty() || two.is_empty() || one.iter().any(|name| two.contains(name)))
    };
    all_differ(config.listeners.iter().map(|listener| &listener.name))
        && all_differ(config.listeners.iter().map(|one| one.address).filter(|address| address.port() != 0))
        && all_differ(config.clusters.iter().map(|cluster| &cluster.id))
        && config.listeners.iter().filter_map(|listener| listener.cluster.as_ref()).all(has_cluster)
        && rules.iter().all(|(listeners, _)| listeners.iter().all(speaks_http))
        && rules.iter().enumerate().all(|(n, rule)| !rules[..n].iter().any(|other| collide(rule, other)))
        && config.routes.iter().all(|route| match &route.action {
            Action::Split(weights) => weights.iter().all(|(id, _)| has_cluster(id)),
            _ => true,
        })
        && config.clusters.iter().all(|cluster| {
            let kept_by =
                |backend: &Backend| backend.sticky_id.clone().unwrap_or_else(|| backend.id.as_str().into());
            let asks_a_port = cluster.health_check.as_ref().is_some_and(|check| check.port.is_some());
            all_differ(cluster.backends.iter().map(|backend| &backend.id))
                && all_differ(cluster.backends.iter().map(kept_by))
                && !(asks_a_port && cluster.backends.iter().any(|backend| backend.address.ip().is_none()))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_state_does_what_the_plain_model_does(mutations in prop::collection::vec(any_mutation(), 1..120)) {
        let mut state = ConfigState::new();
        let mut config = state.to_config();
        for mutation in &mutations {
            let before = state.clone();
            let outcome = state.apply(mutation);
            match changed(&config, mutation).filter(is_valid) {
                Some(next) => {
                    let is_other = next != config;
                    let expected = if is_other { Applied::Changed } else { Applied::Unchanged };
                    prop_assert_eq!(outcome, Ok(expected), "{:?}", mutation);
                    config = next;
                }
                None => {
                    prop_assert!(outcome.is_err(), "{mutation:?} was taken by {config:?}");
                    prop_assert_eq!(&state, &before);
                }
            }
            prop_assert_eq!(ConfigState::touched(&before, &state).is_empty(), before == state);
        }
        prop_assert_eq!(state.to_config(), config.clone());
        let fresh = ConfigState::from_config(&config);
        prop_assert_eq!(state.hash(), fresh.hash());
        prop_assert_eq!(&state, &fresh);
        let sizes = |state: &ConfigState| {
            let counts = (state.rule_count, state.backend_count, state.pattern_count);
            (counts, state.rules.len(), state.uses.len(), state.addresses.len())
        };
        prop_assert_eq!(sizes(&state), sizes(&fresh));
        let sockets = |state: &ConfigState| state.clusters().map(|cluster| cluster.sockets).collect::<Vec<_>>();
        prop_assert_eq!(sockets(&state), sockets(&fresh));
    }
}
