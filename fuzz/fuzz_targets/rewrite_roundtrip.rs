//! See `shards/tests/fuzz/properties/rewrite_roundtrip.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::rewrite_roundtrip(data));
