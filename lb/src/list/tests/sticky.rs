//! Clients that are kept at their backend.

use super::*;

fn to(sticky: BackendKey) -> Demand<'static> {
    Demand { sticky: Some(sticky), ..Demand::first() }
}

#[test]
fn a_client_gets_the_backend_it_is_kept_at_whatever_the_policy_says() {
    let settings = Settings { policy: Policy::First, ..Settings::default() };
    let (mut bench, keys) = Bench::with_settings(settings, [spec(1), spec(2), backup(3)]);
    for &key in &keys {
        let selection = bench.select_for(Time::ZERO, &to(key)).unwrap();
        assert_eq!((selection.key, selection.tier), (key, Tier::Sticky));
    }
}

#[test]
fn it_falls_back_when_the_backend_can_not_open_was_tried_or_is_full() {
    let unavailable: [fn(&mut Bench, BackendKey); 5] = [
        |bench, key| _ = bench.fail(key, Time::ZERO),
        |bench, key| _ = bench.list.set_health(key, false, Time::ZERO),
        |bench, key| _ = bench.list.set_admin(key, Admin::Drain, Time::ZERO),
        |bench, _| _ = bench.list.remove_by_address(&address(1)),
        |bench, key| _ = bench.begin(Time::ZERO, &to(key)),
    ];
    for make in unavailable {
        let (mut bench, keys) = Bench::with([limited(1, 1), spec(2)]);
        make(&mut bench, keys[0]);
        let selection = bench.select_for(Time::ZERO, &to(keys[0])).unwrap();
        assert_eq!((selection.key, selection.tier), (keys[1], Tier::Primary));
    }
    let (mut bench, keys) = Bench::with([spec(1), spec(2)]);
    let demand = Demand { tried: &tried(&keys[..1]), ..to(keys[0]) };
    assert_eq!(bench.select_for(Time::ZERO, &demand).unwrap().key, keys[1]);
}

#[test]
fn a_sticky_id_that_two_have_names_the_one_that_had_it_first() {
    let blue = |n| BackendSpec { sticky_id: "blue".into(), ..spec(n) };
    let (mut bench, keys) = Bench::with([blue(1), blue(2)]);
    assert_eq!(bench.list.by_sticky("blue"), Some(keys[0]));
    let _ = bench.add(blue(1));
    assert_eq!(bench.list.by_sticky("blue"), Some(keys[0]));
    let _ = bench.list.remove_by_address(&address(1));
    assert_eq!(bench.list.by_sticky("blue"), Some(keys[1]));
    let _ = bench.list.remove_by_address(&address(2));
    assert_eq!(bench.list.by_sticky("blue"), None);
}
