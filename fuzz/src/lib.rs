//! What the fuzz targets look for violations of: the properties that `shards/tests/fuzz` checks on stable.
#![forbid(unsafe_code)]

#[path = "../../shards/tests/fuzz/properties/mod.rs"]
mod properties;

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            /// Panics where the property of this name does not hold.
            pub fn $name(data: &[u8]) {
                properties::$name::check(data);
            }
        )*
    };
}

targets!(accept_header chunked_body proxy_header request_head response_head rewrite_roundtrip split_invariance);
