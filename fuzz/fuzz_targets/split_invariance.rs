//! See `shards/tests/fuzz/properties/split_invariance.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::split_invariance(data));
