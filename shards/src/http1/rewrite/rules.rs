//! What a route changes in requests and answers, compiled once.

use ringway_core::config::{HeaderEdits, PathMatch, Rewrite};

use super::super::field::Field;
use super::super::head::{LineSet, Lines};
use super::path::Prefix;

/// The changes a route makes to requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRules {
    pub(super) fields: FieldRules,
    /// In the place of the prefix that the route matched.
    pub(super) prefix: Option<Prefix>,
    /// Who the backend is asked for.
    pub(super) host: Option<Box<[u8]>>,
}

impl RequestRules {
    /// The rules of a route that matches `path`; `None`: it changes nothing. A prefix is only replaced where one was matched.
    #[must_use]
    pub fn new(rewrite: &Rewrite, path: &PathMatch) -> Option<RequestRules> {
        let prefix = match (path, &rewrite.replace_prefix) {
            (PathMatch::Prefix(old), Some(new)) => Some(Prefix::new(old, new)),
            _ => None,
        };
        let host = rewrite.host.as_ref().map(|host| host.as_bytes().into());
        let changes = !rewrite.request_headers.is_empty() || prefix.is_some() || host.is_some();
        changes.then(|| RequestRules { fields: FieldRules::new(&rewrite.request_headers), prefix, host })
    }

    /// Bytes that they add to a head at most.
    pub(super) fn len(&self) -> usize {
        self.fields.lines.len()
            + self.prefix.as_ref().map_or(0, Prefix::len)
            + self.host.as_ref().map_or(0, |host| host.len())
    }
}

/// The changes a route makes to final answers. Interim ones, and those that begin a tunnel, go as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRules {
    pub(super) fields: FieldRules,
}

impl ResponseRules {
    /// The rules of a route; `None`: it changes nothing.
    #[must_use]
    pub fn new(rewrite: &Rewrite) -> Option<ResponseRules> {
        let edits = &rewrite.response_headers;
        (!edits.is_empty()).then(|| ResponseRules { fields: FieldRules::new(edits) })
    }
}

impl ResponseRules {
    /// Carries the rules out on the field lines of an answer of our own, each with its line end.
    pub(in super::super) fn edit(&self, lines: &mut Vec<u8>) {
        let kept = lines.split_inclusive(|&byte| byte == b'\n').filter(|line| {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            !self.fields.names.iter().any(|gone| gone.eq_ignore_ascii_case(name))
        });
        *lines = kept.flatten().chain(&self.fields.lines).copied().collect();
    }
}

/// Lines that go and lines that come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldRules {
    /// The names of those that go, in lower case.
    names: Box<[Box<[u8]>]>,
    /// A bit for each length of a name: most lines of a head need no more than that to be passed over.
    lengths: u64,
    /// Those that come, as they are written.
    pub(super) lines: Box<[u8]>,
}

impl FieldRules {
    /// Remove, then set, then append: what is removed can be set anew, and of a name that is set twice the last counts.
    fn new(edits: &HeaderEdits) -> FieldRules {
        let is_editable = |name: &str| Field::of(name.as_bytes()).is_editable();
        let set = edits.set.iter().enumerate().filter(|(at, (name, _))| {
            is_editable(name)
                && !edits.set[at + 1..].iter().any(|(later, _)| later.eq_ignore_ascii_case(name))
        });
        let set = set.map(|(_, line)| line);
        let append = edits.append.iter().filter(|(name, _)| is_editable(name));
        let lines: String = set.chain(append).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let names = edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name));
        let names: Box<[Box<[u8]>]> = names
            .filter(|name| is_editable(name))
            .map(|name| name.to_ascii_lowercase().into_bytes().into())
            .collect();
        let lengths = names.iter().fold(0, |lengths, name| lengths | 1 << (name.len() % 64));
        FieldRules { names, lengths, lines: lines.into_bytes().into() }
    }

    /// Adds the lines that go to `cut`.
    #[inline(never)]
    pub(super) fn cut(&self, lines: &Lines<'_>, cut: &mut LineSet) {
        for (line, header) in lines.headers.iter().enumerate() {
            let name = header.name.as_bytes();
            if self.lengths & (1 << (name.len() % 64)) != 0
                && self.names.iter().any(|gone| gone.eq_ignore_ascii_case(name))
            {
                cut.insert(line);
            }
        }
    }
}
