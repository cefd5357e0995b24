//! Balance, stability, and what moves when a shard dies.

use super::*;

fn addresses() -> impl Iterator<Item = Address> {
    (0..16_000u32).map(|n| {
        format!("10.{}.{}.{}:{}", n >> 8 & 3, n & 255, 1 + (n >> 10), 8000 + (n & 7)).parse().unwrap()
    })
}

#[test]
fn each_shard_owns_its_part() {
    let mut owned = [0u32; 16];
    addresses().for_each(|address| owned[usize::from(owner(&address, 0..16).unwrap())] += 1);
    assert!(
        owned.iter().all(|n| (850..1150).contains(n)),
        "a mean of 1000, six standard deviations of 31: {owned:?}"
    );
}

#[test]
fn when_a_shard_dies_only_its_addresses_move_and_to_all_others() {
    let mut taken = [0u32; 16];
    for address in addresses() {
        let before = owner(&address, 0..16).unwrap();
        let after = owner(&address, (0..16).rev().filter(|shard| *shard != 5)).unwrap();
        if before == 5 {
            taken[usize::from(after)] += 1;
        } else {
            assert_eq!(before, after, "{address}");
        }
    }
    assert_eq!(taken[5], 0);
    assert!(
        taken.iter().enumerate().all(|(shard, n)| shard == 5 || (25..120).contains(n)),
        "a mean of 67: {taken:?}"
    );
}

#[test]
fn nobody_owns_what_no_shard_lives_for_and_the_hash_is_the_same_in_each_process() {
    let address: Address = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(owner(&address, []), None);
    assert_eq!(owner(&address, [7]), Some(7));
    // Written down: a change of the hash moves every probe of a process that is replaced by the next release.
    assert_eq!(address_hash(&address), 0x05b1_12f8_9a0a_0d5c);
    assert_eq!(address_hash(&"unix:/run/app.sock".parse().unwrap()), 0xc448_fa24_ef38_8762);
}
