//! Receive buffers: groups of equal size that the kernel takes from and chunks bring home to.
//!
//! A buffer is either the kernel's (provided, waiting for data) or out (named by a completion, until the last chunk on
//! it is dropped). A group starts small, so that the working set fits the cache, and grows block by block to its bound
//! when a receive finds it empty.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::rc::Rc;

use super::ring::BufferRing;
use super::settings::GroupSettings;
use crate::seam::Chunk;

/// No buffer: the end of a queue.
const NONE: u32 = u32::MAX;
/// Alignment of the blocks: a page.
const BLOCK_ALIGN: usize = 4096;
/// Unused bytes between buffers: at a stride of a power of two the first lines of all buffers, which is where heads are,
/// would fall into the same few sets of the cache and push each other out.
const STAGGER_BYTES: usize = 3 * 64;

/// What the pool knows of a buffer that is out.
#[derive(Debug, Clone, Copy, Default)]
struct Meta {
    /// Chunks that point into it, and one while it stands in a queue. 0: it is the kernel's.
    refs: u32,
    /// Received bytes, while it stands in a queue.
    len: u32,
    /// The next in that queue.
    next: u32,
}

struct Block {
    bytes: NonNull<u8>,
    layout: Layout,
}

struct Group {
    buffer_bytes: u32,
    per_block: u16,
    max: u16,
    blocks: RefCell<Vec<Block>>,
    meta: RefCell<Vec<Meta>>,
    out: Cell<u32>,
}

/// All receive buffers of an engine.
pub(crate) struct RecvPool<B> {
    ring: B,
    groups: Vec<Group>,
    growths: Cell<u64>,
    /// Set when the kernel may still write: the memory is then leaked, not freed.
    poisoned: Cell<bool>,
}

impl<B: BufferRing> RecvPool<B> {
    pub(crate) fn new(ring: B, settings: &[GroupSettings]) -> Rc<RecvPool<B>> {
        let groups = settings
            .iter()
            .map(|group| Group {
                buffer_bytes: group.buffer_bytes,
                per_block: group.initial.min(group.max),
                max: group.max,
                blocks: RefCell::new(Vec::new()),
                meta: RefCell::new(Vec::new()),
                out: Cell::new(0),
            })
            .collect();
        let pool = RecvPool { ring, groups, growths: Cell::new(0), poisoned: Cell::new(false) };
        for group in 0..pool.groups.len() {
            pool.grow(group as u16);
        }
        pool.growths.set(0);
        Rc::new(pool)
    }

    /// Doubles a group, as far as its bound lets it; `false` when it has reached that.
    pub(crate) fn grow(&self, group: u16) -> bool {
        let have = self.total(group);
        while self.total(group) < (2 * have).max(1) {
            if !self.add_block(group) {
                break;
            }
        }
        let grown = self.total(group) > have;
        self.growths.set(self.growths.get() + u64::from(grown));
        grown
    }

    fn total(&self, group: u16) -> usize {
        self.groups[usize::from(group)].meta.borrow().len()
    }

    /// Adds a block of buffers; `false` when the group has reached its bound.
    fn add_block(&self, index: u16) -> bool {
        let group = &self.groups[usize::from(index)];
        let have = self.total(index);
        let add = usize::from(group.per_block).min(usize::from(group.max) - have);
        if add == 0 {
            return false;
        }
        let bytes = usize::from(group.per_block) * group.stride();
        let layout = Layout::from_size_align(bytes, BLOCK_ALIGN).expect("a block is smaller than memory");
        // SAFETY: the layout's size is not zero: both factors are checked by `Settings::validate`.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        group.blocks.borrow_mut().push(Block { bytes: memory, layout });
        group.meta.borrow_mut().resize(have + add, Meta::default());
        for id in have..have + add {
            self.ring.provide(index, id as u16, group.address(id as u16).as_ptr(), group.buffer_bytes);
        }
        true
    }

    /// The size of a group's buffers.
    pub(crate) fn buffer_bytes(&self, group: u16) -> u32 {
        self.groups[usize::from(group)].buffer_bytes
    }

    /// How many buffers of the group the kernel has.
    pub(crate) fn free(&self, group: u16) -> u32 {
        let group = &self.groups[usize::from(group)];
        group.meta.borrow().len() as u32 - group.out.get()
    }

    /// Whether enough of the group is home again to let waiting receives go on.
    pub(crate) fn recovered(&self, group: u16) -> bool {
        self.free(group) >= (self.total(group) as u32).div_ceil(4)
    }

    /// Whether every buffer is out and there may be no more.
    pub(crate) fn exhausted(&self, group: u16) -> bool {
        self.free(group) == 0 && self.total(group) == usize::from(self.groups[usize::from(group)].max)
    }

    /// How many buffers are out.
    pub(crate) fn out(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.out.get())).sum()
    }

    /// How often a group was enlarged.
    pub(crate) fn growths(&self) -> u64 {
        self.growths.get()
    }

    /// The kernel may still write into the buffers: never free their memory.
    pub(crate) fn poison(&self) {
        self.poisoned.set(true);
    }

    /// A completion named this buffer: it is out, and the caller answers for it until it is queued or put back.
    fn take(&self, group: u16, id: u16, len: u32) {
        let group = &self.groups[usize::from(group)];
        let mut meta = group.meta.borrow_mut();
        let meta = &mut meta[usize::from(id)];
        assert_eq!(meta.refs, 0, "the kernel named a buffer that it does not have");
        *meta = Meta { refs: 1, len: len.min(group.buffer_bytes), next: NONE };
        group.out.set(group.out.get() + 1);
    }

    /// A completion named this buffer, but nobody wants its bytes.
    pub(crate) fn discard(&self, group: u16, id: u16) {
        self.take(group, id, 0);
        self.put(group, id);
    }

    /// One reference less; the last one brings the buffer home.
    fn put(&self, index: u16, id: u16) {
        let group = &self.groups[usize::from(index)];
        let refs = {
            let mut meta = group.meta.borrow_mut();
            let refs = &mut meta[usize::from(id)].refs;
            *refs = refs.checked_sub(1).expect("a buffer comes home once");
            *refs
        };
        if refs == 0 {
            group.out.set(group.out.get() - 1);
            self.ring.provide(index, id, group.address(id).as_ptr(), group.buffer_bytes);
        }
    }
}

impl Group {
    /// From the start of one buffer to the start of the next.
    fn stride(&self) -> usize {
        self.buffer_bytes as usize + STAGGER_BYTES
    }

    fn address(&self, id: u16) -> NonNull<u8> {
        let block = &self.blocks.borrow()[usize::from(id / self.per_block)];
        let offset = usize::from(id % self.per_block) * self.stride();
        // SAFETY: a block is `per_block` strides long, and `id % per_block` is below that.
        unsafe { block.bytes.add(offset) }
    }
}

impl<B> Drop for RecvPool<B> {
    fn drop(&mut self) {
        if self.poisoned.get() {
            return;
        }
        for group in &self.groups {
            for block in group.blocks.borrow_mut().drain(..) {
                // SAFETY: allocated in `grow` with this layout. Chunks hold an `Rc` of the pool, so none points here
                // any more; the ring, had it operations left, would have poisoned the pool.
                unsafe { dealloc(block.bytes.as_ptr(), block.layout) };
            }
        }
    }
}

impl<B: fmt::Debug> fmt::Debug for RecvPool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvPool").field("ring", &self.ring).finish_non_exhaustive()
    }
}

/// Received buffers in order, linked through the pool: an empty queue costs eight bytes a connection.
#[derive(Debug)]
pub(crate) struct ChunkQueue {
    head: u32,
    tail: u32,
    len: u16,
}

impl ChunkQueue {
    pub(crate) fn new() -> ChunkQueue {
        ChunkQueue { head: NONE, tail: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends buffer `id`, which a completion has just named.
    pub(crate) fn push<B: BufferRing>(&mut self, pool: &RecvPool<B>, group: u16, id: u16, len: u32) {
        pool.take(group, id, len);
        let entry = u32::from(group) << 16 | u32::from(id);
        if self.tail == NONE {
            self.head = entry;
        } else {
            let (group, id) = split(self.tail);
            pool.groups[usize::from(group)].meta.borrow_mut()[usize::from(id)].next = entry;
        }
        self.tail = entry;
        self.len += 1;
    }

    /// Takes the oldest out, as a chunk.
    pub(crate) fn pop<B: BufferRing>(&mut self, pool: &Rc<RecvPool<B>>) -> Option<PoolChunk<B>> {
        if self.head == NONE {
            return None;
        }
        let (group, id) = split(self.head);
        let meta = pool.groups[usize::from(group)].meta.borrow()[usize::from(id)];
        self.head = meta.next;
        self.len -= 1;
        if self.head == NONE {
            self.tail = NONE;
        }
        // The queue's reference passes to the chunk.
        let bytes = pool.groups[usize::from(group)].address(id);
        Some(PoolChunk { bytes, len: meta.len, group, id, pool: Rc::clone(pool) })
    }

    /// Brings everything home.
    pub(crate) fn clear<B: BufferRing>(&mut self, pool: &Rc<RecvPool<B>>) {
        while let Some(chunk) = self.pop(pool) {
            drop(chunk);
        }
    }
}

fn split(entry: u32) -> (u16, u16) {
    ((entry >> 16) as u16, entry as u16)
}

/// A piece of a receive buffer.
///
/// Invariant: `bytes .. bytes + len` lies in buffer (`group`, `id`), which is out, and no other chunk covers any of it.
pub struct PoolChunk<B: BufferRing> {
    bytes: NonNull<u8>,
    len: u32,
    group: u16,
    id: u16,
    pool: Rc<RecvPool<B>>,
}

impl<B: BufferRing> Deref for PoolChunk<B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: by the invariant the bytes are initialised (zeroed at allocation), ours, and the kernel does not
        // write to a buffer that is out.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.len as usize) }
    }
}

impl<B: BufferRing> DerefMut for PoolChunk<B> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and no other chunk covers these bytes.
        unsafe { std::slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len as usize) }
    }
}

impl<B: BufferRing> Chunk for PoolChunk<B> {
    fn advance(&mut self, n: usize) {
        assert!(n <= self.len as usize, "advanced beyond the end of a chunk");
        // SAFETY: still within, or one past the end of, the buffer.
        self.bytes = unsafe { self.bytes.add(n) };
        self.len -= n as u32;
    }

    fn truncate(&mut self, n: usize) {
        self.len = self.len.min(u32::try_from(n).unwrap_or(u32::MAX));
    }

    fn split_to(&mut self, n: usize) -> PoolChunk<B> {
        assert!(n <= self.len as usize, "split beyond the end of a chunk");
        {
            let mut meta = self.pool.groups[usize::from(self.group)].meta.borrow_mut();
            let refs = &mut meta[usize::from(self.id)].refs;
            *refs = refs.checked_add(1).expect("a buffer has fewer pieces than bytes");
        }
        let front = PoolChunk {
            bytes: self.bytes,
            len: n as u32,
            group: self.group,
            id: self.id,
            pool: Rc::clone(&self.pool),
        };
        self.advance(n);
        front
    }
}

impl<B: BufferRing> Drop for PoolChunk<B> {
    fn drop(&mut self) {
        self.pool.put(self.group, self.id);
    }
}

impl<B: BufferRing> fmt::Debug for PoolChunk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len)
    }
}
