//! See `shards/tests/fuzz/properties/proxy_header.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::proxy_header(data));
