//! The kernel's side of the memory that operations and buffers point to: the one place that follows raw pointers.
//!
//! What makes it sound is the contract of [`Op`] and [`BufferRing::provide`]: what is pointed to stays valid until the
//! operation's final completion, or until a completion names the buffer. Every caller in this module's parent holds
//! the operation in flight, or the buffer in its group, while it comes here.
//!
//! [`BufferRing::provide`]: crate::uring::ring::BufferRing::provide

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::slice;

use super::settings::POISON;
use crate::uring::addr::RawAddr;
use crate::uring::ring::Op;

/// A receive buffer that the kernel owns.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnedBuffer {
    pub(super) id: u16,
    bytes: *mut u8,
    len: usize,
}

impl OwnedBuffer {
    /// Takes a buffer over. What a stale chunk may still read there is no longer what was received.
    pub(super) fn take_over(id: u16, bytes: *mut u8, len: u32) -> OwnedBuffer {
        let buffer = OwnedBuffer { id, bytes, len: len as usize };
        // SAFETY: `provide`: `len` bytes at `bytes` are valid, and nobody else touches them while they are here.
        unsafe { buffer.bytes.write_bytes(POISON, buffer.len) };
        buffer
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Gives the buffer back with the first `count` bytes of `from`, which are as many as it can take or fewer.
    /// `false`: somebody has written there in the meantime.
    pub(super) fn fill(self, from: &mut VecDeque<u8>, count: usize) -> bool {
        assert!(count <= self.len, "a receive never gives more than the buffer holds");
        // SAFETY: `provide`, as above: the buffer has not been named by a completion since.
        let bytes = unsafe { slice::from_raw_parts_mut(self.bytes, count) };
        let untouched = bytes.iter().all(|byte| *byte == POISON);
        let (front, back) = from.as_slices();
        let of_front = front.len().min(count);
        bytes[..of_front].copy_from_slice(&front[..of_front]);
        bytes[of_front..].copy_from_slice(&back[..count - of_front]);
        from.drain(..count);
        untouched
    }
}

/// How many bytes a send operation is to send.
pub(super) fn send_len(op: &Op) -> usize {
    match *op {
        Op::Send { len, .. } => len as usize,
        Op::SendMsg { msg, .. } => pieces(msg).iter().map(|piece| piece.iov_len).sum(),
        _ => 0,
    }
}

/// Appends `count` bytes of what a send operation is to send, from the byte at `offset` on, to `into`.
pub(super) fn take_bytes(op: &Op, mut offset: usize, mut count: usize, into: &mut VecDeque<u8>) {
    let mut take = |bytes: *const u8, len: usize| {
        let skipped = offset.min(len);
        let taken = (len - skipped).min(count);
        offset -= skipped;
        count -= taken;
        if taken > 0 {
            // SAFETY: the operation is in flight, so its `len` bytes at `bytes` are valid and do not change;
            // `skipped + taken` is not beyond them.
            into.extend(unsafe { slice::from_raw_parts(bytes.add(skipped), taken) });
        }
    };
    match *op {
        Op::Send { bytes, len, .. } => take(bytes, len as usize),
        Op::SendMsg { msg, .. } => {
            pieces(msg).iter().for_each(|piece| take(piece.iov_base.cast(), piece.iov_len))
        }
        _ => {}
    }
}

fn pieces<'a>(msg: *const libc::msghdr) -> &'a [libc::iovec] {
    // SAFETY: the operation is in flight, so its header and the vectors it names are valid and do not change. The
    // slice is used up within the callers, all of which return before the operation can end.
    unsafe {
        let msg = &*msg;
        if msg.msg_iovlen == 0 { &[] } else { slice::from_raw_parts(msg.msg_iov, msg.msg_iovlen) }
    }
}

/// The address a connect operation points to; `None` for a family other than IP.
pub(super) fn address(addr: *const RawAddr) -> Option<SocketAddr> {
    // SAFETY: the operation is in flight, so its address is valid and does not change.
    unsafe { &*addr }.to_std()
}
