//! Which shard probes an address: rendezvous hashing over the live shards.
//!
//! Each shard and address together have a score, and the shard with the highest one owns the address (Thaler and
//! Ravishankar, "Using name-based mappings to increase hit rates", 1998). So the shards agree without a word, each owns its
//! part, and when one dies only its addresses move, evenly to all others. The hash has no seed: it is the same in each
//! process and after each restart.

use ringway_core::Address;
use ringway_lb::stable_hash;

/// A hash of an address that is the same in each process, with all bits mixed.
#[must_use]
pub fn address_hash(address: &Address) -> u64 {
    stable_hash(address.to_string().as_bytes())
}

/// The shard of `live` that probes `address`; `None` if none lives. The order of `live` does not matter.
#[must_use]
pub fn owner(address: &Address, live: impl IntoIterator<Item = u16>) -> Option<u16> {
    let hash = address_hash(address);
    live.into_iter().max_by_key(|shard| (mix(hash.wrapping_add(mix(u64::from(*shard)))), *shard))
}

/// Spreads what distinguishes two words over all their bits.
pub(crate) fn mix(word: u64) -> u64 {
    stable_hash(&word.to_le_bytes())
}

#[cfg(test)]
mod tests;
