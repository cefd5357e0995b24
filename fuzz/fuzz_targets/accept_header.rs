//! See `shards/tests/fuzz/properties/accept_header.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringway_fuzz::accept_header(data));
