//! See `shards/tests/fuzz/properties/request_head.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::request_head(data));
