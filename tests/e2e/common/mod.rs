//! What the tests share: the daemon as a process, clients that speak byte by byte, origins that can misbehave.

mod client;
mod daemon;
mod origin;
mod process;
mod wait;

pub(crate) use client::Client;
pub(crate) use daemon::{Daemon, LONG, config_file, ringway, run};
pub(crate) use origin::{Origin, Then};
pub(crate) use process::{descriptors, raise_descriptor_limit, resident_kib, thread_id, thread_names, tool};
pub(crate) use wait::{eventually, now, settles};
