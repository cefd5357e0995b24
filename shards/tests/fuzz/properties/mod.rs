//! What must hold for every input, whoever makes it: the test beside this, or a fuzzer.
//!
//! Each property is one function of the input's bytes; it panics where it does not hold. Where a property compares with
//! another reading of the same bytes, that reading is written for being right at a glance and shares nothing with the codec.

pub(crate) mod accept_header;
pub(crate) mod chunked_body;
pub(crate) mod proxy_header;
pub(crate) mod request_head;
pub(crate) mod response_head;
pub(crate) mod rewrite_roundtrip;
pub(crate) mod split_invariance;
mod wire;
