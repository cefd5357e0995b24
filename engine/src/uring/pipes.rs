//! What bytes lie in between one socket and the other: pipes and buffers.
//!
//! Both are made when they are first needed, up to a bound, and used again, the last one first: it is still in the cache. One
//! is out of the pool only while bytes are in it, or while a call is made that may put some there: a connection that waits
//! to receive holds none. A pipe whose bytes nobody will take is thrown away, never reused.

use super::ring::{Pipe, Ring};

/// Room in a buffer, in bytes. Two of them and what the kernel needs beside them fit a cache of 1 MiB.
const BUFFER_BYTES: usize = 128 * 1024;

/// Carries bytes.
#[derive(Debug)]
pub(super) enum Carrier {
    /// Without a copy: for much.
    Pipe(Pipe),
    /// By a copy that stays in the cache: for less.
    Buffer {
        bytes: Box<[u8]>,
        /// Where what is in it begins.
        start: usize,
    },
}

/// All carriers of an engine.
#[derive(Debug)]
pub(super) struct Carriers {
    /// Empty ones.
    idle_pipes: Vec<Pipe>,
    idle_buffers: Vec<Box<[u8]>>,
    /// How many there are, idle ones included.
    pipes: u32,
    buffers: u32,
    /// How many there may be of each.
    most: u32,
    pipe_bytes: u32,
}

impl Carriers {
    pub(super) fn new(most: u32, pipe_bytes: u32) -> Carriers {
        Carriers { idle_pipes: Vec::new(), idle_buffers: Vec::new(), pipes: 0, buffers: 0, most, pipe_bytes }
    }

    /// An empty pipe; `None` when as many as there may be are out, or the kernel has none to give.
    pub(super) fn take_pipe<R: Ring>(&mut self, ring: &mut R) -> Option<Carrier> {
        if let Some(pipe) = self.idle_pipes.pop() {
            return Some(Carrier::Pipe(pipe));
        }
        if self.pipes >= self.most {
            return None;
        }
        let pipe = ring.pipe(self.pipe_bytes).ok()?;
        self.pipes += 1;
        Some(Carrier::Pipe(pipe))
    }

    /// An empty buffer; `None` when as many as there may be are out.
    pub(super) fn take_buffer(&mut self) -> Option<Carrier> {
        let bytes = match self.idle_buffers.pop() {
            Some(bytes) => bytes,
            None if self.buffers >= self.most => return None,
            None => {
                self.buffers += 1;
                vec![0; BUFFER_BYTES].into()
            }
        };
        Some(Carrier::Buffer { bytes, start: 0 })
    }

    /// Takes an empty carrier back.
    pub(super) fn put(&mut self, carrier: Carrier) {
        match carrier {
            Carrier::Pipe(pipe) => self.idle_pipes.push(pipe),
            Carrier::Buffer { bytes, .. } => self.idle_buffers.push(bytes),
        }
    }

    /// Throws away what is in a carrier.
    pub(super) fn discard<R: Ring>(&mut self, ring: &mut R, carrier: Carrier) {
        match carrier {
            Carrier::Pipe(pipe) => {
                self.pipes -= 1;
                ring.close_now(pipe.read);
                ring.close_now(pipe.write);
            }
            Carrier::Buffer { bytes, .. } => self.idle_buffers.push(bytes),
        }
    }

    /// Gives back what is idle.
    pub(super) fn close_idle<R: Ring>(&mut self, ring: &mut R) {
        while let Some(pipe) = self.idle_pipes.pop() {
            self.discard(ring, Carrier::Pipe(pipe));
        }
        self.buffers -= self.idle_buffers.len() as u32;
        self.idle_buffers.clear();
    }

    /// How many there are.
    pub(super) fn open(&self) -> u64 {
        u64::from(self.pipes + self.buffers)
    }

    /// How many are out of the pool.
    pub(super) fn out(&self) -> u64 {
        self.open() - (self.idle_pipes.len() + self.idle_buffers.len()) as u64
    }
}
