//! The backends that one request was already sent to.

use crate::backend::BackendKey;
use crate::limits::TRIED_MAX;

/// Backends that one request was sent to in vain; a retry does not get their addresses again.
///
/// Inline, at most [`TRIED_MAX`] entries. A request that filled it has used its attempts up: selection answers `None`.
#[derive(Debug, Clone, Copy)]
pub struct Tried {
    keys: [BackendKey; TRIED_MAX],
    /// Entries in use, from the front.
    len: u8,
}

impl Tried {
    /// Nothing tried yet.
    pub const NONE: Tried = Tried { keys: [BackendKey::DANGLING; TRIED_MAX], len: 0 };

    /// Remembers `key`. A set: an entry that is there already takes no second place; one that finds no place is
    /// dropped, which is harmless because a full set gets no further backend.
    pub fn insert(&mut self, key: BackendKey) {
        if !self.is_full() && !self.as_slice().contains(&key) {
            self.keys[usize::from(self.len)] = key;
            self.len += 1;
        }
    }

    /// The entries in the order they were tried.
    #[must_use]
    pub fn as_slice(&self) -> &[BackendKey] {
        &self.keys[..usize::from(self.len)]
    }

    /// Whether the request was not sent anywhere yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the request has used all its attempts.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.len) == TRIED_MAX
    }
}

impl Default for Tried {
    fn default() -> Tried {
        Tried::NONE
    }
}
