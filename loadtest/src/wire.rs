//! HTTP/1.1 as both ends read it: heads out of pieces, and where a body ends.

pub(crate) mod body;
pub(crate) mod chunked;
pub(crate) mod input;

pub(crate) use body::Body;
pub(crate) use input::{HeadError, Input, Malformed, Parsed};

/// Header fields for one parse.
pub(crate) type Fields<'b> = [std::mem::MaybeUninit<httparse::Header<'b>>; crate::limits::HEADERS_MAX];

/// A table without fields.
pub(crate) const fn no_fields<'b>() -> Fields<'b> {
    [const { std::mem::MaybeUninit::uninit() }; crate::limits::HEADERS_MAX]
}

/// Whether a comma-separated list has the token, in any case.
pub(crate) fn has_token(list: &[u8], token: &str) -> bool {
    list.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// A length in decimal digits, nothing else.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
