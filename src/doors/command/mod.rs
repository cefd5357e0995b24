//! The command socket: a UNIX socket that speaks the command protocol of Sozu 2.3.3, so that its clients can drive Ringway,
//! and beside it Ringway's own verbs as JSON.
//!
//! A message is an 8-byte little-endian length, which counts itself, and one protobuf message: `Request` one way, `Response`
//! the other. A request of the protocol is translated to verbs and their answers back; one in field 1000 is a verb already.
//! What can not be kept to is refused by the name of its field, never passed over.
//!
//! # Who may come in
//!
//! The socket's mode is 0600 from its first moment on, and the kernel says who is at the other end: root and the user that
//! the process runs as may; all others are told so and shown out. Every verb carries who it was.
//!
//! # What a client can not do
//!
//! Each has a task of its own on the coordinator's thread, never a shard's. It is bounded in everything it can make the
//! process keep: sessions, the length of a message, the time for half of one, answers that nobody takes. Numbers and reasons
//! are in [`limits`].

mod frame;
mod limits;
mod reply;
mod session;
mod socket;
mod subscription;
#[cfg(test)]
mod testing;
mod translate;
mod wire;

pub(crate) use socket::{CommandSocket, SocketError};
