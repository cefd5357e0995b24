//! A test for many seeds, or for one.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Replays one seed.
const SEED: &str = "RINGWAY_SIM_SEED";
/// How many seeds to run, instead of what each test asks for.
const SEEDS: &str = "RINGWAY_SIM_SEEDS";

/// Runs `case` for `count` seeds; says how to replay one that fails.
pub(crate) fn each(name: &str, count: u64, case: impl Fn(u64)) {
    if let Some(seed) = number(SEED) {
        return case(seed);
    }
    for seed in 0..number(SEEDS).unwrap_or(count) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(seed))) {
            eprintln!("failed with seed {seed}; to replay it:");
            eprintln!("{SEED}={seed} cargo test -p ringway-shards --test sim {name}");
            resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number: {text}")))
}
