//! The cookie that keeps a client at its backend.
//!
//! Its value is a keyed hash of the backend's sticky id, made once when the configuration is compiled: a client that sends
//! anything else is one without a cookie, so it can not choose a backend, and it learns no name. A request costs a look-up.

use std::fmt::Write as _;
use std::sync::Arc;

use ahash::AHashMap;
use hmac::{Hmac, KeyInit, Mac};
use ringway_core::ClusterId;
use ringway_core::config::{SameSite, Sticky};
use sha2::Sha256;

/// Bytes of a value, before they are written as hexadecimal digits: 128 bits can not be guessed.
const VALUE_BYTES: usize = 16;

/// The cookie of one cluster, and what its values stand for.
#[derive(Debug)]
pub(crate) struct Cookies {
    settings: Sticky,
    /// The value of no backend: another one under another secret.
    proof: Arc<[u8]>,
    /// The sticky id that a value stands for.
    by_value: AHashMap<Arc<[u8]>, Arc<str>>,
    /// By sticky id.
    lines: AHashMap<Arc<str>, Line>,
}

/// What keeps a client at a backend.
#[derive(Debug, Clone)]
struct Line {
    value: Arc<[u8]>,
    /// The field that sets the cookie: a whole line.
    field: Arc<[u8]>,
}

impl Cookies {
    /// Of the backends with these sticky ids; `secret` is the key of the hash. What `before` has is taken from there, if it
    /// still holds: a hash costs more than a look-up.
    pub(crate) fn new(
        settings: &Sticky,
        cluster: &ClusterId,
        ids: impl Iterator<Item = Arc<str>>,
        secret: &[u8],
        before: Option<&Cookies>,
    ) -> Cookies {
        let proof: Arc<[u8]> = value(cluster, "", secret).into_bytes().into();
        let before = before.filter(|before| before.proof == proof && before.settings == *settings);
        let settings = settings.clone();
        let mut cookies = Cookies { settings, proof, by_value: AHashMap::new(), lines: AHashMap::new() };
        for id in ids {
            let line = match before.and_then(|before| before.lines.get(&id)) {
                Some(line) => line.clone(),
                None => {
                    let value = value(cluster, &id, secret);
                    let field = line(&cookies.settings, &value).into_bytes().into();
                    Line { value: value.into_bytes().into(), field }
                }
            };
            cookies.by_value.insert(Arc::clone(&line.value), Arc::clone(&id));
            cookies.lines.insert(id, line);
        }
        cookies
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.cookie
    }

    /// The sticky id that a value of the cookie stands for; `None`: it is not ours, or its backend is gone.
    pub(crate) fn id(&self, value: &[u8]) -> Option<&Arc<str>> {
        self.by_value.get(value)
    }

    /// The field that keeps a client at the backend with this sticky id.
    pub(crate) fn line(&self, id: &str) -> Option<&[u8]> {
        self.lines.get(id).map(|line| &line.field[..])
    }
}

/// HMAC-SHA-256 (RFC 2104) over the names, each with its length before it, cut to 128 bits.
fn value(cluster: &ClusterId, id: &str, secret: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
    for part in ["ringway sticky", cluster.as_str(), id] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let tag = mac.finalize().into_bytes();
    tag[..VALUE_BYTES].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RFC 6265 section 4.1.1.
fn line(settings: &Sticky, value: &str) -> String {
    let mut line = format!("Set-Cookie: {}={value}; Path=/", settings.cookie);
    if let Some(age) = settings.max_age {
        let _ = write!(line, "; Max-Age={}", age.as_secs());
    }
    for (attribute, holds) in [("Secure", settings.secure), ("HttpOnly", settings.http_only)] {
        if holds {
            let _ = write!(line, "; {attribute}");
        }
    }
    line.push_str(match settings.same_site {
        SameSite::Unset => "",
        SameSite::Strict => "; SameSite=Strict",
        SameSite::Lax => "; SameSite=Lax",
        SameSite::None => "; SameSite=None",
    });
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef";

    fn cookies(settings: &Sticky, cluster: &str, secret: &[u8]) -> Cookies {
        let cluster = ClusterId::parse(cluster).expect("a name");
        Cookies::new(settings, &cluster, ["a", "b"].into_iter().map(Arc::from), secret, None)
    }

    fn sent_value(cookies: &Cookies, id: &str) -> Vec<u8> {
        let line = cookies.line(id).expect("a backend of the cluster");
        let (_, rest) = std::str::from_utf8(line).expect("text").split_once('=').expect("a cookie");
        rest.split_once(';').expect("attributes").0.as_bytes().to_vec()
    }

    #[test]
    fn a_value_leads_back_to_its_backend_and_nothing_else_does() {
        let cookies = cookies(&Sticky::default(), "site", SECRET);
        for id in ["a", "b"] {
            let value = sent_value(&cookies, id);
            assert_eq!(value.len(), 2 * VALUE_BYTES);
            assert_eq!(cookies.id(&value).map(|id| &**id), Some(id));
            assert_eq!(cookies.id(&value[1..]), None);
            assert_eq!(cookies.id(&value.to_ascii_uppercase()), None);
        }
        assert_eq!(cookies.id(b"a"), None);
        assert_eq!(cookies.id(b""), None);
        assert!(cookies.line("c").is_none());
    }

    #[test]
    fn values_differ_between_secrets_clusters_and_backends() {
        let site = cookies(&Sticky::default(), "site", SECRET);
        let values = [
            sent_value(&site, "a"),
            sent_value(&site, "b"),
            sent_value(&cookies(&Sticky::default(), "shop", SECRET), "a"),
            sent_value(&cookies(&Sticky::default(), "site", b"another secret .."), "a"),
        ];
        for (n, value) in values.iter().enumerate() {
            assert!(!values[..n].contains(value), "{n}");
        }
        assert_eq!(values[0], sent_value(&cookies(&Sticky::default(), "site", SECRET), "a"), "it is stable");
    }

    #[test]
    fn the_attributes_are_as_configured() {
        let ends = |settings: &Sticky, end: &str| {
            let line = cookies(settings, "site", SECRET).line("a").expect("a backend").to_vec();
            let line = String::from_utf8(line).expect("text");
            assert!(line.starts_with(&format!("Set-Cookie: {}=", settings.cookie)), "{line}");
            assert!(line.ends_with(end), "{line}");
        };
        ends(&Sticky::default(), "; Path=/; HttpOnly; SameSite=Lax\r\n");
        let strict = Sticky {
            cookie: "srv".into(),
            secure: true,
            http_only: false,
            same_site: SameSite::Unset,
            max_age: Some(Duration::from_secs(3600)),
            ..Sticky::default()
        };
        ends(&strict, "; Path=/; Max-Age=3600; Secure\r\n");
    }
}
