//! The limit of file descriptors: raised as far as it goes, and told when that is too little.

use ringway_core::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::{DESCRIPTORS_BASE, DESCRIPTORS_PER_SHARD};

/// Raises the soft limit to the hard one, and warns when the configured connections do not fit. With fewer descriptors
/// Ringway serves all the same: what comes beyond waits in the kernel.
///
/// Returns how many client connections the process may hold: what is configured, but never so many that none of them could
/// have a connection to its backend.
pub(super) fn raise(config: &Config, shards: usize) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!("the descriptor limit stays at its soft value: {error}");
    }
    let (limit, needed) = (getrlimit(Resource::Nofile).current, needed(config, shards as u64));
    match limit {
        Some(limit) if limit < needed => tracing::warn!(
            "{limit} file descriptors are too few for {} connections in each of {shards} shards, which take up to \
             {needed}: beyond the limit, connections wait; raise it (ulimit -Hn, LimitNOFILE), or lower \
             daemon.max_connections_per_shard",
            config.daemon.max_connections_per_shard
        ),
        _ => tracing::debug!("descriptor limit {limit:?}, at most {needed} needed"),
    }
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(fixed(config, shards as u64)) / 2);
    let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
    config.daemon.max_connections.map_or(room, |max| max.min(room))
}

/// Two descriptors per connection, one to the client and one to the backend.
fn needed(config: &Config, shards: u64) -> u64 {
    let each = shards * u64::from(config.daemon.max_connections_per_shard);
    let connections = config.daemon.max_connections.map_or(each, |max| each.min(u64::from(max)));
    fixed(config, shards) + 2 * connections
}

/// What is needed without a connection.
fn fixed(config: &Config, shards: u64) -> u64 {
    DESCRIPTORS_BASE + shards * (config.listeners.len() as u64 + DESCRIPTORS_PER_SHARD)
}
