//! What only the whole file shows: names given twice, references without a target, frontends that collide.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Frontend;
use super::nearest::nearest;
use super::problem::{At, Problems, Refusal};
use crate::ids::ListenerName;

/// What the file says and where, of all that has to fit together. Holds also the parts of pieces that were refused
/// for another reason, so that one slip is reported once.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) listeners: Vec<(ListenerName, At)>,
    /// A listener's name was missing or refused: any reference may mean that one.
    pub(super) has_unnamed_listener: bool,
    pub(super) addresses: Vec<(SocketAddr, At)>,
    pub(super) frontends: Vec<SeenFrontend>,
}

pub(super) struct SeenFrontend {
    pub(super) frontend: Frontend,
    pub(super) listeners: Vec<(ListenerName, At)>,
    pub(super) at: At,
}

impl Seen {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        once(&self.listeners, "name", problems);
        let bound: Vec<_> =
            self.addresses.iter().filter(|(address, _)| address.port() != 0).cloned().collect();
        once(&bound, "address", problems);
        for frontend in &self.frontends {
            self.check_references(frontend, problems);
        }
        self.check_collisions(problems);
    }

    fn check_references(&self, frontend: &SeenFrontend, problems: &mut Problems<'_>) {
        let names = || self.listeners.iter().map(|(name, _)| name.as_str());
        for (n, (name, at)) in frontend.listeners.iter().enumerate() {
            if frontend.listeners[..n].iter().any(|(earlier, _)| earlier == name) {
                problems.add(at, Refusal::new(format!("\"{name}\" is listed twice")));
            }
            if self.has_unnamed_listener || names().any(|known| known == name.as_str()) {
                continue;
            }
            let hint = match nearest(name.as_str(), names()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("listeners: {}", names().collect::<Vec<_>>().join(", ")),
            };
            problems.add(at, Refusal::new(format!("there is no listener \"{name}\"")).hint(hint));
        }
    }

    /// Two frontends collide when a request could be meant by both and neither is more specific.
    fn check_collisions(&self, problems: &mut Problems<'_>) {
        let mut taken: BTreeMap<_, &At> = BTreeMap::new();
        for SeenFrontend { frontend, at, .. } in &self.frontends {
            let all = || self.listeners.iter().map(|(name, _)| name).collect();
            let listeners: Vec<_> =
                if frontend.listeners.is_empty() { all() } else { frontend.listeners.iter().collect() };
            let rule = |listener| (listener, &frontend.hostname, frontend.path_prefix.as_str());
            let other = listeners.iter().find_map(|listener| taken.get(&rule(*listener)).copied());
            if let Some(other) = other {
                let (path, line) = (&other.path, problems.line(other));
                let (hostname, path_prefix) = (&frontend.hostname, &frontend.path_prefix);
                let refusal = Refusal::new(format!(
                    "{path} (line {line}) already has host \"{hostname}\" with path \"{path_prefix}\""
                ));
                problems
                    .add(at, refusal.hint("change `listeners`, `hostname` or `path_prefix` of one of them"));
            }
            for listener in listeners {
                taken.entry(rule(listener)).or_insert(at);
            }
        }
    }
}

/// Reports each value that an earlier entry already has.
fn once<T: Ord + std::fmt::Display>(values: &[(T, At)], what: &str, problems: &mut Problems<'_>) {
    let mut first: BTreeMap<&T, &At> = BTreeMap::new();
    for (value, at) in values {
        let earlier = *first.entry(value).or_insert(at);
        if !std::ptr::eq(earlier, at) {
            let (path, line) = (&earlier.path, problems.line(earlier));
            let refusal = Refusal::new(format!("{path} (line {line}) already is \"{value}\""));
            problems.add(at, refusal.hint(format!("give each its own {what}")));
        }
    }
}
