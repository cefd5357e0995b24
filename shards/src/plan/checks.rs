//! Which health checks run: each address once for each way in which clusters want it checked, however many there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;
use ringway_core::Address;
use ringway_core::config::HealthCheck;
use ringway_health::board::Member;
use ringway_health::{CheckSettings, Probe};

use super::slots::{SlotChanges, Slots};
use crate::prober::Check;

/// The checks that were settled.
#[derive(Debug, Default)]
pub(super) struct Checks {
    slots: Slots,
    by_slot: AHashMap<u32, Known>,
    by_address: AHashMap<Address, Vec<u32>>,
}

#[derive(Debug, Clone)]
struct Known {
    settings: Arc<HealthCheck>,
    check: Arc<Check>,
}

/// Changes to [`Checks`] that are not settled.
#[derive(Debug, Default)]
pub(super) struct CheckChanges {
    slots: SlotChanges,
    touched: BTreeMap<u32, Touched>,
    /// Of those that are new.
    by_address: AHashMap<Address, Vec<u32>>,
}

#[derive(Debug)]
struct Touched {
    address: Address,
    settings: Arc<HealthCheck>,
    members: Vec<Member>,
}

/// A check from now on; `None`: there is none in this slot.
pub(super) type Set = (u32, Option<Arc<Check>>);

impl Checks {
    /// A backend is to be checked in this way.
    pub(super) fn add(
        &self,
        changes: &mut CheckChanges,
        member: Member,
        address: &Address,
        settings: &HealthCheck,
    ) {
        let slot = self.find(changes, address, settings).unwrap_or_else(|| {
            let slot = self.slots.take(&mut changes.slots);
            changes.by_address.entry(address.clone()).or_default().push(slot);
            let (address, settings) = (address.clone(), Arc::new(settings.clone()));
            changes.touched.insert(slot, Touched { address, settings, members: Vec::new() });
            slot
        });
        self.touch(changes, slot).members.push(member);
    }

    /// A backend is to be checked in this way no longer.
    pub(super) fn remove(
        &self,
        changes: &mut CheckChanges,
        member: Member,
        address: &Address,
        settings: &HealthCheck,
    ) {
        if let Some(slot) = self.find(changes, address, settings) {
            self.touch(changes, slot).members.retain(|known| *known != member);
        }
    }

    fn find(&self, changes: &CheckChanges, address: &Address, settings: &HealthCheck) -> Option<u32> {
        let slots = |by: &AHashMap<Address, Vec<u32>>| by.get(address).cloned().unwrap_or_default();
        let here = slots(&self.by_address).into_iter().chain(slots(&changes.by_address));
        let mut here = here.filter(|slot| match changes.touched.get(slot) {
            Some(touched) => *touched.settings == *settings,
            None => self.by_slot.get(slot).is_some_and(|known| *known.settings == *settings),
        });
        here.next()
    }

    fn touch<'c>(&self, changes: &'c mut CheckChanges, slot: u32) -> &'c mut Touched {
        changes.touched.entry(slot).or_insert_with(|| {
            let Known { settings, check } = &self.by_slot[&slot];
            let (address, members) = (check.address.clone(), check.members.clone());
            Touched { address, settings: Arc::clone(settings), members }
        })
    }

    /// What the changes come to, in the order of their slots.
    pub(super) fn compile(&self, changes: &CheckChanges) -> Vec<Set> {
        let compiled = changes.touched.iter().map(|(slot, touched)| {
            let Touched { address, settings, members } = touched;
            let check = (!members.is_empty()).then(|| {
                Arc::new(Check {
                    address: address.clone(),
                    probe: Probe::new(settings, address),
                    settings: CheckSettings::from(&**settings),
                    members: members.clone(),
                })
            });
            (*slot, check)
        });
        compiled.filter(|(slot, check)| check.is_some() || self.by_slot.contains_key(slot)).collect()
    }

    /// Settles changes; `compiled` is what they came to.
    pub(super) fn commit(&mut self, mut changes: CheckChanges, compiled: &[Set]) {
        let compiled: AHashMap<u32, &Arc<Check>> =
            compiled.iter().filter_map(|(slot, check)| Some((*slot, check.as_ref()?))).collect();
        for (slot, Touched { address, settings, .. }) in changes.touched {
            let slots = self.by_address.entry(address.clone()).or_default();
            match compiled.get(&slot) {
                Some(check) => {
                    if !slots.contains(&slot) {
                        slots.push(slot);
                    }
                    self.by_slot.insert(slot, Known { settings, check: Arc::clone(check) });
                }
                None => {
                    slots.retain(|known| *known != slot);
                    self.by_slot.remove(&slot);
                    changes.slots.freed.push(slot);
                }
            }
            if self.by_address.get(&address).is_some_and(Vec::is_empty) {
                self.by_address.remove(&address);
            }
        }
        self.slots.commit(changes.slots);
    }

    /// All of them, in the order of their slots.
    pub(super) fn all(&self) -> Vec<Set> {
        let mut all: Vec<Set> =
            self.by_slot.iter().map(|(slot, known)| (*slot, Some(Arc::clone(&known.check)))).collect();
        all.sort_unstable_by_key(|(slot, _)| *slot);
        all
    }
}
