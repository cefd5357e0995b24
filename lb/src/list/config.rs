//! What the configuration changes: settings and membership.

use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::{Address, ClusterId, Time};

use super::BackendList;
use super::outcome::{Added, Released, Removed};
use super::slow_start::Ramps;
use super::tally::Tally;
use super::total::Total;
use crate::backend::{Backend, BackendKey, Status};
use crate::hash::stable_hash;
use crate::latch::{Availability, FailOpenLatch, Flip};
use crate::load::Load;
use crate::policy::Chooser;
use crate::slab::Slab;
use crate::spec::{BackendSpec, Settings};
use crate::waiting::Waiting;

impl BackendList {
    /// The list of a cluster without backends. `total` must be the one that every shard was given for this cluster: its
    /// limits are measured by it.
    #[must_use]
    pub fn new(id: ClusterId, settings: Settings, total: Arc<Load>) -> BackendList {
        let choosing = settings.choosing();
        BackendList {
            id,
            settings,
            slab: Slab::default(),
            by_address: AHashMap::new(),
            by_sticky: AHashMap::new(),
            pools: Default::default(),
            choosers: [Chooser::new(choosing), Chooser::new(choosing)],
            waiting: Waiting::default(),
            ramps: Ramps::default(),
            tally: Tally::default(),
            total: Total::new(total, &settings),
            availability: Availability::default(),
            fail_open: FailOpenLatch::default(),
            fail_open_decisions: 0,
            next_order: 0,
            now: Time::ZERO,
        }
    }

    /// Goes by these settings from now on. What is in progress is counted on.
    pub fn set_settings(&mut self, settings: Settings) {
        if settings == self.settings {
            return;
        }
        self.settings = settings;
        self.choosers.iter_mut().for_each(|chooser| chooser.set(settings.choosing()));
        self.total.set(&settings);
        self.ramps.wake();
    }

    /// Adds a backend, or updates the configured one with the same name and address: weight, backup flag, sticky id and
    /// limits. That one keeps its health, its back-off, its counts, its admin state and the `load` it has.
    ///
    /// `load` must be the one that every shard was given for this backend. One that is still closing is not revived: it
    /// drains under its old key beside the new one. A backend that is added after the list was first selected from begins
    /// with slow start; those before it are the configuration that the process started with.
    pub fn add(&mut self, spec: BackendSpec, load: Arc<Load>) -> Added {
        if let Some(key) = self.find(&spec.id, &spec.address) {
            return Added { key, is_new: false, flip: self.update(key, spec) };
        }
        let identity = stable_hash(spec.address.to_string().as_bytes());
        let address = spec.address.clone();
        let mut backend = Backend::new(spec, self.next_order, identity, load);
        backend.is_cold = self.ramps.is_started();
        self.next_order += 1;
        self.tally.add(&backend);
        let key = self.slab.insert(backend);
        self.by_address.entry(address).or_default().push(key);
        self.join(key);
        self.learn_sticky(key);
        self.reserve(key.index);
        self.place(key.index);
        Added { key, is_new: true, flip: self.update_availability() }
    }

    /// What did not change is left alone, so that reading the same configuration again costs the policies nothing.
    fn update(&mut self, key: BackendKey, spec: BackendSpec) -> Option<Flip> {
        let old = self.slab.at(key.index);
        let (old_weight, old_backup) = (old.spec.weight, old.spec.backup);
        let is_kept = old.spec.sticky_id == spec.sticky_id;
        if !is_kept {
            self.forget_sticky(key);
        }
        let flip = self.change(key.index, |backend| backend.update(spec));
        self.reserve(key.index);
        if !is_kept {
            self.learn_sticky(key);
        }
        let backend = self.slab.at(key.index);
        if backend.spec.backup != old_backup {
            self.choosers[usize::from(old_backup)].left(key.index);
            self.join(key);
        } else if backend.spec.weight != old_weight {
            self.join(key);
        }
        flip
    }

    /// Removes the backends that listen on `address`. They get nothing new, finish what they have and are gone when
    /// their last connection and request has ended.
    pub fn remove_by_address(&mut self, address: &Address) -> Removed {
        let mut removed = Removed { ids: Vec::new(), drained: Vec::new(), flip: None };
        for key in self.by_address.remove(address).unwrap_or_default() {
            self.close(key, &mut removed);
        }
        removed.flip = self.update_availability();
        removed
    }

    /// Removes one configured backend, as [`BackendList::remove_by_address`] removes all of an address.
    pub fn remove(&mut self, key: BackendKey) -> Removed {
        let mut removed = Removed { ids: Vec::new(), drained: Vec::new(), flip: None };
        let address = match self.slab.get(key) {
            Some(backend) if backend.status() == Status::Normal => backend.spec.address.clone(),
            _ => return removed,
        };
        if let Some(keys) = self.by_address.get_mut(&address) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_address.remove(&address);
            }
        }
        self.close(key, &mut removed);
        removed.flip = self.update_availability();
        removed
    }

    /// Has a configured backend, which no address leads to any more, finish what it has.
    fn close(&mut self, key: BackendKey, removed: &mut Removed) {
        self.forget_sticky(key);
        self.withdraw(key.index);
        self.cool(key.index);
        let backend = self.slab.at(key.index);
        self.choosers[usize::from(backend.spec.backup)].left(key.index);
        self.tally.subtract(backend);
        removed.ids.push(backend.spec.id.clone());
        if let Released::Drained(id) = self.release(key) {
            removed.drained.push(id);
        }
    }

    /// Tells the backend's policy of it, or of its new weight.
    fn join(&mut self, key: BackendKey) {
        let backend = self.slab.at(key.index);
        let chooser = &mut self.choosers[usize::from(backend.spec.backup)];
        chooser.joined(key.index, backend.identity, backend.spec.weight);
    }

    fn learn_sticky(&mut self, key: BackendKey) {
        let sticky_id = Arc::clone(&self.slab.at(key.index).spec.sticky_id);
        self.by_sticky.entry(sticky_id).or_default().push(key);
    }

    fn forget_sticky(&mut self, key: BackendKey) {
        let sticky_id = &self.slab.at(key.index).spec.sticky_id;
        if let Some(keys) = self.by_sticky.get_mut(sticky_id) {
            keys.retain(|&other| other != key);
            if keys.is_empty() {
                self.by_sticky.remove(sticky_id);
            }
        }
    }
}
