//! Host names: how they are compared, and what a router knows about one.

use std::borrow::Cow;

use ringway_core::config::Hostname;

use crate::http1::limits::HOST_BYTES_MAX;

/// Longest host that is put in lower case on a small stack copy.
pub(super) const SHORT_HOST_BYTES: usize = 64;

/// A host has 256 labels at most, all of them empty; that many count as none.
const LABEL_NUMBERS: usize = HOST_BYTES_MAX + 1;

/// The scope of exact hosts.
pub(super) const EXACT: u32 = 0;
/// The scope of wildcards, by what stands behind their `*.`.
pub(super) const WILDCARD: u32 = 1;

/// What a router knows about a host.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<T> {
    /// Its only rule is for every request.
    Always(T),
    /// The number of its paths' table.
    Paths(u32),
}

/// Scope and name that the host of a rule is stored under; `None` for any host.
pub(super) type HostKey<'a> = Option<(u32, Cow<'a, [u8]>)>;

/// What the host of a rule is stored under; `None`: no request could have it.
pub(super) fn key(hostname: &Hostname) -> Option<HostKey<'_>> {
    let (scope, name) = match hostname {
        Hostname::Any => return Some(None),
        Hostname::Exact(name) => (EXACT, name.as_bytes()),
        Hostname::Wildcard(name) => (WILDCARD, name.as_bytes().strip_prefix(b"*.")?),
    };
    let host = bare(name);
    let has_port = host.len() + 1 < name.len();
    if host.is_empty() || host.len() > HOST_BYTES_MAX || has_port {
        return None;
    }
    let has_upper = host.iter().any(u8::is_ascii_uppercase);
    let host = if has_upper { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) };
    Some(Some((scope, host)))
}

/// `host` without port and without the dot of a fully qualified name.
#[inline(always)]
pub(super) fn bare(host: &[u8]) -> &[u8] {
    let host = match memchr::memrchr(b':', host) {
        // The colons of an address literal stand before its bracket.
        Some(colon) if !host[colon..].contains(&b']') => &host[..colon],
        _ => host,
    };
    host.strip_suffix(b".").unwrap_or(host)
}

/// Calls `then` with `host`, of at most [`HOST_BYTES_MAX`] bytes, in lower case.
#[inline(always)]
pub(super) fn in_lower_case<R>(host: &[u8], then: impl FnOnce(&[u8]) -> R) -> R {
    let has_upper = host.iter().fold(false, |upper, byte| upper | byte.is_ascii_uppercase());
    if !has_upper {
        then(host)
    } else if host.len() <= SHORT_HOST_BYTES {
        then(lower::<SHORT_HOST_BYTES>(host, &mut [0; SHORT_HOST_BYTES]))
    } else {
        then(lower::<HOST_BYTES_MAX>(host, &mut [0; HOST_BYTES_MAX]))
    }
}

/// `host` in lower case, in `copy`, which it fits.
#[inline(always)]
fn lower<'a, const N: usize>(host: &[u8], copy: &'a mut [u8; N]) -> &'a [u8] {
    let copy = &mut copy[..host.len()];
    copy.copy_from_slice(host);
    copy.make_ascii_lowercase();
    copy
}

/// How many labels the wildcards have.
#[derive(Debug, Clone)]
pub(super) struct Depths {
    /// Which numbers of labels there are.
    present: [u64; 4],
    /// How many wildcards have so many labels.
    counts: Box<[u32; LABEL_NUMBERS]>,
}

impl Default for Depths {
    fn default() -> Depths {
        Depths { present: [0; 4], counts: Box::new([0; LABEL_NUMBERS]) }
    }
}

impl Depths {
    /// Notes the number of labels of what stands behind a wildcard's `*.`.
    pub(super) fn insert(&mut self, suffix: &[u8]) {
        let labels = labels(suffix);
        self.counts[labels] += 1;
        self.present[labels / 64] |= 1 << (labels % 64);
    }

    /// Takes back what [`Depths::insert`] noted.
    pub(super) fn remove(&mut self, suffix: &[u8]) {
        let labels = labels(suffix);
        self.counts[labels] -= 1;
        if self.counts[labels] == 0 {
            self.present[labels / 64] &= !(1 << (labels % 64));
        }
    }

    fn contains(&self, labels: usize) -> bool {
        self.present[labels / 64 % 4] >> (labels % 64) & 1 == 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present == [0; 4]
    }

    /// What stands behind each dot of `host`, the longest first: only what has as many labels as some wildcard.
    pub(super) fn suffixes<'h>(&self, host: &'h [u8]) -> impl Iterator<Item = &'h [u8]> {
        let dots = memchr::memchr_iter(b'.', host);
        let labels = dots.clone().count();
        // A dot at the very start has no label before it that `*` could stand for.
        dots.enumerate()
            .filter(move |&(nth, dot)| dot > 0 && self.contains(labels - nth))
            .map(|(_, dot)| &host[dot + 1..])
    }
}

fn labels(suffix: &[u8]) -> usize {
    (memchr::memchr_iter(b'.', suffix).count() + 1) % LABEL_NUMBERS
}
