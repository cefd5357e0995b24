//! Routes that send a client elsewhere.
//!
//! # Why a client can not choose where
//!
//! A Location made from a request is an open redirect or an injected header field if the request can break out of its
//! place. It can not:
//!
//! * **The field ends where it should.** Whatever is not visible ASCII is percent-encoded while it is written; the parser
//!   lets nothing else through anyway.
//! * **A host stays a host.** Of its bytes those that end an authority or hide one (`/ \ ? # @`) are percent-encoded too.
//! * **A path is no host.** It is always written with a leading slash, and templates that are made of it must have their
//!   authority before it: a template is a URL with a host, or starts with a path.
//! * **A path from here stays here.** Browsers take `//host` and `/\host` for another server, so a Location that starts
//!   with a path gets all leading slashes and backslashes replaced by one slash.
//!
//! Nothing is encoded twice or decoded. A template that puts `{path}` or `{query}` into its own query passes on what the
//! client wrote there, `&` included; that is for whoever reads that query to expect.

use ringway_core::config::Redirect;

use super::super::decimal;
use super::super::rewrite::ResponseRules;
use super::limits::{REDIRECT_BYTES_MAX, REDIRECT_PLACEHOLDERS_MAX};
use super::reason;

/// Why a redirect can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Too long for a client to ask for.
    #[error(
        "a redirect to {bytes} bytes, more than the {REDIRECT_BYTES_MAX} that every client can ask for; shorten it"
    )]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It would not be a URL.
    #[error("byte {at} (counted from 0) of a redirect's target can not stand in a URL; percent-encode it")]
    Byte {
        /// Of the first such byte.
        at: usize,
    },
    /// A brace can not stand in a URL, so it was meant to be one of ours.
    #[error(
        "a redirect's target has an unknown placeholder at byte {at} (counted from 0); there are {{host}}, {{path}} and {{query}}"
    )]
    Placeholder {
        /// Of its brace.
        at: usize,
    },
    /// The answer would have no bound.
    #[error("a redirect's target has more than {REDIRECT_PLACEHOLDERS_MAX} placeholders; use each once")]
    Placeholders,
    /// The client would decide where it goes.
    #[error(
        "a redirect's target must start with a path (\"/…\", {{path}}) or with a scheme and a host \
         (\"https://www.example.com…\", \"https://{{host}}…\")"
    )]
    Start,
}

/// What a redirect may take over from a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The host asked for, without port; empty if there was none.
    pub host: &'a [u8],
    /// The path without its query.
    pub path: &'a [u8],
    /// The query with its `?`, or empty.
    pub query: &'a [u8],
}

impl<'a> Place<'a> {
    /// From a host and what [`Request::path`](crate::http1::Request::path) says.
    #[must_use]
    pub fn new(host: &'a [u8], path_and_query: &'a [u8]) -> Place<'a> {
        let end = memchr::memchr(b'?', path_and_query).unwrap_or(path_and_query.len());
        let (path, query) = path_and_query.split_at(end);
        Place { host, path, query }
    }
}

/// The redirect is to the host asked for, and the request did not ask for one: it is answered 400. Only HTTP/1.0 allows
/// such requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redirect to the host asked for, and none was")]
pub struct HostMissing;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    Host,
    Path,
    Query,
}

/// A redirect, put together but for what it takes over from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectAnswer {
    /// Up to the value of Location.
    head: Box<[u8]>,
    parts: Box<[Part]>,
    /// The Location is a path on this very server.
    is_path: bool,
    /// From the end of Location on, but for Connection and the empty line.
    rest: Box<[u8]>,
    body: Box<[u8]>,
}

impl RedirectAnswer {
    /// Puts a redirect together, with the route's changes to its fields. Location stays what the redirect says.
    pub fn compile(
        redirect: &Redirect,
        rules: Option<&ResponseRules>,
    ) -> Result<RedirectAnswer, RedirectError> {
        let parts = parts(redirect.to.as_bytes())?;
        let is_path = is_path(&parts)?;
        let code = redirect.status.code();
        let reason = reason::phrase(code);
        let body = format!("{code} {reason}: The Location field says where.\n");
        let mut fields = b"Content-Type: text/plain\r\nContent-Length: ".to_vec();
        decimal::push(&mut fields, body.len() as u64);
        fields.extend_from_slice(b"\r\n");
        if let Some(rules) = rules {
            rules.edit(&mut fields);
        }
        let rest = [b"\r\n", &fields[..]].concat();
        Ok(RedirectAnswer {
            head: format!("HTTP/1.1 {code} {reason}\r\nLocation: ").into_bytes().into(),
            parts: parts.into(),
            is_path,
            rest: rest.into(),
            body: body.into_bytes().into(),
        })
    }

    /// Appends the complete answer, or nothing.
    pub fn write(
        &self,
        place: Place<'_>,
        keep_alive: bool,
        to_head: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), HostMissing> {
        if place.host.is_empty() && self.parts.contains(&Part::Host) {
            return Err(HostMissing);
        }
        out.extend_from_slice(&self.head);
        let location = out.len();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Host => push_encoded(place.host, b"/\\?#@", out),
                Part::Path => push_path(place.path, out),
                Part::Query => push_encoded(place.query, b"", out),
            }
        }
        if self.is_path {
            let slashes = out[location..].iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
            out.drain(location + 1..location + slashes);
        }
        out.extend_from_slice(&self.rest);
        if !keep_alive {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !to_head {
            out.extend_from_slice(&self.body);
        }
        Ok(())
    }
}

/// A path that does not start with a slash is that of a URL without one, or the `*` of OPTIONS; both mean the whole server.
fn push_path(path: &[u8], out: &mut Vec<u8>) {
    match path {
        [b'/', ..] => push_encoded(path, b"", out),
        _ => out.push(b'/'),
    }
}

/// Appends what can stand in a URL and is not in `also`, and the percent-encoding of the rest.
fn push_encoded(bytes: &[u8], also: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_graphic() && !also.contains(&byte) {
            out.push(byte);
        } else {
            let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

fn parts(to: &[u8]) -> Result<Vec<Part>, RedirectError> {
    if to.len() > REDIRECT_BYTES_MAX {
        return Err(RedirectError::TooLong { bytes: to.len() });
    }
    if let Some(at) = to.iter().position(|byte| !byte.is_ascii_graphic()) {
        return Err(RedirectError::Byte { at });
    }
    let mut parts = Vec::new();
    let mut rest = to;
    while !rest.is_empty() {
        let text = rest.iter().position(|byte| matches!(byte, b'{' | b'}')).unwrap_or(rest.len());
        if text > 0 {
            parts.push(Part::Text(rest[..text].into()));
            rest = &rest[text..];
            continue;
        }
        let known = [(&b"{host}"[..], Part::Host), (b"{path}", Part::Path), (b"{query}", Part::Query)];
        let found = known.into_iter().find_map(|(name, part)| Some((part, rest.strip_prefix(name)?)));
        let Some((part, after)) = found else {
            return Err(RedirectError::Placeholder { at: to.len() - rest.len() });
        };
        parts.push(part);
        rest = after;
    }
    if parts.iter().filter(|part| !matches!(part, Part::Text(_))).count() > REDIRECT_PLACEHOLDERS_MAX {
        return Err(RedirectError::Placeholders);
    }
    Ok(parts)
}

/// Whether what the parts make is a path; an error unless it is that or has an authority before any path.
fn is_path(parts: &[Part]) -> Result<bool, RedirectError> {
    let (text, next) = match parts {
        [Part::Path, ..] => return Ok(true),
        [Part::Text(text), next @ ..] => (&text[..], next.first()),
        _ => return Err(RedirectError::Start),
    };
    let authority = match text {
        [b'/', b'/', authority @ ..] => authority,
        [b'/', ..] => return Ok(true),
        _ => after_scheme(text).ok_or(RedirectError::Start)?,
    };
    match authority {
        [] if next == Some(&Part::Host) => Ok(false),
        [] | [b'/' | b'\\' | b'?' | b'#' | b':' | b'@', ..] => Err(RedirectError::Start),
        _ => Ok(false),
    }
}

/// What follows `scheme://`.
fn after_scheme(text: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', text)?;
    let scheme = &text[..colon];
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    text[colon..].strip_prefix(b"://").filter(|_| is_scheme)
}
