//! Backends in stable places, reached by generational keys.

use crate::backend::{Backend, BackendKey};

/// Backends by [`BackendKey`]. A freed place is used again under the next generation.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    backend: Option<Backend>,
}

impl Slab {
    pub(crate) fn get(&self, key: BackendKey) -> Option<&Backend> {
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation == key.generation { slot.backend.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: BackendKey) -> Option<&mut Backend> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation { slot.backend.as_mut() } else { None }
    }

    /// The backend at `index`, which one of the list's own sets named.
    pub(crate) fn at(&self, index: u32) -> &Backend {
        self.slots[index as usize]
            .backend
            .as_ref()
            .expect("sets hold only indices of backends that are there")
    }

    /// As [`Slab::at`], to be changed.
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut Backend {
        self.slots[index as usize]
            .backend
            .as_mut()
            .expect("sets hold only indices of backends that are there")
    }

    /// The key of what is at `index`.
    pub(crate) fn key_at(&self, index: u32) -> BackendKey {
        BackendKey { index, generation: self.slots[index as usize].generation }
    }

    /// Whether one of `keys` names a backend with the same address as the one at `index`: several names may stand for
    /// one server.
    pub(crate) fn shares_address(&self, index: u32, keys: &[BackendKey]) -> bool {
        let address = &self.at(index).spec.address;
        keys.iter().any(|&key| self.get(key).is_some_and(|backend| backend.spec.address == *address))
    }

    pub(crate) fn insert(&mut self, backend: Backend) -> BackendKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, backend: None });
            u32::try_from(self.slots.len() - 1).expect("memory ends long before 2³² backends")
        });
        self.slots[index as usize].backend = Some(backend);
        self.key_at(index)
    }

    pub(crate) fn remove(&mut self, key: BackendKey) -> Option<Backend> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let backend = slot.backend.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(backend)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (BackendKey, &Backend)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = BackendKey { index: index as u32, generation: slot.generation };
            slot.backend.as_ref().map(|backend| (key, backend))
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
