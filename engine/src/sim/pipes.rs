//! Pipes of a simulated host, and calls that move bytes between them, or memory, and connections.

use std::collections::VecDeque;

use super::faults::Fault;
use super::files::Kind;
use super::world::World;
use crate::slab::Key;
use crate::uring::ring::Pipe;

/// The most a pipe holds (`fs.pipe-max-size`).
const PIPE_BYTES_MAX: usize = 1 << 20;
/// What is left to a user who has as much in pipes as one may have: a page.
const PIPE_BYTES_MIN: usize = 4096;

/// What is in a pipe.
#[derive(Debug)]
pub(super) struct Inside {
    bytes: VecDeque<u8>,
    room: usize,
    ends_open: u8,
}

impl World {
    /// A new pipe, or an errno.
    pub(super) fn pipe(&mut self, bytes: usize) -> Result<Pipe, i32> {
        if !self.files.has_room_for(2) || self.hits(Fault::NoPipe) {
            return Err(libc::EMFILE);
        }
        let room = if self.hits(Fault::SmallPipe) { PIPE_BYTES_MIN } else { bytes.min(PIPE_BYTES_MAX) };
        let inside = Inside { bytes: VecDeque::new(), room, ends_open: 2 };
        let pipe = self.pipes.insert(inside).expect("fewer pipes than a slab has room for");
        let [read, write] = [0, 1].map(|_| self.files.insert(Kind::Pipe(pipe)));
        Ok(Pipe { read, write })
    }

    /// One end of a pipe is closed.
    pub(super) fn close_pipe_end(&mut self, pipe: Key) {
        let inside = self.pipes.get_mut(pipe).expect("a pipe lives until both ends are closed");
        inside.ends_open -= 1;
        if inside.ends_open == 0 {
            self.pipes.remove(pipe);
        }
    }

    /// Moves bytes between a pipe and a connection; how many, or an errno.
    pub(super) fn splice(&mut self, from: i32, to: i32, max: usize) -> Result<usize, i32> {
        let (Some(from), Some(to)) = (self.files.lookup(from), self.files.lookup(to)) else {
            self.bad_descriptors += 1;
            return Err(libc::EBADF);
        };
        let (moved, socket) = match (self.files.kind(from), self.files.kind(to)) {
            (Kind::Stream(link, end), Kind::Pipe(pipe)) => (self.splice_in(link, end, pipe, max), from),
            (Kind::Pipe(pipe), Kind::Stream(link, end)) => (self.splice_out(pipe, link, end, max), to),
            _ => return Err(libc::EINVAL),
        };
        let waits = moved == Err(libc::EAGAIN) && !self.files.is_nonblocking(socket);
        assert!(!waits, "a splice on a blocking socket: the thread hangs\n{}", self.dump());
        moved
    }

    /// A receive that does not wait; how many bytes, or an errno.
    pub(super) fn recv_now(&mut self, fd: i32, bytes: &mut [u8]) -> Result<usize, i32> {
        let (link, end) = self.stream(fd)?;
        let arrived = self.readable(link, end)?;
        if arrived == 0 {
            return Ok(0);
        }
        let count = self.some_of(arrived.min(bytes.len()));
        let wire = &mut self.links.get_mut(link).expect("just looked at").wires[1 - end];
        for (to, from) in bytes.iter_mut().zip(wire.bytes.drain(..count)) {
            *to = from;
        }
        self.was_read(link, end, count);
        Ok(count)
    }

    /// A send that does not wait; how many bytes, or an errno.
    pub(super) fn send_now(&mut self, fd: i32, bytes: &[u8]) -> Result<usize, i32> {
        let (link, end) = self.stream(fd)?;
        let count = self.writable(link, end, bytes.len())?;
        let wire = &mut self.links.get_mut(link).expect("just looked at").wires[end];
        wire.bytes.extend(&bytes[..count]);
        self.transmit_bytes(link, end, count);
        Ok(count)
    }

    fn stream(&mut self, fd: i32) -> Result<(Key, usize), i32> {
        match self.files.lookup(fd).map(|file| self.files.kind(file)) {
            Some(Kind::Stream(link, end)) => Ok((link, end)),
            Some(_) => Err(libc::ENOTSOCK),
            None => {
                self.bad_descriptors += 1;
                Err(libc::EBADF)
            }
        }
    }

    /// How many bytes a call that does not wait could take here, 0 at the end of the stream; or an errno.
    fn readable(&mut self, link: Key, end: usize) -> Result<usize, i32> {
        if !self.link(link).is_readable(end) || self.hits(Fault::SpliceAgain) {
            return Err(libc::EAGAIN);
        }
        match self.link(link).wires[1 - end].arrived {
            0 => match self.link(link).no_bytes(end) {
                0 => Ok(0),
                code => Err(code),
            },
            arrived => Ok(arrived),
        }
    }

    /// How many of `wanted` bytes a call that does not wait puts here, or an errno.
    fn writable(&mut self, link: Key, end: usize, wanted: usize) -> Result<usize, i32> {
        if let Some(code) = self.link(link).refuses_bytes(end) {
            return Err(code);
        }
        let most = wanted.min(self.link(link).wires[end].space());
        if most == 0 || self.hits(Fault::SpliceAgain) {
            return Err(libc::EAGAIN);
        }
        Ok(self.some_of(most))
    }

    /// How many of `most` bytes are moved.
    fn some_of(&mut self, most: usize) -> usize {
        if self.hits(Fault::ShortSplice) { self.dice.up_to(most) } else { most }
    }

    fn splice_in(&mut self, link: Key, end: usize, pipe: Key, max: usize) -> Result<usize, i32> {
        let arrived = self.readable(link, end)?;
        if arrived == 0 {
            return Ok(0);
        }
        let inside = self.pipes.get(pipe).expect("an open pipe");
        let most = arrived.min(max).min(inside.room - inside.bytes.len());
        if most == 0 {
            return Err(libc::EAGAIN);
        }
        let count = self.some_of(most);
        let wire = &mut self.links.get_mut(link).expect("just looked at").wires[1 - end];
        let inside = self.pipes.get_mut(pipe).expect("an open pipe");
        inside.bytes.extend(wire.bytes.drain(..count));
        self.was_read(link, end, count);
        Ok(count)
    }

    fn splice_out(&mut self, pipe: Key, link: Key, end: usize, max: usize) -> Result<usize, i32> {
        let inside = self.pipes.get(pipe).expect("an open pipe").bytes.len();
        let count = self.writable(link, end, inside.min(max))?;
        let inside = self.pipes.get_mut(pipe).expect("an open pipe");
        let wire = &mut self.links.get_mut(link).expect("just looked at").wires[end];
        wire.bytes.extend(inside.bytes.drain(..count));
        self.transmit_bytes(link, end, count);
        Ok(count)
    }
}
