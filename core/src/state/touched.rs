//! What is different between two states, by name.

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::ConfigState;
use crate::ids::{ClusterId, ListenerName};

/// What is different between two states: what has to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// The settings of the process.
    pub daemon: bool,
    /// Listeners that were added, changed or removed, in the order of their names.
    pub listeners: Vec<ListenerName>,
    /// Clusters that were added, changed, or removed, or something in them, in the order of their names.
    pub clusters: Vec<ClusterId>,
    /// Some route.
    pub routes: bool,
    /// Some answer.
    pub answers: bool,
}

impl Touched {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Touched::default()
    }
}

impl ConfigState {
    /// What is different between `from` and `to`, which was made from a clone of it: this looks only at what was changed. Something
    /// that was removed and added again is different, even if it is the same.
    #[must_use]
    pub fn touched(from: &ConfigState, to: &ConfigState) -> Touched {
        Touched {
            daemon: from.daemon != to.daemon,
            listeners: changed(&from.listeners, &to.listeners),
            clusters: changed(&from.clusters, &to.clusters),
            routes: from.routes != to.routes,
            answers: !changed(&from.answers, &to.answers).is_empty(),
        }
    }
}

fn changed<K: Ord + Clone, V: PartialEq>(from: &OrdMap<K, V>, to: &OrdMap<K, V>) -> Vec<K> {
    let changed = from.diff(to).map(|item| match item {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => {
            key.clone()
        }
    });
    changed.collect()
}
