//! The descriptor table of a simulated host: numbers, open files, and who holds them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::slab::{Key, Slab};

/// What an open file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A socket that is not connected.
    Fresh,
    /// An end (0: the one that connected) of a connection.
    Stream(Key, usize),
    /// A listening socket, by its place among all that ever were.
    Listener(usize),
    /// An end of a pipe.
    Pipe(Key),
}

#[derive(Debug)]
struct File {
    kind: Kind,
    /// Its descriptor, if that is still open, and one for each operation in flight: closing a descriptor does not
    /// end the operations on it.
    holders: u32,
    /// `O_NONBLOCK`: plain calls do not wait.
    nonblocking: bool,
}

/// The table. The lowest free number is handed out first, as the kernel does: a late user of a closed descriptor
/// meets the next connection.
#[derive(Debug)]
pub(super) struct Files {
    files: Slab<File>,
    table: Vec<Option<Key>>,
    free: BinaryHeap<Reverse<i32>>,
    open: usize,
    most: usize,
}

impl Files {
    pub(super) fn new(most: usize) -> Files {
        Files { files: Slab::new(), table: Vec::new(), free: BinaryHeap::new(), open: 0, most }
    }

    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// Whether there is a descriptor left.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    /// Whether there are so many descriptors left.
    pub(super) fn has_room_for(&self, count: usize) -> bool {
        self.open + count <= self.most
    }

    /// How many descriptors are open.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Opens a file. The limit is the caller's to check.
    pub(super) fn insert(&mut self, kind: Kind) -> i32 {
        let file = self
            .files
            .insert(File { kind, holders: 1, nonblocking: false })
            .expect("fewer files than a slab has room for");
        self.open += 1;
        let fd = self.free.pop().map_or(self.table.len() as i32, |Reverse(fd)| fd);
        if fd as usize == self.table.len() {
            self.table.push(None);
        }
        self.table[fd as usize] = Some(file);
        fd
    }

    /// The file behind a descriptor.
    pub(super) fn lookup(&self, fd: i32) -> Option<Key> {
        self.table.get(usize::try_from(fd).ok()?).copied().flatten()
    }

    pub(super) fn kind(&self, file: Key) -> Kind {
        self.files.get(file).expect("whoever names a file holds it").kind
    }

    pub(super) fn set_kind(&mut self, file: Key, kind: Kind) {
        self.files.get_mut(file).expect("whoever names a file holds it").kind = kind;
    }

    pub(super) fn set_nonblocking(&mut self, file: Key) {
        self.files.get_mut(file).expect("whoever names a file holds it").nonblocking = true;
    }

    pub(super) fn is_nonblocking(&self, file: Key) -> bool {
        self.files.get(file).is_some_and(|file| file.nonblocking)
    }

    /// Whether nothing but its descriptor holds a file.
    pub(super) fn is_quiet(&self, file: Key) -> bool {
        self.files.get(file).is_some_and(|file| file.holders == 1)
    }

    pub(super) fn hold(&mut self, file: Key) {
        self.files.get_mut(file).expect("a file is held through its descriptor").holders += 1;
    }

    /// One holder less. What the file was, if that was the last.
    pub(super) fn drop_hold(&mut self, file: Key) -> Option<Kind> {
        let held = self.files.get_mut(file).expect("a file lives as long as it is held");
        held.holders -= 1;
        if held.holders > 0 {
            return None;
        }
        self.files.remove(file).map(|file| file.kind)
    }

    /// Frees a descriptor; the file behind it still has to be let go.
    pub(super) fn close(&mut self, fd: i32) -> Option<Key> {
        let file = self.lookup(fd)?;
        self.table[fd as usize] = None;
        self.free.push(Reverse(fd));
        self.open -= 1;
        Some(file)
    }
}
