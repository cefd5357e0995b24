//! Registered descriptors: sockets that are used again and again, looked up once instead of at every operation.
//!
//! The ring's table is indexed by the descriptor itself. A socket is registered after some sends, so that a connection for
//! one request never pays for it, and used from the table once the kernel has confirmed that. Clearing its place comes
//! before closing it, because the table holds the file open.

use std::os::fd::RawFd;

use io_uring::squeue::{self, Flags};
use io_uring::types::Fixed;
use io_uring::{IoUring, opcode};

/// Descriptors that can be registered; those above are used as they are. Costs the kernel eight bytes each.
const TABLE_ENTRIES: u32 = 16_384;
/// Sends after which a socket is registered.
const SENDS_BEFORE: u8 = 4;
/// The user data of operations that are this module's own business.
const OWN: u64 = 0xff << 56;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Not registered; so many sends were seen.
    Empty(u8),
    /// The kernel was asked.
    Asked,
    /// It can be used.
    Filled,
}

#[derive(Clone, Copy)]
struct Entry {
    place: Place,
    /// Which of the sockets that had this descriptor: a late answer for one before it changes nothing.
    generation: u16,
}

/// What of the table is in use.
pub(super) struct FixedFiles {
    entries: Vec<Entry>,
    /// `numbers[n] == n`: where the kernel reads the descriptor to register from.
    numbers: Box<[RawFd]>,
}

/// Which descriptor an operation is to name.
pub(super) enum Target {
    Plain,
    Fixed,
    /// Plain, but register it first, with this operation.
    Register(squeue::Entry),
}

impl FixedFiles {
    /// Makes the table; an empty one, if the kernel does not want to.
    pub(super) fn new(ring: &IoUring) -> FixedFiles {
        let mut entries = TABLE_ENTRIES;
        // The kernel takes no larger table than the process may have descriptors.
        while entries > 64 && ring.submitter().register_files_sparse(entries).is_err() {
            entries /= 2;
        }
        let entries = if entries > 64 { entries as usize } else { 0 };
        FixedFiles {
            entries: vec![Entry { place: Place::Empty(0), generation: 0 }; entries],
            numbers: (0..entries as RawFd).collect(),
        }
    }

    /// Whether `fd` can be named by its place.
    pub(super) fn holds(&self, fd: RawFd) -> bool {
        self.entries.get(fd as usize).is_some_and(|entry| entry.place == Place::Filled)
    }

    /// What a send on `fd` names.
    pub(super) fn for_send(&mut self, fd: RawFd) -> Target {
        let Some(entry) = self.entries.get_mut(fd as usize) else { return Target::Plain };
        match entry.place {
            Place::Filled => Target::Fixed,
            Place::Asked => Target::Plain,
            Place::Empty(sends) if sends < SENDS_BEFORE => {
                entry.place = Place::Empty(sends + 1);
                Target::Plain
            }
            Place::Empty(_) => {
                entry.place = Place::Asked;
                let user_data = OWN | u64::from(entry.generation) << 32 | fd as u64;
                let number = &raw const self.numbers[fd as usize];
                Target::Register(opcode::FilesUpdate::new(number, 1).offset(fd).build().user_data(user_data))
            }
        }
    }

    /// Forgets `fd`, which is about to be closed or given away; the operation that clears its place, if it has one.
    pub(super) fn forget(&mut self, fd: RawFd) -> Option<squeue::Entry> {
        let entry = self.entries.get_mut(fd as usize)?;
        let before = std::mem::replace(&mut entry.place, Place::Empty(0));
        entry.generation = entry.generation.wrapping_add(1);
        let clear = || opcode::Close::new(Fixed(fd as u32)).build().flags(Flags::SKIP_SUCCESS).user_data(OWN);
        (!matches!(before, Place::Empty(_))).then(clear)
    }

    /// Takes in a completion that is this module's; `false`: it is not.
    pub(super) fn complete(&mut self, user_data: u64, result: i32) -> bool {
        if user_data & OWN != OWN {
            return false;
        }
        let fd = user_data as u32 as usize;
        let generation = (user_data >> 32) as u16;
        if let Some(entry) = self.entries.get_mut(fd)
            && entry.place == Place::Asked
            && entry.generation == generation
        {
            // Refused for want of memory: it stays as it is, and is not asked for again.
            entry.place = if result == 1 { Place::Filled } else { Place::Asked };
        }
        true
    }
}
