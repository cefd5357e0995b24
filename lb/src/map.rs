//! All clusters of one shard.

use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::ClusterId;

use crate::list::BackendList;
use crate::load::Load;
use crate::spec::Settings;

/// Names a cluster within its [`BackendMap`]; what routing resolves a request to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterKey(u32);

/// The clusters of one shard, each with its backends. Not shared and not locked: every shard owns one.
#[derive(Debug, Default)]
pub struct BackendMap {
    /// By [`ClusterKey`].
    clusters: Vec<BackendList>,
    by_id: AHashMap<ClusterId, ClusterKey>,
}

impl BackendMap {
    /// No clusters.
    #[must_use]
    pub fn new() -> BackendMap {
        BackendMap::default()
    }

    /// Adds a cluster without backends, or changes the settings of the one with this name, which keeps the `total` it has.
    /// `total` must be the one that every shard was given for this cluster: its limits are measured by it.
    pub fn add_cluster(&mut self, id: ClusterId, settings: Settings, total: Arc<Load>) -> ClusterKey {
        if let Some(key) = self.key_of(&id) {
            self.cluster_mut(key).set_settings(settings);
            return key;
        }
        let key =
            ClusterKey(u32::try_from(self.clusters.len()).expect("memory ends long before 2³² clusters"));
        self.clusters.push(BackendList::new(id.clone(), settings, total));
        self.by_id.insert(id, key);
        key
    }

    /// The key of the cluster with this name.
    #[must_use]
    pub fn key_of(&self, id: &ClusterId) -> Option<ClusterKey> {
        self.by_id.get(id).copied()
    }

    /// The cluster's backends.
    ///
    /// # Panics
    ///
    /// If `key` comes from another map.
    #[must_use]
    pub fn cluster(&self, key: ClusterKey) -> &BackendList {
        &self.clusters[key.0 as usize]
    }

    /// The cluster's backends, to be changed or selected from.
    ///
    /// # Panics
    ///
    /// If `key` comes from another map.
    #[must_use]
    pub fn cluster_mut(&mut self, key: ClusterKey) -> &mut BackendList {
        &mut self.clusters[key.0 as usize]
    }

    /// All clusters in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (ClusterKey, &BackendList)> {
        self.clusters.iter().enumerate().map(|(index, list)| (ClusterKey(index as u32), list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn name(text: &str) -> ClusterId {
        text.parse().unwrap()
    }

    fn with(policy: Policy) -> Settings {
        Settings { policy, ..Settings::default() }
    }

    #[test]
    fn a_policy_set_before_any_backend_creates_the_cluster() {
        let mut map = BackendMap::new();
        let id = name("api");
        assert_eq!(map.key_of(&id), None);

        let key = map.add_cluster(id.clone(), with(Policy::Maglev), Arc::new(Load::new()));
        assert_eq!(map.key_of(&id), Some(key));
        assert!(map.cluster(key).is_empty());
        assert_eq!(map.cluster(key).settings().policy, Policy::Maglev);
    }

    #[test]
    fn adding_a_cluster_again_keeps_it_and_changes_its_settings() {
        let mut map = BackendMap::new();
        let total = Arc::new(Load::new());
        let api = map.add_cluster(name("api"), Settings::default(), Arc::clone(&total));
        let web = map.add_cluster(name("web"), Settings::default(), Arc::new(Load::new()));
        assert_ne!(api, web);

        assert_eq!(map.add_cluster(name("api"), with(Policy::RoundRobin), Arc::new(Load::new())), api);
        assert_eq!(map.cluster(api).settings().policy, Policy::RoundRobin);
        assert!(Arc::ptr_eq(map.cluster(api).total(), &total));
        assert_eq!(map.cluster(web).settings(), &Settings::default());
        let names: Vec<_> = map.iter().map(|(key, list)| (key, list.id().as_str())).collect();
        assert_eq!(names, [(api, "api"), (web, "web")]);
    }
}
