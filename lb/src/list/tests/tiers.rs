//! Which backends are considered, and in which order.

use super::*;
use crate::limits::TRIED_MAX;

#[test]
fn backups_serve_while_no_primary_can_open() {
    let (mut bench, keys) = Bench::with([spec(1), backup(2)]);
    assert_eq!(bench.select(Time::ZERO).unwrap().tier, Tier::Primary);
    let _ = bench.fail(keys[0], Time::ZERO);
    let selection = bench.select(at_millis(1)).unwrap();
    assert_eq!((selection.key, selection.tier), (keys[1], Tier::Backup));
    assert_eq!(bench.select(at_millis(1_000)).unwrap().tier, Tier::Primary);
}

#[test]
fn backups_serve_while_the_primaries_are_unhealthy_or_out() {
    let (mut bench, keys) = Bench::with([spec(1), spec(2), backup(3)]);
    let _ = bench.list.set_health(keys[0], false, Time::ZERO);
    let _ = bench.list.set_admin(keys[1], Admin::Drain, Time::ZERO);
    let selection = bench.select(Time::ZERO).unwrap();
    assert_eq!((selection.key, selection.tier), (keys[2], Tier::Backup));
}

#[test]
fn a_tried_address_is_not_selected_again_by_whatever_name() {
    let twin = BackendSpec { id: id("twin"), ..spec(1) };
    let policies = [
        Policy::RoundRobin,
        Policy::Random,
        Policy::LeastLoaded,
        Policy::POWER_OF_TWO,
        Policy::Maglev,
        Policy::Rendezvous,
        Policy::First,
    ];
    for policy in policies {
        for hash in [None, Some(7)] {
            let settings = Settings { policy, ..Settings::default() };
            let (mut bench, keys) = Bench::with_settings(settings, [spec(1), twin.clone(), spec(2)]);
            let mut gone = tried(&keys[..1]);
            for _ in 0..50 {
                let demand = Demand { tried: &gone, hash, sticky: Some(keys[1]) };
                assert_eq!(bench.select_for(Time::ZERO, &demand).unwrap().key, keys[2], "seed {SEED}");
            }
            gone.insert(keys[2]);
            assert_eq!(bench.retry(Time::ZERO, &gone), Err(NoBackend::None));
        }
    }
}

#[test]
fn a_retry_goes_to_a_backup_when_all_primaries_were_tried() {
    let (mut bench, keys) = Bench::with([spec(1), backup(2)]);
    assert_eq!(bench.retry(Time::ZERO, &tried(&keys[..1])).unwrap().tier, Tier::Backup);
}

#[test]
fn a_request_gets_no_further_backend_when_its_attempts_are_used_up() {
    let (mut bench, keys) = Bench::with((1..=20).map(spec));
    let mut gone = Tried::NONE;
    for key in &keys[..TRIED_MAX] {
        assert!(bench.retry(Time::ZERO, &gone).is_ok());
        gone.insert(*key);
        gone.insert(*key);
    }
    assert_eq!(gone.as_slice(), &keys[..TRIED_MAX]);
    assert_eq!(bench.retry(Time::ZERO, &gone), Err(NoBackend::None));
}

#[test]
fn power_of_two_sees_what_other_shards_have_in_flight() {
    let loads = [Arc::new(Load::new()), Arc::new(Load::new())];
    let (mut here, mut there) = (Bench::new(Settings::default()), Bench::new(Settings::default()));
    for (n, load) in (1..).zip(&loads) {
        let _ = here.list.add(spec(n), Arc::clone(load));
        let _ = there.list.add(spec(n), Arc::clone(load));
    }
    let busy = there.begin(Time::ZERO, &Demand::first()).unwrap();
    assert!(there.list.try_open(busy.key));
    for _ in 0..50 {
        assert_ne!(here.select(Time::ZERO).unwrap().address, busy.address, "seed {SEED}");
    }
    drop(there);
    assert!(loads.iter().all(|load| (load.requests(), load.connections()) == (0, 0)), "a dead shard's load");
}

#[test]
fn a_hashed_key_keeps_its_backend_while_others_come_and_go() {
    for policy in [Policy::Maglev, Policy::Rendezvous] {
        let settings = Settings { policy, ..Settings::default() };
        let (mut bench, keys) = Bench::with_settings(settings, (1..=10).map(spec));
        let home = |bench: &mut Bench, key: u64| {
            let demand = Demand { hash: Some(key.wrapping_mul(0x9E37_79B9_7F4A_7C15)), ..Demand::first() };
            bench.select_for(Time::ZERO, &demand).unwrap().key
        };
        let before: Vec<_> = (0..500).map(|key| home(&mut bench, key)).collect();
        let _ = bench.list.set_health(keys[3], false, Time::ZERO);
        for (key, &was) in (0..).zip(&before) {
            let is = home(&mut bench, key);
            assert!(
                if was == keys[3] { is != was } else { is == was },
                "{policy:?}: key {key} went from {was:?} to {is:?}"
            );
        }
        let _ = bench.list.set_health(keys[3], true, Time::ZERO);
        let after: Vec<_> = (0..500).map(|key| home(&mut bench, key)).collect();
        assert_eq!(before, after, "{policy:?}: keys come back with their backend");
    }
}
