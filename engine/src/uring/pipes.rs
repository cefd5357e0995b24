//! The pipes of an engine: what spliced bytes lie in between one socket and the other.
//!
//! Pipes are made when they are first needed, up to a bound, and used again. One is out of the pool only while bytes are
//! in it, or while a call is made that may put some there: a connection that waits to receive holds none. A pipe whose
//! bytes nobody will take is thrown away, never reused.

use super::ring::{Pipe, Ring};

/// All pipes of an engine.
#[derive(Debug)]
pub(super) struct Pipes {
    /// Empty ones.
    idle: Vec<Pipe>,
    /// How many there are, idle ones included.
    open: u32,
    most: u32,
    pipe_bytes: u32,
}

impl Pipes {
    pub(super) fn new(most: u32, pipe_bytes: u32) -> Pipes {
        Pipes { idle: Vec::new(), open: 0, most, pipe_bytes }
    }

    /// An empty pipe; `None` when as many as there may be are out, or the kernel has none to give.
    pub(super) fn take<R: Ring>(&mut self, ring: &mut R) -> Option<Pipe> {
        if let Some(pipe) = self.idle.pop() {
            return Some(pipe);
        }
        if self.open >= self.most {
            return None;
        }
        let pipe = ring.pipe(self.pipe_bytes).ok()?;
        self.open += 1;
        Some(pipe)
    }

    /// Takes an empty pipe back.
    pub(super) fn put(&mut self, pipe: Pipe) {
        self.idle.push(pipe);
    }

    /// Throws a pipe away with what is in it.
    pub(super) fn discard<R: Ring>(&mut self, ring: &mut R, pipe: Pipe) {
        self.open -= 1;
        ring.close_now(pipe.read);
        ring.close_now(pipe.write);
    }

    /// Closes those that are idle.
    pub(super) fn close_idle<R: Ring>(&mut self, ring: &mut R) {
        while let Some(pipe) = self.idle.pop() {
            self.discard(ring, pipe);
        }
    }

    /// How many there are.
    pub(super) fn open(&self) -> u64 {
        u64::from(self.open)
    }

    /// How many are out of the pool.
    pub(super) fn out(&self) -> u64 {
        u64::from(self.open) - self.idle.len() as u64
    }
}
