//! See `shards/tests/fuzz/properties/response_head.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::response_head(data));
