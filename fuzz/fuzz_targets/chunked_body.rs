//! See `shards/tests/fuzz/properties/chunked_body.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::chunked_body(data));
