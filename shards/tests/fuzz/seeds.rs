//! A property over many inputs, each drawn from a seed of its own.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// The first seed.
const SEED: &str = "RINGWAY_FUZZ_SEED";
/// How many seeds, from the first on.
const RUNS: &str = "RINGWAY_FUZZ_RUNS";

/// Inputs for each target: seconds in a debug build.
const RUNS_DEFAULT: u64 = 20_000;

/// Checks `property` on what `draw` makes of each seed; says how to replay one that fails.
pub(crate) fn each(name: &str, draw: fn(&mut SmallRng) -> Vec<u8>, property: fn(&[u8])) {
    let first = number(SEED).unwrap_or(0);
    for seed in (0..number(RUNS).unwrap_or(RUNS_DEFAULT)).map(|run| first.wrapping_add(run)) {
        let input = draw(&mut SmallRng::seed_from_u64(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(&input))) {
            eprintln!("failed with seed {seed}, on\n{}\nto replay it:", input.escape_ascii());
            eprintln!("{SEED}={seed} {RUNS}=1 cargo test -p ringway-shards --test fuzz {name}");
            resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number: {text}")))
}
