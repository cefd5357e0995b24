//! The limit of file descriptors: raised as far as it goes, and told when that is too little.

use ringway_core::state::ConfigState;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::{DESCRIPTORS_BASE, DESCRIPTORS_PER_SHARD};

/// Raises the soft limit to the hard one, and warns when the configured connections do not fit. With fewer descriptors
/// Ringway serves all the same: what comes beyond waits in the kernel.
///
/// Returns how many client connections the process may hold: what is configured, but never so many that none of them could
/// have a connection to its backend.
pub(super) fn raise(state: &ConfigState, shards: usize) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!("the descriptor limit stays at its soft value: {error}");
    }
    let (limit, needed) = (getrlimit(Resource::Nofile).current, needed(state, shards as u64));
    match limit {
        Some(limit) if limit < needed => tracing::warn!(
            "{limit} file descriptors are too few for {} connections in each of {shards} shards, which take up to \
             {needed}: beyond the limit, connections wait; raise it (ulimit -Hn, LimitNOFILE), or lower \
             daemon.max_connections_per_shard",
            state.daemon().max_connections_per_shard
        ),
        _ => tracing::debug!("descriptor limit {limit:?}, at most {needed} needed"),
    }
    connections_max(state, shards)
}

/// How many client connections the process may hold under the present limit, with this configuration.
pub(super) fn connections_max(state: &ConfigState, shards: usize) -> u32 {
    let limit = getrlimit(Resource::Nofile).current;
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(fixed(state, shards as u64)) / 2);
    let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
    state.daemon().max_connections.map_or(room, |max| max.min(room))
}

/// Two descriptors per connection, one to the client and one to the backend.
fn needed(state: &ConfigState, shards: u64) -> u64 {
    let daemon = state.daemon();
    let each = shards * u64::from(daemon.max_connections_per_shard);
    let connections = daemon.max_connections.map_or(each, |max| each.min(u64::from(max)));
    fixed(state, shards) + 2 * connections
}

/// What is needed without a connection.
fn fixed(state: &ConfigState, shards: u64) -> u64 {
    // The coordinator and the shard have one each of a listener's sockets.
    DESCRIPTORS_BASE + shards * (2 * state.listener_count() as u64 + DESCRIPTORS_PER_SHARD)
}
