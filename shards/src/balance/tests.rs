use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::sync::Barrier;
use std::thread;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

/// The most that any of 64 long connections' four shards may have: 1.15 × the mean.
const FULLEST: u32 = 18;

type Shards = Vec<(Balancer<()>, Receiver<Handed<()>>)>;

fn shards(count: usize) -> (Arc<Balance<()>>, Shards) {
    let balance = Balance::new(count);
    let join = |shard| Balancer::join(Arc::clone(&balance), shard as u16, Time::ZERO);
    let shards = (0..count).map(join).collect();
    (balance, shards)
}

fn loads(balance: &Balance<()>) -> Vec<u32> {
    (0..balance.places().len()).map(|shard| balance.load(shard as u16)).collect()
}

fn handed() -> Handed<()> {
    Handed { listener: 0, socket: (), peer: (Ipv4Addr::LOCALHOST, 1).into() }
}

/// A connection accepted by `own`; where it is served.
fn accept(shards: &mut Shards, own: usize, now: Time, rng: &mut SmallRng) -> usize {
    let Some(to) = shards[own].0.place(now, rng) else { return own };
    assert!(shards[own].0.hand(to, handed()).is_ok(), "an empty inbox takes it");
    assert!(shards[to].1.take().is_some());
    to
}

#[test]
fn long_connections_end_up_even_whoever_accepts_them() {
    for seed in 0..500 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        // How the kernel spreads them: not at all, by its hash, or anything in between.
        let busiest = [0.0, 0.3, 0.7, 1.0][seed as usize % 4];
        let (balance, mut shards) = shards(4);
        for _ in 0..64 {
            let own = if rng.random::<f64>() < busiest { 0 } else { rng.random_range(0..4) };
            accept(&mut shards, own, Time::ZERO, rng);
        }
        let loads = loads(&balance);
        assert_eq!(loads.iter().sum::<u32>(), 64, "seed {seed}: {loads:?}");
        assert!(loads.iter().all(|load| *load <= FULLEST), "seed {seed}: {loads:?}");
    }
}

#[test]
fn long_connections_end_up_even_while_shards_race() {
    for seed in 0..50 {
        let (balance, shards) = shards(4);
        let (start, end) = (Barrier::new(4), Barrier::new(4));
        thread::scope(|scope| {
            for (n, shard) in shards.into_iter().enumerate() {
                let (start, end) = (&start, &end);
                scope.spawn(move || {
                    let (balancer, _) = &shard;
                    let rng = &mut SmallRng::seed_from_u64(seed << 8 | n as u64);
                    start.wait();
                    // Two of them accept everything.
                    for _ in 0..if n < 2 { 32 } else { 0 } {
                        if let Some(to) = balancer.place(Time::ZERO, rng) {
                            assert!(balancer.hand(to, handed()).is_ok());
                        }
                    }
                    // Who goes takes nothing over any more.
                    end.wait();
                });
            }
        });
        let loads = loads(&balance);
        assert_eq!(loads.iter().sum::<u32>(), 64, "seed {seed}: {loads:?}");
        assert!(loads.iter().all(|load| *load <= FULLEST), "seed {seed}: {loads:?}");
    }
}

/// A time drawn for something that happens at random, once in `mean` on average.
fn exponential(mean: Duration, rng: &mut SmallRng) -> Duration {
    mean.mul_f64(-(1.0 - rng.random::<f64>()).ln())
}

/// Connections of `lifetime` on average, of which each shard has `at_a_time`: the share of them that is handed over once
/// the shards have seen some.
fn share_handed_over(count: usize, at_a_time: f64, lifetime: Duration, seed: u64) -> f64 {
    const MEASURED: u32 = 20_000;
    let rng = &mut SmallRng::seed_from_u64(seed);
    let (balance, mut shards) = shards(count);
    let mut open: BinaryHeap<Reverse<(Time, Time, usize)>> = BinaryHeap::new();
    let (mut now, mut seen, mut handed) = (Time::ZERO, 0, 0);
    while seen < MEASURED {
        now += exponential(lifetime.div_f64(at_a_time * count as f64), rng);
        while let Some(Reverse((end, begin, shard))) = open.pop() {
            if end > now {
                open.push(Reverse((end, begin, shard)));
                break;
            }
            shards[shard].0.left(end.since(begin), end);
        }
        let own = rng.random_range(0..count);
        let to = accept(&mut shards, own, now, rng);
        open.push(Reverse((now + exponential(lifetime, rng), now, to)));
        if now >= Time::ZERO + 2 * SHORT_CONNECTION_MAX {
            seen += 1;
            handed += u32::from(to != own);
        }
    }
    for Reverse((end, begin, shard)) in open {
        shards[shard].0.left(end.since(begin), end);
    }
    assert_eq!(loads(&balance), vec![0; count], "seed {seed}: who has left is not counted");
    f64::from(handed) / f64::from(MEASURED)
}

#[test]
fn short_connections_are_rarely_handed_over() {
    for (seed, count) in [2, 4, 16].into_iter().enumerate() {
        for at_a_time in [0.1, 0.5, 1.0, 4.0, 16.0, 64.0] {
            let share = share_handed_over(count, at_a_time, Duration::from_millis(20), seed as u64);
            println!("{count} shards, {at_a_time} connections each: {:.2} % handed over", 100.0 * share);
            assert!(share < 0.025, "seed {seed}: {share} of {at_a_time} at a time on {count} shards");
        }
    }
}

#[test]
fn many_shards_end_up_nearly_even() {
    for seed in 0..50 {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let (balance, mut shards) = shards(16);
        for _ in 0..256 {
            // By its hash alone the fullest has 20 to 30.
            let own = rng.random_range(0..16);
            accept(&mut shards, own, Time::ZERO, rng);
        }
        let loads = loads(&balance);
        assert!(loads.iter().all(|load| *load <= 19), "seed {seed}: {loads:?}");
    }
}

#[test]
fn who_takes_nothing_over_is_left_alone_and_what_is_refused_counts_where_it_stays() {
    let rng = &mut SmallRng::seed_from_u64(1);
    let balance = Balance::<()>::new(3);
    let (balancer, _receiver) = Balancer::join(Arc::clone(&balance), 0, Time::ZERO);
    // The others do not run yet.
    assert!((0..50).all(|_| balancer.place(Time::ZERO, rng).is_none()));
    let (second, receiver) = Balancer::join(Arc::clone(&balance), 1, Time::ZERO);
    assert_eq!(balancer.place(Time::ZERO, rng), Some(1));
    assert_eq!(loads(&balance), [50, 1, 0]);
    // It drains before the connection has got there.
    second.close();
    assert!(balancer.hand(1, handed()).is_err());
    assert_eq!(loads(&balance), [51, 0, 0]);
    assert_eq!(balancer.place(Time::ZERO, rng), None);
    // Draining, it keeps what it has accepted, however much that is.
    (0..9).for_each(|_| assert_eq!(second.place(Time::ZERO, rng), None));
    assert_eq!(loads(&balance), [52, 9, 0]);
    drop(receiver);
}

#[test]
fn a_full_inbox_sends_connections_back() {
    let rng = &mut SmallRng::seed_from_u64(1);
    let (balance, shards) = shards(2);
    let balancer = &shards[0].0;
    let mut kept = 0;
    for _ in 0..3 * HANDED_OVER_MAX {
        match balancer.place(Time::ZERO, rng).map(|to| balancer.hand(to, handed())) {
            Some(Ok(())) => {}
            Some(Err(_)) | None => kept += 1,
        }
    }
    assert_eq!(shards[1].0.arriving(), HANDED_OVER_MAX);
    assert_eq!(loads(&balance), [kept, HANDED_OVER_MAX as u32]);
    assert_eq!(kept as usize, 2 * HANDED_OVER_MAX);
}

#[test]
fn only_short_connections_make_a_difference_that_is_left_alone() {
    let second = |n| Time::ZERO + Duration::from_secs(1) * n;
    let churn = Churn::new(Time::ZERO);
    // 16 at a time, and as many that were here for long.
    for _ in 0..160 {
        churn.ended(Duration::from_millis(100), second(0));
        churn.ended(Duration::from_secs(3600), second(0));
    }
    assert_eq!(churn.noise(second(0)), 0, "not known yet");
    assert_eq!(churn.noise(second(1)), 16);
    assert_eq!(churn.noise(second(2)), 0, "none have ended since");
}

#[test]
fn a_shard_that_comes_in_place_of_another_takes_part_while_that_one_leaves() {
    for leaves_first in [true, false] {
        let (balance, mut shards) = shards(2);
        let leaving = shards.remove(1);
        leaving.0.count();
        let rng = &mut SmallRng::seed_from_u64(1);
        if leaves_first {
            leaving.0.close();
            (0..20).for_each(|_| assert_eq!(accept(&mut shards, 0, Time::ZERO, rng), 0, "there is no other"));
        }
        balance.renew(1);
        shards.push(Balancer::join(Arc::clone(&balance), 1, Time::ZERO));
        leaving.0.close();
        let before = balance.load(1);
        let taken = (0..20).filter(|_| accept(&mut shards, 0, Time::ZERO, rng) == 1).count() as u32;
        assert!(taken > 5, "{taken}");
        assert_eq!(balance.load(1), before + taken);
        leaving.0.forget();
        drop(leaving);
        assert_eq!(balance.load(1), taken, "its last connection counts no more, and the place is open");
        assert!((0..200).any(|_| accept(&mut shards, 0, Time::ZERO, rng) == 1));
    }
}

#[test]
fn who_takes_the_place_of_another_begins_anew_and_the_one_before_counts_apart() {
    let seed = 5;
    let rng = &mut SmallRng::seed_from_u64(seed);
    let (balance, mut shards) = shards(2);
    for _ in 0..10 {
        balance.push(1, handed());
    }
    balance.renew(1);
    assert_eq!(balance.load(1), 0);
    let (before, _) = shards.pop().expect("two of them");
    // Nobody runs there yet.
    (0..50).for_each(|_| assert_eq!(shards[0].0.place(Time::ZERO, rng), None, "seed {seed}"));
    let (_second, mut receiver) = Balancer::join(Arc::clone(&balance), 1, Time::ZERO);
    assert_eq!(shards[0].0.place(Time::ZERO, rng), Some(1), "seed {seed}");
    assert!(shards[0].0.hand(1, handed()).is_ok());
    before.forget();
    before.close();
    assert_eq!(balance.load(1), 1, "what the one before does is no matter");
    assert!(receiver.take().is_some());
}
