//! `X-Request-Id`: the name that everyone on a request's way writes into their logs.

use super::super::field::Field;
use super::super::head::LineSet;
use super::super::limits::REQUEST_ID_BYTES_MAX;
use super::super::request::Request;

/// The client's name for the request, if it gave one name, once, that can stand in a log: visible ASCII, not too long.
pub(super) fn theirs<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let id = request.lines.only(b"x-request-id")?;
    let is_sane = (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    is_sane.then_some(id)
}

/// Whether ours is to be written: then the client's is cut.
#[inline(never)]
pub(super) fn is_ours(request: &Request<'_>, keep: bool, cut: &mut LineSet) -> bool {
    let ours = !keep || theirs(request).is_none();
    if ours {
        request.lines.cut_field(Field::XRequestId, cut);
    }
    ours
}

/// Appends ours.
pub(super) fn push(fresh: &[u8; 32], out: &mut Vec<u8>) {
    out.extend_from_slice(b"X-Request-Id: ");
    out.extend_from_slice(fresh);
    out.extend_from_slice(b"\r\n");
}
