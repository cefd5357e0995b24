//! What a probe sends over HTTP/2: the preface, its settings, and the request, in one piece.

use ringway_core::config::HealthCheck;

use super::super::USER_AGENT;
use super::super::hpack::{indexed, literal, literal_named};
use super::STREAM;
use super::frame::{self, Kind, flag};
use crate::limits::{FRAME_BYTES_MAX, HEAD_BYTES_MAX, WINDOW_BYTES};

/// RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The window of a connection before it is raised (section 6.9.2).
const WINDOW_BYTES_INITIAL: u32 = 65_535;

/// Settings by their numbers (section 6.5.2).
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// Places in the static table of HPACK (RFC 7541 appendix A).
mod index {
    pub(super) const AUTHORITY: u8 = 1;
    pub(super) const METHOD: u8 = 2;
    pub(super) const METHOD_GET: u8 = 2;
    pub(super) const PATH: u8 = 4;
    pub(super) const PATH_ROOT: u8 = 4;
    pub(super) const SCHEME_HTTP: u8 = 6;
    pub(super) const USER_AGENT: u8 = 58;
}

/// Fields that HTTP/2 has no use for (section 8.2.2), and Host, which is `:authority` here.
const NOT_IN_HTTP2: [&str; 7] =
    ["connection", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// The request. A User-Agent of the check stands for the own one, a Host for the host.
pub(in crate::probe) fn request(check: &HealthCheck, host: &str) -> Vec<u8> {
    let mut request = PREFACE.to_vec();
    let settings = [
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, WINDOW_BYTES),
        (MAX_HEADER_LIST_SIZE, HEAD_BYTES_MAX as u32),
    ];
    let settings = settings.map(|(setting, value)| {
        let ([a, b], [c, d, e, f]) = (setting.to_be_bytes(), value.to_be_bytes());
        [a, b, c, d, e, f]
    });
    frame::write(&mut request, Kind::Settings, 0, 0, settings.as_flattened());
    let raise = WINDOW_BYTES - WINDOW_BYTES_INITIAL;
    frame::write(&mut request, Kind::WindowUpdate, 0, 0, &raise.to_be_bytes());

    let block = block(check, host);
    let mut fragments = block.chunks(FRAME_BYTES_MAX).peekable();
    let (mut kind, mut flags) = (Kind::Headers, flag::END_STREAM);
    while let Some(fragment) = fragments.next() {
        if fragments.peek().is_none() {
            flags |= flag::END_HEADERS;
        }
        frame::write(&mut request, kind, flags, STREAM, fragment);
        (kind, flags) = (Kind::Continuation, 0);
    }
    request
}

fn block(check: &HealthCheck, host: &str) -> Vec<u8> {
    let given = |name: &str| check.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
    let mut block = Vec::new();
    match &*check.method {
        "GET" => indexed(&mut block, index::METHOD_GET),
        method => literal(&mut block, index::METHOD, method.as_bytes()),
    }
    indexed(&mut block, index::SCHEME_HTTP);
    match &*check.path {
        "/" => indexed(&mut block, index::PATH_ROOT),
        path => literal(&mut block, index::PATH, path.as_bytes()),
    }
    let authority = given("host").map_or(host, |(_, value)| value);
    literal(&mut block, index::AUTHORITY, authority.as_bytes());
    if given("user-agent").is_none() {
        literal(&mut block, index::USER_AGENT, USER_AGENT.as_bytes());
    }
    for (name, value) in &check.headers {
        let name = name.to_ascii_lowercase();
        if !NOT_IN_HTTP2.contains(&&*name) {
            literal_named(&mut block, name.as_bytes(), value.as_bytes());
        }
    }
    block
}
