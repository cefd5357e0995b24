//! Which shard probes an address: rendezvous hashing over the live shards.
//!
//! Each shard and address together have a score, and the shard with the highest one owns the address (Thaler and
//! Ravishankar, "Using name-based mappings to increase hit rates", 1998). So the shards agree without a word, each owns its
//! part, and when one dies only its addresses move, evenly to all others. The hash has no seed: it is the same in each
//! process and after each restart.

use std::os::unix::ffi::OsStrExt;

use ringway_core::Address;

/// FNV-1a, 64 bits: where it starts.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// FNV-1a, 64 bits: what it multiplies by.
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// The golden ratio, 2⁶⁴ / φ: spreads small numbers.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of an address that is the same in each process, with all bits mixed.
#[must_use]
pub fn address_hash(address: &Address) -> u64 {
    let hash = match address {
        Address::Ip(ip) => {
            let host = match ip.ip() {
                std::net::IpAddr::V4(host) => fnv(FNV_OFFSET, &host.octets()),
                std::net::IpAddr::V6(host) => fnv(FNV_OFFSET, &host.octets()),
            };
            fnv(host, &ip.port().to_be_bytes())
        }
        Address::Unix(path) => fnv(FNV_OFFSET, path.as_os_str().as_bytes()),
    };
    mix(hash)
}

/// The shard of `live` that probes `address`; `None` if none lives. The order of `live` does not matter.
#[must_use]
pub fn owner(address: &Address, live: impl IntoIterator<Item = u16>) -> Option<u16> {
    let hash = address_hash(address);
    live.into_iter().max_by_key(|shard| (mix(hash ^ mix(GOLDEN.wrapping_mul(u64::from(*shard) + 1))), *shard))
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// The finaliser of splitmix64: each bit of the input changes half of the output's.
pub(crate) const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests;
