//! The properties that the fuzz targets in `fuzz/` look for violations of, over inputs drawn from seeds: bounded, on stable.
//!
//! | variable | meaning |
//! |---|---|
//! | `RINGWAY_FUZZ_SEED` | the first seed; each input has its own |
//! | `RINGWAY_FUZZ_RUNS` | how many inputs each target gets |

mod draw;
mod heads;
mod properties;
mod seeds;

use properties::{
    accept_header, chunked_body, proxy_header, request_head, response_head, rewrite_roundtrip,
    split_invariance,
};

#[test]
fn request_heads_are_understood_as_they_are_written() {
    seeds::each("request_heads_are_understood", heads::request, request_head::check);
}

#[test]
fn response_heads_are_understood_as_they_are_written() {
    seeds::each("response_heads_are_understood", heads::response_to, response_head::check);
}

#[test]
fn chunked_bodies_end_where_another_decoder_says() {
    seeds::each("chunked_bodies_end", draw::chunked, chunked_body::check);
}

#[test]
fn splitting_the_input_changes_no_outcome() {
    seeds::each("splitting_the_input", draw::split, split_invariance::check);
}

#[test]
fn what_is_rewritten_means_the_same_to_one_hop_less() {
    seeds::each("what_is_rewritten", heads::either, rewrite_roundtrip::check);
}

#[test]
fn accept_is_read_the_same_however_it_is_spelt() {
    seeds::each("accept_is_read", draw::accept, accept_header::check);
}

#[test]
fn proxy_headers_are_understood_however_they_arrive() {
    seeds::each("proxy_headers", draw::proxy_header, proxy_header::check);
}
