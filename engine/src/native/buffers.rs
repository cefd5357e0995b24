//! Provided-buffer rings: the memory through which buffers are given to the kernel.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use io_uring::{IoUring, Submitter};

use crate::uring::ring::BufferRing;

const PAGE: usize = 4096;

/// One group's ring, shared with the kernel.
#[derive(Debug)]
struct GroupRing {
    entries: NonNull<BufRingEntry>,
    layout: Layout,
    mask: u16,
    tail: Cell<u16>,
}

/// The groups of a ring. Memory is freed when the engine and all its chunks are gone: the kernel's registration ended
/// with the ring, before that.
#[derive(Debug)]
pub struct KernelBuffers {
    groups: Vec<GroupRing>,
}

impl KernelBuffers {
    pub(super) fn register(ring: &IoUring, entries: &[u16]) -> io::Result<KernelBuffers> {
        let submitter = ring.submitter();
        let mut groups = Vec::with_capacity(entries.len());
        for (group, &entries) in entries.iter().enumerate() {
            groups.push(GroupRing::register(&submitter, group as u16, entries)?);
        }
        Ok(KernelBuffers { groups })
    }
}

impl GroupRing {
    fn register(submitter: &Submitter<'_>, group: u16, entries: u16) -> io::Result<GroupRing> {
        let bytes = usize::from(entries) * size_of::<BufRingEntry>();
        let layout = Layout::from_size_align(bytes.next_multiple_of(PAGE), PAGE)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: the layout is at least a page long.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(memory) = NonNull::new(memory.cast::<BufRingEntry>()) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let ring = GroupRing { entries: memory, layout, mask: entries - 1, tail: Cell::new(0) };
        // SAFETY: the memory is page-aligned, large enough for `entries`, and lives as long as `KernelBuffers`, which
        // the engine drops after the ring that it is registered with.
        unsafe { submitter.register_buf_ring_with_flags(memory.as_ptr() as u64, entries, group, 0) }?;
        Ok(ring)
    }
}

impl Drop for GroupRing {
    fn drop(&mut self) {
        // SAFETY: allocated in `register` with this layout.
        unsafe { dealloc(self.entries.as_ptr().cast(), self.layout) };
    }
}

impl BufferRing for KernelBuffers {
    fn provide(&self, group: u16, id: u16, bytes: *mut u8, len: u32) {
        let ring = &self.groups[usize::from(group)];
        let tail = ring.tail.get();
        let index = usize::from(tail & ring.mask);
        // SAFETY: the index is masked to the ring's length. The kernel reads an entry only below the tail that is
        // published after it; this one is above, because no more buffers exist than entries.
        let entry = unsafe { &mut *ring.entries.as_ptr().add(index) };
        entry.set_addr(bytes as u64);
        entry.set_len(len);
        entry.set_bid(id);
        ring.tail.set(tail.wrapping_add(1));
        // SAFETY: the tail lies in the padding of the first entry, is 2-byte aligned and accessed atomically by both
        // sides. Release: the entry is complete before the kernel sees it.
        let shared = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(ring.entries.as_ptr()).cast_mut()) };
        shared.store(ring.tail.get(), Ordering::Release);
    }
}
