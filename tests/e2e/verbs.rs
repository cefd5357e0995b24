//! The verbs, as a script says them with the subcommands: what each changes for clients, and what it refuses.

mod backends;
mod batches;
mod clusters;
mod listeners;
mod process;
mod refusals;
mod reload;

use std::collections::BTreeMap;

use crate::common::control::{Controlled, origins};

/// How many of so many answers, each on a connection of its own, came from whom; `-`: from no origin.
fn spread(daemon: &Controlled, count: usize) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for origin in origins(daemon.address(), count) {
        *spread.entry(origin).or_default() += 1;
    }
    spread
}

/// The share of one of them.
fn share(daemon: &Controlled, origin: &str, count: usize) -> usize {
    spread(daemon, count).get(origin).copied().unwrap_or(0)
}
