//! What the budget promises, in virtual time.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn budget(percent: u8, min_per_s: u32) -> Arc<RetryBudget> {
    Arc::new(RetryBudget::new(percent, min_per_s))
}

fn withdraw_all(share: &mut BudgetShare, now: Time) -> usize {
    (0..10_000).take_while(|_| share.withdraw(now)).count()
}

#[test]
fn retries_are_a_share_of_the_requests() {
    let mut share = budget(20, 0).share();
    (0..1_000).for_each(|_| share.deposit(at(0)));
    assert_eq!(withdraw_all(&mut share, at(100)), 200);
    (0..4).for_each(|_| share.deposit(at(200)));
    assert!(!share.withdraw(at(200)));
    share.deposit(at(200));
    assert!(share.withdraw(at(200)) && !share.withdraw(at(200)));
}

#[test]
fn a_few_per_second_are_allowed_without_any_requests() {
    let mut share = budget(20, 3).share();
    for second in 0..30 {
        assert_eq!(withdraw_all(&mut share, at(second * 1_000)), 3, "second {second}");
    }
    assert_eq!(withdraw_all(&mut budget(0, 0).share(), at(0)), 0);
}

#[test]
fn credit_does_not_pile_up_for_ever() {
    let mut share = budget(20, 0).share();
    for ms in 0..600_000u64 {
        share.deposit(at(ms));
    }
    let credit = withdraw_all(&mut share, at(599_999));
    let batch = RETRY_BUDGET_BATCH as usize;
    assert!(
        (1_800..=2_000 + batch).contains(&credit),
        "{credit}: a fifth of what the last ten seconds brought"
    );
    assert_eq!(withdraw_all(&mut share, at(700_000)), 0);
}

#[test]
fn a_withdrawal_is_forgotten_with_the_requests_that_paid_for_it() {
    let mut share = budget(50, 0).share();
    (0..10).for_each(|_| share.deposit(at(0)));
    assert_eq!(withdraw_all(&mut share, at(0)), 5);
    assert_eq!(withdraw_all(&mut share, at(9_999)), 0);
    (0..10).for_each(|_| share.deposit(at(10_000)));
    assert_eq!(withdraw_all(&mut share, at(10_000)), 5);
}

/// Whatever the shards do: in every window at most the share of all requests, and the reserve.
#[test]
fn no_window_has_more_retries_than_its_requests_and_the_reserve_allow() {
    let seed: u64 = rand::rng().random();
    let mut rng = SmallRng::seed_from_u64(seed);
    let budget = budget(20, 3);
    let mut shares: Vec<BudgetShare> = (0..4).map(|_| budget.share()).collect();
    let mut events: Vec<(u64, bool)> = Vec::new();
    let mut now = 0;
    for _ in 0..20_000 {
        now += rng.next_u64() % 20;
        let share = &mut shares[rng.next_u32() as usize % 4];
        share.deposit(at(now));
        events.push((now, false));
        // Everything fails for a while, then nothing does.
        while now / 30_000 % 2 == 0 && share.withdraw(at(now)) {
            events.push((now, true));
        }
    }
    let count = |span: std::ops::Range<u64>, retries: bool| {
        events.iter().filter(|(at, is_retry)| *is_retry == retries && span.contains(at)).count()
    };
    let mut most_seen = 0;
    for start in (0..now).step_by(500) {
        let retries = count(start..start + 1_000, true);
        // Paid for by what came up to a window before, and was counted up to a part of it later.
        let requests = count(start.saturating_sub(11_000)..start + 1_000, false);
        let most = requests as f64 * 0.2 + 6.0;
        assert!(retries as f64 <= most, "seed {seed}: {retries} retries in the second from {start} ms");
        most_seen = most_seen.max(retries);
    }
    assert!(most_seen > 100, "seed {seed}: at most {most_seen} retries in a second test nothing");
}

#[test]
fn what_a_shard_counted_long_ago_pays_for_nothing() {
    let mut share = budget(100, 0).share();
    (0..50).for_each(|_| share.deposit(at(5)));
    assert!(!share.withdraw(at(60_000)));
    share.deposit(at(60_000));
    assert!(share.withdraw(at(60_000)) && !share.withdraw(at(60_000)));
}

#[test]
fn a_shard_knows_its_own_requests_and_all_but_a_batch_of_the_others() {
    let budget = budget(100, 0);
    let mut shares: Vec<BudgetShare> = (0..4).map(|_| budget.share()).collect();
    for share in &mut shares {
        // The first one is added at once, and sets the time.
        (0..RETRY_BUDGET_BATCH).for_each(|_| share.deposit(at(5)));
    }
    let unknown = 3 * (RETRY_BUDGET_BATCH as usize - 1);
    assert_eq!(withdraw_all(&mut shares[0], at(5)), 4 * RETRY_BUDGET_BATCH as usize - unknown);
    for share in &mut shares[1..] {
        share.deposit(at(1_005));
    }
    assert_eq!(withdraw_all(&mut shares[0], at(1_005)), unknown + 3, "a second later it knows all");
}

#[test]
fn threads_together_take_no_more_than_there_is() {
    let budget = budget(20, 5);
    let taken: usize = std::thread::scope(|scope| {
        let one = || {
            let mut share = budget.share();
            (0..1_000).for_each(|_| share.deposit(at(3)));
            (0..1_000).filter(|_| share.withdraw(at(3))).count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(taken, 4 * 200 + 5);
}
