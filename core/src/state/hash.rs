//! The hashes of items: 64 bits that are the same in every process, and tell two configurations apart.
//!
//! The hash of an item is that of the line of the state file that adds it: keys at their defaults are no part of it, so a later
//! version that has more keys finds the same. That of a state is the sum of those of its items. They detect differences, not
//! forgery.

use std::hash::Hasher;
use std::io;

use super::keys;
use crate::change::Change;
use crate::config::{AnswerFiles, Backend, Cluster, Daemon, Frontend, Listener, Route};
use crate::ids::ClusterId;

/// The hash of the settings of the process; 0 if all are at their defaults.
#[must_use]
pub fn daemon(daemon: &Daemon) -> u64 {
    let set = keys::daemon_keys(daemon);
    if set.is_empty() { 0 } else { change(&Change::DaemonUpdate { set }) }
}

/// The hash of a listener.
#[must_use]
pub fn listener(listener: &Listener) -> u64 {
    change(&Change::ListenerAdd { listener: listener.name.clone(), set: keys::listener_keys(listener) })
}

/// The hash of a cluster's settings, without frontends and backends.
#[must_use]
pub fn cluster(cluster: &Cluster) -> u64 {
    change(&Change::ClusterAdd { cluster: cluster.id.clone(), set: keys::cluster_keys(cluster) })
}

/// The hash of a frontend of a cluster.
#[must_use]
pub fn frontend(cluster: &ClusterId, frontend: &Frontend) -> u64 {
    change(&Change::FrontendAdd { cluster: cluster.clone(), set: keys::frontend_keys(frontend) })
}

/// The hash of a backend of a cluster.
#[must_use]
pub fn backend(cluster: &ClusterId, backend: &Backend) -> u64 {
    let (cluster, id) = (cluster.clone(), backend.id.clone());
    change(&Change::BackendAdd { cluster, backend: id, set: keys::backend_keys(backend) })
}

/// The hash of a route.
#[must_use]
pub fn route(route: &Route) -> u64 {
    change(&Change::RouteAdd { set: keys::route_keys(route) })
}

/// The hash of answers with a status.
#[must_use]
pub fn answer(answer: &AnswerFiles) -> u64 {
    change(&Change::AnswerSet { status: answer.status, set: keys::answer_keys(answer) })
}

fn change(change: &Change) -> u64 {
    let mut hasher = Fnv::default();
    serde_json::to_writer(&mut hasher, change).expect("a change is JSON, and the hasher takes all of it");
    hasher.finish()
}

/// The hash of a line of a state file.
pub(super) fn line(line: &[u8]) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(line);
    hasher.finish()
}

/// FNV-1a with 64 bits (draft-eastlake-fnv), and a last step that lets each bit of it depend on each bit of the text: hashes
/// are summed up.
#[derive(Clone)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
    fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

impl io::Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Hasher::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
