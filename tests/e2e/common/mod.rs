//! What the tests share: the daemon as a process, clients that speak byte by byte, origins that can misbehave.

mod client;
pub(crate) mod control;
mod crowd;
mod daemon;
mod faulty_origin;
mod origin;
mod pattern;
mod process;
mod server;
mod traffic;
mod unix_origin;
mod wait;

pub(crate) use client::{Client, Response};
pub(crate) use crowd::{Crowd, Served, from_origin, overtaken_most, with_status};
pub(crate) use daemon::{Daemon, LONG, config_file, ringway, run};
pub(crate) use faulty_origin::{FaultyOrigin, Mood, PROBE_PATH};
pub(crate) use origin::{Origin, Then, read_head};
pub(crate) use pattern::{Checker, PIECE, body_bytes};
pub(crate) use process::{
    assert_flat, cpu_time, descriptors, expect_descriptors, raise_descriptor_limit, resident_kib, thread_id,
    thread_names, tool,
};
pub(crate) use traffic::Traffic;
pub(crate) use unix_origin::{UnixOrigin, socket_path};
pub(crate) use wait::{eventually, now, rest, settles};
