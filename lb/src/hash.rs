//! Hashes that are the same on every shard, in every process and on every machine.
//!
//! For consistent hashing: two proxies in front of the same backends must agree on who gets a key, also after a restart.
//! Not for tables: there is no seed, so whoever chooses the keys can choose their hashes.

/// Odd constants without pattern: the first digits of √2 and √3 in binary.
const K0: u64 = 0x6A09_E667_F3BC_C909;
const K1: u64 = 0xBB67_AE85_84CA_A73B;

/// A hash of `bytes`, all 64 bits of it usable: of a client's address, a field's value, a backend's address.
///
/// Multiply and fold, eight bytes at a time: the high half of a 128-bit product is mixed into the low one.
#[must_use]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = fold(K0 ^ bytes.len() as u64, K1);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = fold(hash ^ u64::from_le_bytes(*chunk), K1);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(fold(hash ^ u64::from_le_bytes(last), K0))
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Spreads what distinguishes two words over all their bits; one to one.
///
/// Source: the finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub(crate) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_never_changes_between_versions() {
        // Another value means that every key of every cluster moves when the proxy is updated.
        assert_eq!(stable_hash(b""), 0x800D_FE4C_A592_1580);
        assert_eq!(stable_hash(b"10.0.0.1:8080"), 0x29BD_9FA1_5E8D_D9F2);
    }

    #[test]
    fn each_bit_of_the_input_changes_half_of_the_output() {
        for len in [1, 7, 8, 9, 16, 33] {
            let input = vec![0x5a; len];
            let hash = stable_hash(&input);
            let mut changed = 0;
            for bit in 0..len * 8 {
                let mut other = input.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                let distance = (stable_hash(&other) ^ hash).count_ones();
                assert!((10..=54).contains(&distance), "bit {bit} of {len} bytes changes {distance} bits");
                changed += distance as usize;
            }
            let mean = changed as f64 / (len * 8) as f64;
            assert!((26.0..38.0).contains(&mean), "{len} bytes: {mean} bits change on average");
        }
    }

    #[test]
    fn lengths_of_zeros_differ() {
        let mut hashes: Vec<_> = (0..100).map(|len| stable_hash(&vec![0; len])).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 100);
    }
}
