//! Receive-buffer groups as the kernel holds them, and the watch over who owns which buffer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::memory::OwnedBuffer;
use crate::uring::ring::BufferRing;

/// Who has a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// It was never provided.
    Nobody,
    Kernel,
    Engine,
}

#[derive(Debug, Default)]
struct Group {
    /// The buffers the kernel has, first provided first taken.
    owned: VecDeque<OwnedBuffer>,
    /// For each buffer the group may get.
    holders: Vec<Holder>,
}

/// The groups of one ring, shared between the ring and its [`SimBuffers`].
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    groups: Rc<RefCell<Vec<Group>>>,
}

impl Groups {
    pub(super) fn set_up(&self, entries: &[u16]) -> SimBuffers {
        let group = |entries: &u16| Group {
            owned: VecDeque::new(),
            holders: vec![Holder::Nobody; usize::from(*entries)],
        };
        *self.groups.borrow_mut() = entries.iter().map(group).collect();
        SimBuffers { groups: self.clone() }
    }

    /// Whether the group has nothing left, or does not exist: to the kernel it is the same.
    pub(super) fn is_empty(&self, group: u16) -> bool {
        self.groups.borrow().get(usize::from(group)).is_none_or(|group| group.owned.is_empty())
    }

    /// Puts received bytes, at most `most`, into the next buffer of a group that has one: its id, and how many.
    pub(super) fn fill(&self, group: u16, from: &mut VecDeque<u8>, most: usize) -> (u16, usize) {
        let index = group;
        let mut groups = self.groups.borrow_mut();
        let group = &mut groups[usize::from(group)];
        let buffer = group.owned.pop_front().expect("the caller has seen that the group is not empty");
        group.holders[usize::from(buffer.id)] = Holder::Engine;
        let count = most.min(buffer.len());
        let untouched = buffer.fill(from, count);
        assert!(untouched, "buffer {} of group {index} was written to while the kernel owned it", buffer.id);
        (buffer.id, count)
    }

    /// Forgets every buffer, as the ring goes and writes no more: how many the engine had not given back.
    pub(super) fn forget(&self) -> usize {
        let groups = self.groups.take();
        let holders = groups.iter().flat_map(|group| &group.holders);
        holders.filter(|holder| **holder == Holder::Engine).count()
    }
}

/// The engine's side of the groups. Handing a buffer over wrongly is a panic that says which one.
#[derive(Debug)]
pub struct SimBuffers {
    groups: Groups,
}

impl BufferRing for SimBuffers {
    fn provide(&self, group: u16, id: u16, bytes: *mut u8, len: u32) {
        let mut groups = self.groups.groups.borrow_mut();
        if groups.is_empty() {
            // The ring has gone: chunks that outlive it come home to nobody.
            return;
        }
        let index = group;
        let group = groups.get_mut(usize::from(group));
        let group =
            group.unwrap_or_else(|| panic!("buffer {id} provided to group {index}, which does not exist"));
        let room = group.holders.len();
        assert!(usize::from(id) < room, "buffer {id} is out of range: group {index} has room for {room}");
        let holder = &mut group.holders[usize::from(id)];
        assert!(*holder != Holder::Kernel, "buffer {id} of group {index} provided while the kernel owns it");
        assert!(len > 0 && !bytes.is_null(), "buffer {id} of group {index} has no memory");
        *holder = Holder::Kernel;
        group.owned.push_back(OwnedBuffer::take_over(id, bytes, len));
    }
}
