//! Tests of Maglev: evenness, consistency, agreement between processes.

use super::*;
use crate::policy::tests::{AWAY_WEIGHTS, assert_only_its_keys_move, counts};
use crate::pool::tests::{assert_shares, candidate, pool_of};

const SEED: u64 = 0x5eed_0009;
const KEYS: u64 = 20_000;

/// With the candidates of `pool` configured.
fn maglev_of(pool: &Pool) -> Maglev {
    let mut maglev = Maglev::default();
    for candidate in pool.candidates() {
        maglev.joined(candidate.index, candidate.identity, candidate.weight);
    }
    maglev
}

/// The slab index of the backend of each key.
fn owners(maglev: &mut Maglev, pool: &Pool) -> Vec<u32> {
    let place = |index| pool.candidates().iter().position(|candidate| candidate.index == index);
    let place = |index| place(index).map(|position| position as u32);
    let bound = Bound::new(None, None, pool);
    let owner = |key| pool.candidates()[maglev.pick(pool, key, bound, place)].index;
    (SEED..SEED + KEYS).map(owner).collect()
}

/// The share of the keys that changed owners.
fn moved(before: &[u32], after: &[u32]) -> f64 {
    before.iter().zip(after).filter(|(before, after)| before != after).count() as f64 / before.len() as f64
}

#[test]
fn equal_backends_have_equally_many_slots() {
    for backends in [1, 2, 7, 40, 41, 500] {
        let pool = pool_of(&vec![100; backends]);
        let slots = counts(&table::make(&maglev_of(&pool).members), backends);
        let (least, most) = (slots.iter().min().unwrap(), slots.iter().max().unwrap());
        assert!(most - least <= 1, "{backends} backends: {least} to {most} slots");
        assert!(*least >= 100, "{backends} backends: {least} slots");
    }
}

#[test]
fn slots_are_in_proportion_to_weight_and_nobody_has_none() {
    let weights = [100, 300, 200, 1_000, 1];
    let pool = pool_of(&weights);
    let table = table::make(&maglev_of(&pool).members);
    for (slots, weight) in counts(&table, weights.len()).into_iter().zip(weights) {
        let share = table.len() as f64 * f64::from(weight) / 1_601.0;
        assert!(
            slots >= 1 && (slots as f64 - share).abs() <= 2.0,
            "{slots} slots for weight {weight}: {share}"
        );
    }
}

#[test]
fn keys_are_shared_in_proportion_to_weight() {
    for weights in [&[100; 20][..], &[100, 300, 200, 1_000, 50]] {
        let pool = pool_of(weights);
        let owners = owners(&mut maglev_of(&pool), &pool);
        assert_shares(&counts(&owners, weights.len()), weights, &format!("keys from {SEED}"));
    }
}

#[test]
fn a_backend_that_is_away_moves_only_its_own_keys_and_gets_the_same_ones_back() {
    for weights in AWAY_WEIGHTS {
        let mut maglev = maglev_of(&pool_of(&weights));
        assert_only_its_keys_move(&weights, SEED, |pool| owners(&mut maglev, pool));
    }
}

#[test]
fn one_of_n_that_is_removed_moves_little_more_than_its_keys() {
    for backends in [10u32, 20, 100] {
        let mut pool = pool_of(&vec![100; backends as usize]);
        let mut maglev = maglev_of(&pool);
        let before = owners(&mut maglev, &pool);
        pool.remove(3);
        maglev.left(3);
        let after = owners(&mut maglev, &pool);
        let (moved, share) = (moved(&before, &after), 1.0 / f64::from(backends));
        assert!(
            moved >= 0.8 * share && moved <= share + 0.05,
            "keys from {SEED}: {moved} moved when one of {backends} left"
        );
        assert!(!after.contains(&3));
        // Joining again restores the very same table.
        maglev.joined(3, candidate(3, 100).identity, 100);
        pool.insert(candidate(3, 100));
        assert_eq!(owners(&mut maglev, &pool), before);
    }
}

#[test]
fn processes_agree_whatever_the_order_they_learned_of_the_backends() {
    let pool = pool_of(&[100, 300, 200, 100, 50]);
    let by_identity = |maglev: &Maglev| -> Vec<u64> {
        table::make(&maglev.members).iter().map(|&index| maglev.members[index as usize].identity).collect()
    };
    let mut other = Maglev::default();
    for candidate in pool.candidates().iter().rev() {
        other.joined(20 - candidate.index, candidate.identity, candidate.weight);
    }
    assert_eq!(by_identity(&maglev_of(&pool)), by_identity(&other));
}

#[test]
fn with_nearly_all_away_those_left_are_found_and_share_evenly() {
    let mut pool = pool_of(&[100; 300]);
    let mut maglev = maglev_of(&pool);
    while pool.len() > 2 {
        pool.remove(0);
    }
    let left: Vec<u32> = pool.candidates().iter().map(|candidate| candidate.index).collect();
    let owners = owners(&mut maglev, &pool);
    let first = owners.iter().filter(|&&owner| owner == left[0]).count() as f64 / KEYS as f64;
    assert!(owners.iter().all(|owner| left.contains(owner)));
    assert!((first - 0.5).abs() < 0.02, "keys from {SEED}: {first}");
}

#[test]
fn a_retry_goes_to_the_same_other_backend_each_time() {
    let pool = pool_of(&[100; 10]);
    let mut maglev = maglev_of(&pool);
    let bound = Bound::new(None, None, &pool);
    for key in SEED..SEED + 200 {
        let first = maglev.pick(&pool, key, bound, Some) as u32;
        let mut second =
            || maglev.pick_admitted(&pool, key, bound, Some, |candidate| candidate.index != first);
        let found = second();
        assert!(found.is_some_and(|position| position as u32 != first), "key {key}");
        assert_eq!(second(), found, "key {key}");
        assert_eq!(maglev.pick_admitted(&pool, key, bound, Some, |_| false), None);
    }
}

#[test]
fn backends_that_are_not_configured_in_this_tier_are_served_all_the_same() {
    let pool = pool_of(&[100; 3]);
    let owners = owners(&mut Maglev::default(), &pool);
    assert_shares(&counts(&owners, 3), &[100; 3], &format!("keys from {SEED}"));
}
