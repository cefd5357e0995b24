//! Texts of the file that have a form of their own: addresses, paths, names and values of fields.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use super::defaults as d;
use super::nearest::nearest;
use super::problem::{Refusal, quoted};
use super::{HashKey, Hostname, HostnameError, RateKey};
use crate::address::{Address, AddressError};
use crate::ids::IdError;
use crate::pattern::{Pattern, PatternError};
use crate::statuses::StatusesError;

pub(super) fn address(text: &str) -> Result<SocketAddr, Refusal> {
    text.parse().map_err(|_| {
        let refusal = Refusal::new(format!("{} is not an address with its port", quoted(text)));
        let port = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        match (text.parse::<IpAddr>(), port) {
            (Ok(ip), _) => refusal.hint(format!("add the port: \"{}\"", SocketAddr::new(ip, 8080))),
            (_, Some(("" | "*", port))) => {
                refusal.hint(format!("for every address write \"0.0.0.0:{port}\""))
            }
            (_, Some(_)) => refusal.hint("host names are not looked up: write the IP address"),
            _ => refusal.hint("write IP:port, as in \"127.0.0.1:8080\" or \"[::1]:8080\""),
        }
    })
}

pub(super) fn backend_address(text: &str) -> Result<Address, Refusal> {
    match text.parse() {
        Ok(Address::Ip(address)) if address.port() == 0 => Err(Refusal::new("nobody listens on port 0")),
        Ok(address) => Ok(address),
        Err(AddressError::Form) if text.starts_with('/') => {
            let refusal = Refusal::new(format!("{} is not an address with its port", quoted(text)));
            Err(refusal.hint("for a UNIX socket write \"unix:\" before its path"))
        }
        Err(AddressError::Form) => Err(address(text).err().unwrap_or_else(|| AddressError::Form.into())),
        Err(error) => Err(error.into()),
    }
}

/// A network, or an address that is one of a single host.
pub(super) fn network(text: &str) -> Result<IpNet, Refusal> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let Ok(network) = text.parse::<IpNet>() else {
        let refusal = Refusal::new(format!("{} is neither a network nor an address", quoted(text)));
        return Err(refusal.hint("write \"10.0.0.0/8\", \"fd00::/8\" or \"192.0.2.1\""));
    };
    if network != network.trunc() {
        let refusal = Refusal::new(format!("{} has bits set behind its prefix", quoted(text)));
        return Err(refusal.hint(format!("write \"{}\", or the address alone", network.trunc())));
    }
    Ok(network)
}

/// A protocol that a client may change to; in lower case.
pub(super) fn upgrade(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::UPGRADE_BYTES_MAX)?;
    let name = token(text, "a protocol")?;
    if name.as_ref() == "h2c" {
        let refusal = Refusal::new(
            "an upgrade to h2c hides requests from the rules, since they come within the tunnel",
        );
        return Err(refusal.hint("remove it: clients fall back to HTTP/1.1"));
    }
    Ok(name)
}

pub(super) fn path(text: &str) -> Result<Arc<str>, Refusal> {
    if !text.starts_with('/') {
        let refusal = Refusal::new(format!("{} does not start with /", quoted(text)));
        return Err(refusal.hint("a path starts with /, as in \"/api\""));
    }
    bounded(text, d::PATH_PREFIX_BYTES_MAX)?;
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#')) {
        let refusal = Refusal::new(format!("no path of a request has {c:?}"));
        return Err(refusal.hint("write the path as it is on the wire: percent-encoded, without query"));
    }
    Ok(text.into())
}

/// A prefix of whole segments: a slash at its end says nothing, so it goes, and equal prefixes are equal.
pub(super) fn path_prefix(text: &str) -> Result<Arc<str>, Refusal> {
    let path = path(text)?;
    Ok(match path.trim_end_matches('/') {
        "" => "/".into(),
        trimmed => trimmed.into(),
    })
}

/// What a health check asks for: a path, and a query if there is one.
pub(super) fn target(text: &str) -> Result<Arc<str>, Refusal> {
    let (path_only, query) = text.split_once('?').unwrap_or((text, ""));
    path(path_only)?;
    bounded(text, d::CHECK_PATH_BYTES_MAX)?;
    if let Some(c) = query.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        let refusal = Refusal::new(format!("no query of a request has {c:?}"));
        return Err(refusal.hint("write it as it is on the wire: percent-encoded"));
    }
    Ok(text.into())
}

pub(super) fn pattern(text: &str) -> Result<Arc<str>, Refusal> {
    Pattern::compile(text)?;
    Ok(text.into())
}

/// A method, whose case matters (RFC 9110 section 9.1).
pub(super) fn method(text: &str) -> Result<Arc<str>, Refusal> {
    const COMMON: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    check_token(text, "a method", d::FIELD_NAME_BYTES_MAX)?;
    let upper = text.to_ascii_uppercase();
    if upper != text && COMMON.contains(&upper.as_str()) {
        let refusal = Refusal::new(format!("{} is not a method that clients use", quoted(text)));
        return Err(refusal.hint(format!("methods have a case: write \"{upper}\"")));
    }
    Ok(text.into())
}

/// The method of a health check.
pub(super) fn check_method(text: &str) -> Result<Arc<str>, Refusal> {
    match method(text)? {
        name if &*name == "CONNECT" => {
            Err(Refusal::new("CONNECT asks for a tunnel, and says nothing about a backend")
                .hint("use \"GET\" or \"HEAD\", or a check with `protocol = \"tcp\"`"))
        }
        name => Ok(name),
    }
}

/// What an answer's body must contain.
pub(super) fn contained(text: &str) -> Result<Arc<str>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("every body contains the empty text").hint("remove it"));
    }
    bounded(text, d::CHECK_BODY_BYTES_MAX)?;
    Ok(text.into())
}

/// The name of a header field, in lower case.
pub(super) fn field_name(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::FIELD_NAME_BYTES_MAX)?;
    token(text, "the name of a header field")
}

/// The name of a cookie (RFC 6265 section 4.1.1), whose case matters.
pub(super) fn cookie_name(text: &str) -> Result<Arc<str>, Refusal> {
    check_token(text, "the name of a cookie", d::COOKIE_NAME_BYTES_MAX)?;
    Ok(text.into())
}

pub(super) fn hash_key(text: &str) -> Result<HashKey, Refusal> {
    match part_of_request(text, &["source", "uri", "header:NAME", "cookie:NAME"])? {
        ("header", name) => field_name(name).map(HashKey::Header),
        ("cookie", name) => cookie_name(name).map(HashKey::Cookie),
        ("uri", _) => Ok(HashKey::Uri),
        _ => Ok(HashKey::Source),
    }
}

pub(super) fn rate_key(text: &str) -> Result<RateKey, Refusal> {
    match part_of_request(text, &["source", "header:NAME"])? {
        ("header", name) => field_name(name).map(RateKey::Header),
        _ => Ok(RateKey::Source),
    }
}

/// What `text` stands for among `forms`, and the name behind it where the form has one.
fn part_of_request<'t>(text: &'t str, forms: &[&str]) -> Result<(&'t str, &'t str), Refusal> {
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    let with_name = format!("{kind}:NAME");
    match name {
        None if forms.contains(&kind) => Ok((kind, "")),
        Some(name) if forms.contains(&with_name.as_str()) => Ok((kind, name)),
        None if forms.contains(&with_name.as_str()) => {
            Err(Refusal::new(format!("\"{kind}\" does not say which")).hint(format!("write \"{with_name}\"")))
        }
        Some(_) if forms.contains(&kind) => {
            Err(Refusal::new(format!("\"{kind}\" has no name behind it")).hint(format!("write \"{kind}\"")))
        }
        _ => {
            let refusal = Refusal::new(format!("unknown value {}", quoted(text)));
            let kinds = forms.iter().map(|form| form.trim_end_matches(":NAME"));
            let near = nearest(kind, kinds).and_then(|near| forms.iter().find(|form| form.starts_with(near)));
            Err(match near {
                Some(near) => refusal.hint(format!("did you mean \"{near}\"?")),
                None => refusal.hint(format!("valid values: \"{}\"", forms.join("\", \""))),
            })
        }
    }
}

/// The value of a header field (RFC 9110 section 5.5), without the tab.
pub(super) fn field_value(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::FIELD_VALUE_BYTES_MAX)?;
    if let Some(c) = text.chars().find(|c| c.is_ascii_control()) {
        return Err(Refusal::new(format!("a header field can not hold {c:?}")));
    }
    if text.trim_matches(' ') != text {
        return Err(Refusal::new("spaces at the ends of a header field's value are no part of it"));
    }
    Ok(text.into())
}

/// The name of a query parameter, as it is on the wire.
pub(super) fn parameter_name(text: &str) -> Result<Arc<str>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("the name of a parameter needs at least one character"));
    }
    bounded(text, d::FIELD_NAME_BYTES_MAX)?;
    parameter(text, |c| matches!(c, '&' | '=' | '#'))
}

/// The value of a query parameter, as it is on the wire.
pub(super) fn parameter_value(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::PREDICATE_VALUE_BYTES_MAX)?;
    parameter(text, |c| matches!(c, '&' | '#'))
}

fn parameter(text: &str, ends_it: impl Fn(char) -> bool) -> Result<Arc<str>, Refusal> {
    match text.chars().find(|c| !c.is_ascii_graphic() || ends_it(*c)) {
        Some(c) => Err(Refusal::new(format!("no parameter of a query has {c:?}"))
            .hint("write it as it is on the wire: percent-encoded")),
        None => Ok(text.into()),
    }
}

/// A value that a header field is compared with.
pub(super) fn compared_value(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::PREDICATE_VALUE_BYTES_MAX)?;
    field_value(text)
}

/// A host with or without port, as backends are asked for it.
pub(super) fn host(text: &str) -> Result<Arc<str>, Refusal> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let name = match Hostname::parse(name)? {
        Hostname::Exact(name) => name,
        Hostname::Any | Hostname::Wildcard(_) => {
            return Err(Refusal::new("backends are asked for one host").hint("write it without *"));
        }
    };
    match port {
        None => Ok(name),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number != 0 => Ok(format!("{name}:{number}").into()),
            _ => Err(Refusal::new(format!("{} is not a port", quoted(port)))),
        },
    }
}

/// Where a client is sent: `http(s)://` or a path, of visible ASCII, with known placeholders.
pub(super) fn redirect(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::REDIRECT_BYTES_MAX)?;
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
        let refusal = Refusal::new(format!("a URL does not have {c:?}"));
        return Err(refusal.hint("write it as it is on the wire: percent-encoded, names with \"xn--\""));
    }
    // A path may begin with //: behind nothing or a single /, clients would take it for another host.
    let elsewhere = |url: &str| !url.is_empty() && !url.starts_with('/');
    let is_absolute = ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme).is_some_and(|rest| elsewhere(rest) && !rest.starts_with("{path}"))
    });
    let is_path = text
        .strip_prefix('/')
        .is_some_and(|rest| !rest.starts_with(['/', '\\']) && !rest.starts_with("{path}"));
    if !is_absolute && !is_path {
        let refusal = Refusal::new(format!("{} does not say where", quoted(text)));
        return Err(refusal.hint("begin with \"https://\" and a host, or with one / and a name"));
    }
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let known = ["{host}", "{path}", "{query}"];
        let Some(name) = known.iter().find(|name| rest[at..].starts_with(**name)) else {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            let refusal = Refusal::new(format!("unknown placeholder {}", quoted(&rest[at..end])));
            return Err(refusal.hint("use {host}, {path} or {query}; write other braces as %7B and %7D"));
        };
        rest = &rest[at + name.len()..];
    }
    Ok(text.into())
}

/// At least one character, none of them NUL; short enough for the kernel.
pub(super) fn file(text: &str) -> Result<Arc<str>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("the path of a file needs at least one character"));
    }
    bounded(text, d::FILE_PATH_BYTES_MAX)?;
    if text.contains('\0') {
        return Err(Refusal::new("the path of a file has no NUL"));
    }
    Ok(text.into())
}

/// A text of bounded length.
pub(super) fn body(text: &str) -> Result<Arc<str>, Refusal> {
    bounded(text, d::INLINE_BODY_BYTES_MAX)
        .map(|()| text.into())
        .map_err(|refusal| refusal.hint("put it into a file of its own, and name that with `file`"))
}

fn bounded(text: &str, max: usize) -> Result<(), Refusal> {
    match text.len() {
        bytes if bytes > max => Err(Refusal::new(format!("{bytes} bytes are too long, at most {max}"))),
        _ => Ok(()),
    }
}

/// A token (RFC 9110 section 5.6.2), in lower case.
fn token(text: &str, what: &str) -> Result<Arc<str>, Refusal> {
    check_token(text, what, d::FIELD_NAME_BYTES_MAX)?;
    Ok(text.to_ascii_lowercase().into())
}

fn check_token(text: &str, what: &str, bytes_max: usize) -> Result<(), Refusal> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() {
        return Err(Refusal::new(format!("{what} needs at least one character")));
    }
    bounded(text, bytes_max)?;
    match text.chars().find(|c| !is_token(*c)) {
        Some(c) => Err(Refusal::new(format!("{c:?} can not be in {what}"))),
        None => Ok(()),
    }
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Refusal {
        Refusal::new(error.to_string())
    }
}

impl From<AddressError> for Refusal {
    fn from(error: AddressError) -> Refusal {
        Refusal::new(error.to_string())
    }
}

impl From<PatternError> for Refusal {
    fn from(error: PatternError) -> Refusal {
        Refusal::new(error.to_string())
    }
}

impl From<StatusesError> for Refusal {
    fn from(error: StatusesError) -> Refusal {
        Refusal::new(error.to_string()).hint("as in \"2xx,404\"")
    }
}

impl From<HostnameError> for Refusal {
    fn from(error: HostnameError) -> Refusal {
        let refusal = Refusal::new(error.to_string());
        match error.remedy() {
            Some(remedy) => refusal.hint(remedy),
            None => refusal,
        }
    }
}
