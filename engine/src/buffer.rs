//! Buffers for outgoing messages: pooled byte vectors that go home when the last holder drops them.
//!
//! A [`Buffer`] may be shared: the engine holds one handle while the bytes are in flight, the exchange keeps another
//! so that it can send the same head to the next backend. Shared bytes can not be changed.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// Most buffers a pool keeps for reuse. At [`KEPT_BYTES_MAX`] each that is 4 MiB a shard.
pub const POOL_BUFFERS_MAX: usize = 256;
/// A buffer that has grown beyond this is freed instead of kept: one large message must not cost memory for ever.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;
/// What a new buffer can take without growing: a typical rewritten head.
const INITIAL_BYTES: usize = 1024;

/// Where buffers come from and go back to.
#[derive(Debug, Default)]
pub struct BufferPool {
    idle: RefCell<Vec<Rc<Vec<u8>>>>,
}

impl BufferPool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Rc<BufferPool> {
        Rc::new(BufferPool { idle: RefCell::new(Vec::with_capacity(POOL_BUFFERS_MAX)) })
    }

    /// An empty buffer.
    #[must_use]
    pub fn take(self: &Rc<Self>) -> Buffer {
        let bytes =
            self.idle.borrow_mut().pop().unwrap_or_else(|| Rc::new(Vec::with_capacity(INITIAL_BYTES)));
        Buffer { bytes: Some(bytes), pool: Rc::clone(self) }
    }

    /// How many buffers wait for reuse.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle.borrow().len()
    }

    fn put(&self, mut bytes: Rc<Vec<u8>>) {
        // Not unique: another handle is still out and will bring it home.
        let Some(vec) = Rc::get_mut(&mut bytes) else { return };
        let mut idle = self.idle.borrow_mut();
        if vec.capacity() <= KEPT_BYTES_MAX && idle.len() < POOL_BUFFERS_MAX {
            vec.clear();
            idle.push(bytes);
        }
    }
}

/// An outgoing message, or the head of one.
pub struct Buffer {
    /// `Some` until drop.
    bytes: Option<Rc<Vec<u8>>>,
    pool: Rc<BufferPool>,
}

impl Buffer {
    /// Another handle to the same bytes. While two exist, neither can change them.
    #[must_use]
    pub fn share(&self) -> Buffer {
        Buffer { bytes: self.bytes.clone(), pool: Rc::clone(&self.pool) }
    }

    /// The bytes for writing.
    ///
    /// # Panics
    /// When the buffer is shared: bytes that may be in flight do not change.
    pub fn vec(&mut self) -> &mut Vec<u8> {
        let bytes = self.bytes.as_mut().expect("a buffer has its bytes until it is dropped");
        Rc::get_mut(bytes).expect("a shared buffer is not written to")
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.as_ref().map_or(&[], |bytes| bytes.as_slice())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.pool.put(bytes);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_home_empty_when_its_last_handle_goes() {
        let pool = BufferPool::new();
        let mut buffer = pool.take();
        buffer.vec().extend_from_slice(b"head");
        let in_flight = buffer.share();
        drop(buffer);
        assert_eq!(pool.idle(), 0);
        assert_eq!(&*in_flight, b"head");
        drop(in_flight);
        assert_eq!(pool.idle(), 1);
        assert!(pool.take().is_empty());
    }

    #[test]
    fn a_buffer_that_grew_too_large_is_not_kept() {
        let pool = BufferPool::new();
        let mut buffer = pool.take();
        buffer.vec().resize(KEPT_BYTES_MAX + 1, 0);
        drop(buffer);
        assert_eq!(pool.idle(), 0);
    }

    #[test]
    #[should_panic(expected = "shared buffer")]
    fn shared_bytes_can_not_be_changed() {
        let pool = BufferPool::new();
        let mut buffer = pool.take();
        let _in_flight = buffer.share();
        buffer.vec().push(0);
    }
}
