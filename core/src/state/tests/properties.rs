//! What holds for any two configurations.

use proptest::sample::Index;

use super::*;
use crate::config::{PathMatch, Policy};
use crate::state::file;

/// Two configurations of the same names: whole parts of the second may be those of the first.
fn pair() -> impl Strategy<Value = (Config, Config)> {
    let shared = prop::array::uniform4(any::<bool>());
    (round_trip::config(), round_trip::config(), shared).prop_map(|(one, mut two, shared)| {
        let [clusters, listeners, routes, daemon] = shared;
        if listeners && clusters {
            two.listeners.clone_from(&one.listeners);
            two.clusters.clone_from(&one.clusters);
            two.routes = if routes { one.routes.clone() } else { Vec::new() };
        }
        if daemon {
            two.daemon = one.daemon.clone();
        }
        (one, two)
    })
}

/// Rules that others can be of the same rank as.
fn ranked<R: Rule>(rules: &Items<R>) -> impl Iterator<Item = &Match> {
    let alone = |matching: &&Match| {
        let plain =
            Match { hostname: matching.hostname.clone(), path: matching.path.clone(), ..Match::any() };
        **matching == plain && !matches!(matching.path, PathMatch::Regex(_))
    };
    rules.iter().map(|rule| rule.matching()).filter(move |matching| !alone(matching))
}

fn rebuilt(state: &ConfigState) -> ConfigState {
    ConfigState::from_config(&state.to_config())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_state_is_the_configuration_it_was_made_of(config in round_trip::config()) {
        let state = ConfigState::from_config(&config);
        prop_assert_eq!(state.to_config(), config);
    }

    #[test]
    fn the_changes_of_a_state_make_it_out_of_nothing(config in round_trip::config()) {
        let state = ConfigState::from_config(&config);
        let mut again = ConfigState::new();
        for change in state.changes() {
            let text = serde_json::to_string(&change).expect("it is JSON");
            let mutation = again.resolve(&serde_json::from_str(&text).expect("it was one"));
            let mutation = mutation.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            // Of the settings of the process an update takes the others back to their defaults.
            if !matches!(mutation, Mutation::Daemon(_)) {
                prop_assert_eq!(&mutation.to_change(), &change);
            }
            prop_assert_eq!(again.apply(&mutation), Ok(Applied::Changed), "{}", text);
        }
        prop_assert_eq!(again.hash(), state.hash());
        prop_assert_eq!(&again, &state);
        prop_assert_eq!(again.to_config().clusters, config.clusters);
        let mut text = Vec::new();
        file::write(&state, 3, &mut text);
        let read = file::load(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read.generation, 3);
        prop_assert_eq!(&read.holds, &state);
        prop_assert_eq!(file::read(&text).expect("it loads").holds, state.changes().collect::<Vec<_>>());
    }

    #[test]
    fn a_difference_applied_makes_the_other_state((one, two) in pair()) {
        let (one, two) = (ConfigState::from_config(&one), ConfigState::from_config(&two));
        prop_assert_eq!(one == two, one.hash() == two.hash());
        let mut state = one.clone();
        for mutation in ConfigState::diff(&one, &two) {
            for change in [mutation.to_change(), mutation.to_patch(&state)] {
                let again = state.resolve(&change);
                prop_assert_eq!(again.as_ref(), Ok(&mutation), "{:?}", change);
            }
            prop_assert!(!mutation.events(&state).is_empty());
            let before = state.clone();
            prop_assert_eq!(state.apply(&mutation), Ok(Applied::Changed), "{:?}", mutation);
            prop_assert!(!ConfigState::touched(&before, &state).is_empty());
        }
        prop_assert_eq!(&state, &two);
        prop_assert_eq!(state.hash(), two.hash());
        prop_assert_eq!(&rebuilt(&state), &two);
        prop_assert!(ConfigState::diff(&state, &two).is_empty());
        prop_assert!(one == two || !ConfigState::touched(&one, &two).is_empty());
    }

    #[test]
    fn the_order_in_which_items_came_is_no_part_of_the_hash(config in round_trip::config(), at in any::<Index>()) {
        let state = ConfigState::from_config(&config);
        let mut turned = config;
        let (clusters, routes) = (turned.clusters.len(), turned.routes.len());
        turned.clusters.rotate_left(at.index(clusters));
        turned.routes.rotate_left(at.index(routes + 1) % routes.max(1));
        for cluster in &mut turned.clusters {
            cluster.frontends.reverse();
            cluster.backends.reverse();
        }
        turned.listeners.reverse();
        let turned = ConfigState::from_config(&turned);
        prop_assert_eq!(turned.hash(), state.hash());
        prop_assert_eq!(&turned, &state);
        // What stands in another order, and for whom that means something.
        let mut state = state;
        for mutation in ConfigState::diff(&state, &turned) {
            prop_assert_eq!(state.apply(&mutation), Ok(Applied::Changed), "{:?}", mutation);
        }
        prop_assert_eq!(ConfigState::diff(&state, &turned), []);
        prop_assert_eq!(&state, &turned);
        for (one, two) in state.clusters().zip(turned.clusters()) {
            if one.settings.load_balancing == Policy::First {
                prop_assert!(one.backends.iter().eq(two.backends.iter()));
            }
            prop_assert!(ranked(&one.frontends).eq(ranked(&two.frontends)));
        }
        prop_assert!(ranked(&state.routes).eq(ranked(&turned.routes)));
        for cluster in state.clusters() {
            let id = &cluster.settings.id;
            prop_assert_eq!(turned.cluster_hash(id), Some(cluster.hash()));
        }
    }
}

#[test]
fn a_change_of_one_thing_touches_that_alone() {
    let state = site();
    for (value, touched) in [
        (
            json!({"change": "daemon_update", "set": {"log_level": "warn"}}),
            Touched { daemon: true, ..Touched::default() },
        ),
        (
            json!({"change": "listener_deactivate", "listener": "db"}),
            Touched { listeners: vec![listener("db")], ..Touched::default() },
        ),
        (
            json!({"change": "backend_remove", "cluster": "api", "backend": "one"}),
            Touched { clusters: vec![cluster("api")], ..Touched::default() },
        ),
        (
            json!({"change": "route_remove", "set": {"hostname": "b.example"}}),
            Touched { routes: true, ..Touched::default() },
        ),
        (
            json!({"change": "answer_set", "status": 503, "set": {"html": "x"}}),
            Touched { answers: true, ..Touched::default() },
        ),
    ] {
        let mut next = state.clone();
        assert_eq!(applied(&mut next, value), Ok(Applied::Changed));
        assert_eq!(ConfigState::touched(&state, &next), touched);
        let diff = ConfigState::diff(&state, &next);
        assert_eq!(diff.len(), 1, "{diff:?}");
    }
    assert!(state.cluster(&cluster("api")).and_then(|state| state.backend(&backend("one"))).is_some());
}

#[test]
fn a_listener_with_another_address_takes_its_frontends_along() {
    let one = site();
    let mut config = one.to_config();
    config.listeners[0].address = "127.0.0.1:8080".parse().expect("an address");
    let two = ConfigState::from_config(&config);
    let mut state = one.clone();
    for mutation in ConfigState::diff(&one, &two) {
        assert_eq!(state.apply(&mutation), Ok(Applied::Changed), "{mutation:?}");
    }
    assert_eq!(state, two);
}

#[test]
fn backends_that_swap_their_sticky_ids_change_places() {
    let mut one = site();
    for (name, kept_by) in [("two", "a"), ("three", "b")] {
        let set = json!({"address": "10.0.0.2:80", "sticky_id": kept_by});
        let add = json!({"change": "backend_add", "cluster": "api", "backend": name, "set": set});
        assert_eq!(applied(&mut one, add), Ok(Applied::Changed));
    }
    let mut config = one.to_config();
    config.clusters[0].backends[1].sticky_id = Some("b".into());
    config.clusters[0].backends[2].sticky_id = Some("a".into());
    let two = ConfigState::from_config(&config);
    let mut state = one.clone();
    for mutation in ConfigState::diff(&one, &two) {
        assert_eq!(state.apply(&mutation), Ok(Applied::Changed), "{mutation:?}");
    }
    assert_eq!(state, two);
}

/// What other processes, and the state files of other versions, reckon with.
#[test]
fn the_hash_of_a_state_is_what_it_always_was() {
    assert_eq!(ConfigState::new().hash(), 0);
    assert_eq!(format!("{:016x}", site().hash()), "befe24015cb39a4c");
}

#[test]
fn backends_of_which_the_first_serves_follow_the_order_of_the_file() {
    let set = |n: u8| json!({"address": format!("10.0.0.{n}:80")});
    let mut one = site();
    let first = json!({"change": "cluster_update", "cluster": "api", "set": {"load_balancing": "first"}});
    assert_eq!(applied(&mut one, first), Ok(Applied::Changed));
    for (n, name) in (2..).zip(["two", "three"]) {
        let add = json!({"change": "backend_add", "cluster": "api", "backend": name, "set": set(n)});
        assert_eq!(applied(&mut one, add), Ok(Applied::Changed));
    }
    let mut config = one.to_config();
    config.clusters[0].backends.swap(1, 2);
    let two = ConfigState::from_config(&config);
    let diff = ConfigState::diff(&one, &two);
    let names: Vec<_> = diff.iter().map(|mutation| mutation.to_change().name()).collect();
    assert_eq!(
        names,
        ["backend_remove", "backend_remove", "backend_add", "backend_add"],
        "the first one stays"
    );
    let mut state = one.clone();
    for mutation in &diff {
        assert_eq!(state.apply(mutation), Ok(Applied::Changed));
    }
    assert_eq!(state.to_config(), two.to_config());
    assert_eq!(ConfigState::touched(&one, &state).clusters, [cluster("api")]);
    assert_eq!(state.hash(), one.hash());
}
