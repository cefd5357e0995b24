//! What selection costs in heap allocations: none, whatever happens to the backends meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_core::{Address, Time};
use ringway_lb::{Admin, BackendMap, BackendSpec, Demand, Load, Policy, Settings, Tried};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; a count of a thread that is ending is let go.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SEED: u64 = 0x5eed_0007;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn requests_allocate_nothing_while_backends_fail_drain_and_come_back() {
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
        let settings = Settings {
            policy,
            hash_balance: Some(125),
            slow_start: Duration::from_secs(10),
            panic_percent: 30,
            requests_max: 50,
            connections_max: 50,
            ..Settings::default()
        };
        let mut rng = SmallRng::seed_from_u64(SEED);
        let mut map = BackendMap::new();
        let cluster = map.add_cluster("api".parse().unwrap(), settings, Arc::new(Load::new()));
        let list = map.cluster_mut(cluster);
        let mut keys = Vec::new();
        for n in 1..=40u16 {
            let address = Address::Ip(([10, 0, 0, 1], n).into());
            let spec = BackendSpec::new(format!("b{n}").parse().unwrap(), address);
            let spec = BackendSpec { weight: u32::from(n), backup: n % 4 == 0, requests_max: 1, ..spec };
            keys.push(list.add(spec, Arc::new(Load::new())).key);
        }
        let mut running = Vec::with_capacity(keys.len());
        // Tables that a policy makes of its backends are made at the first selection after these changed.
        let first = list.select(Time::ZERO, &mut rng, &Demand { hash: Some(0), ..Demand::first() }).unwrap();
        let _ = list.end_request(first.key);

        let made = allocations(|| {
            for millis in 0..20_000u64 {
                let now = Time::ZERO + Duration::from_millis(millis * 10);
                let key = keys[(millis * 7 % 40) as usize];
                match millis % 50 {
                    0 => _ = list.set_health(key, false, now),
                    10 => _ = list.set_health(key, true, now),
                    20 => _ = list.set_admin(key, Admin::Drain, now),
                    21..28 => _ = list.set_admin(keys[(millis % 40) as usize], Admin::Ready, now),
                    30 => _ = list.set_down(key, now, &mut rng),
                    40 => _ = list.set_up(key, now),
                    _ => {}
                }
                let mut tried = Tried::NONE;
                if millis % 3 == 0 {
                    tried.insert(key);
                }
                let hash = (millis % 5 > 0).then_some(millis.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                let demand = Demand { tried: &tried, hash, sticky: (millis % 7 == 0).then_some(key) };
                if let Ok(selection) = list.select(now, &mut rng, &demand) {
                    if millis % 11 == 0 {
                        let _ = list.on_failure(selection.key, now, &mut rng);
                    } else {
                        let _ = list.on_success(selection.key);
                    }
                    let opened = list.try_open(selection.key);
                    running.push((selection.key, opened));
                }
                if running.len() >= 20 + (millis % 20) as usize {
                    for (key, opened) in running.drain(..) {
                        let _ = list.end_request(key);
                        if opened {
                            let _ = list.connection_closed(key);
                        }
                    }
                }
            }
        });
        assert_eq!(made, 0, "seed {SEED}: {policy:?} allocates");
    }
}
