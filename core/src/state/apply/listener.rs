//! Listeners.

use std::sync::Arc;

use super::invalid;
use crate::config::{Listener, Protocol};
use crate::ids::ListenerName;
use crate::state::refusal::exists;
use crate::state::uses::{Target, User};
use crate::state::{Applied, ConfigState, ListenerState, hash};
use crate::verb::VerbError;

impl ConfigState {
    pub(super) fn add_listener(&mut self, listener: &Arc<Listener>) -> Result<Applied, VerbError> {
        let name = &listener.name;
        if self.listeners.contains_key(name) {
            return Err(exists("listener", format!("there is already a listener \"{name}\"")));
        }
        if let Some(other) = self.addresses.get(&listener.address) {
            let message = format!("listener \"{other}\" already is at {}", listener.address);
            return Err(exists("address", message));
        }
        self.check_leads_to(listener)?;
        let ordinal = self.ordinal();
        if listener.address.port() != 0 {
            self.addresses.insert(listener.address, name.clone());
        }
        self.note_leads_to(listener);
        self.replace_hash(0, hash::listener(listener));
        let listener = Listener::clone(listener);
        self.listeners.insert(listener.name.clone(), Arc::new(ListenerState { listener, ordinal }));
        Ok(Applied::Changed)
    }

    pub(super) fn update_listener(&mut self, listener: &Listener) -> Result<Applied, VerbError> {
        let name = &listener.name;
        let Some(state) = self.listeners.get(name) else { return Err(self.no_listener(name, "listener")) };
        let before = Arc::clone(state);
        if before.listener == *listener {
            return Ok(Applied::Unchanged);
        }
        if before.listener.address != listener.address {
            let message = format!(
                "a listener keeps its address, {}; remove it and add it where it shall be",
                before.listener.address
            );
            return Err(invalid("address", message));
        }
        if before.listener.protocol != listener.protocol {
            let message = format!(
                "a listener keeps its protocol, \"{}\"; remove it and add it with the other",
                before.listener.protocol
            );
            return Err(invalid("protocol", message));
        }
        self.check_leads_to(listener)?;
        self.forget_leads_to(&before.listener);
        self.note_leads_to(listener);
        self.replace_listener(&before, listener.clone());
        Ok(Applied::Changed)
    }

    pub(super) fn activate_listener(
        &mut self,
        name: &ListenerName,
        active: bool,
    ) -> Result<Applied, VerbError> {
        let Some(state) = self.listeners.get(name) else { return Err(self.no_listener(name, "listener")) };
        if state.listener.active == active {
            return Ok(Applied::Unchanged);
        }
        let before = Arc::clone(state);
        self.replace_listener(&before, Listener { active, ..before.listener.clone() });
        Ok(Applied::Changed)
    }

    pub(super) fn remove_listener(&mut self, name: &ListenerName) -> Result<Applied, VerbError> {
        if !self.listeners.contains_key(name) {
            return Err(self.no_listener(name, "listener"));
        }
        let what = format!("listener \"{name}\"");
        self.check_unused(Target::Listener(name.clone()), &what, "listener")?;
        let state = self.listeners.remove(name).expect("it was just there");
        if state.listener.address.port() != 0 {
            self.addresses.remove(&state.listener.address);
        }
        self.forget_leads_to(&state.listener);
        self.replace_hash(hash::listener(&state.listener), 0);
        Ok(Applied::Changed)
    }

    fn replace_listener(&mut self, before: &ListenerState, listener: Listener) {
        self.replace_hash(hash::listener(&before.listener), hash::listener(&listener));
        let state = ListenerState { listener, ordinal: before.ordinal };
        self.listeners.insert(state.listener.name.clone(), Arc::new(state));
    }

    /// A listener that speaks TCP may lead to a cluster, and no other.
    fn check_leads_to(&self, listener: &Listener) -> Result<(), VerbError> {
        match &listener.cluster {
            Some(_) if listener.protocol != Protocol::Tcp => {
                Err(invalid("cluster", "only a listener with `protocol = \"tcp\"` leads to one cluster"))
            }
            Some(cluster) if !self.clusters.contains_key(cluster) => Err(self.no_cluster(cluster, "cluster")),
            _ => Ok(()),
        }
    }

    fn note_leads_to(&mut self, listener: &Listener) {
        if let Some(cluster) = &listener.cluster {
            self.uses.insert((Target::Cluster(cluster.clone()), User::Listener(listener.name.clone())));
        }
    }

    fn forget_leads_to(&mut self, listener: &Listener) {
        if let Some(cluster) = &listener.cluster {
            self.uses.remove(&(Target::Cluster(cluster.clone()), User::Listener(listener.name.clone())));
        }
    }
}
