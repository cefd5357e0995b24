//! One trailer line (RFC 9112 §7.1.2).

use super::super::field::{self, Field};
use super::FramingError;

/// Whether `line`, which ends with LF, goes on. It is refused if it is no field line.
pub(super) fn is_forwardable(line: &[u8]) -> Result<bool, FramingError> {
    let field_line = line.strip_suffix(b"\r\n").ok_or(FramingError::Trailer)?;
    let colon = memchr::memchr(b':', field_line).ok_or(FramingError::Trailer)?;
    let (name, value) = field_line.split_at(colon);
    if !field::is_token(name) || !field::is_value(&value[1..]) {
        return Err(FramingError::Trailer);
    }
    Ok(!Field::of(name).is_forbidden_trailer())
}
