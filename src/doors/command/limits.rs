//! Every limit of the command socket, with its unit and its reason.

use std::time::Duration;

/// Clients at once. Tools connect, ask and leave; a thousand that stay are someone's mistake, and cost a task each.
pub(super) const SESSIONS_MAX: usize = 1_024;

/// The longest message in either direction, its length included, in bytes. Sozu's is 2 MB, which fits some ten thousand
/// backends; a batch or a list of 100,000 clusters with their frontends and backends takes 20 to 50 MB.
pub(super) const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A message longer than this is a large one, in bytes: what Sozu takes at most.
pub(super) const LARGE_MESSAGE_BYTES: u64 = 2_000_000;

/// Large messages of all sessions at once, requests that come in and answers that are not yet taken: 512 MiB. One more is
/// refused.
pub(super) const LARGE_MESSAGES_MAX: usize = 8;

/// How much room is made for a message at once, in bytes: a length that is announced and does not come takes no memory.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// How long a client is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a message, from its first byte to its last.
    pub(super) frame: Duration,
    /// While it takes nothing of an answer.
    pub(super) write: Duration,
}

/// A local client writes and reads 64 MiB in a fraction of a second; half a minute is for those that a debugger or a pager
/// holds.
pub(super) const PATIENCE: Patience =
    Patience { frame: Duration::from_secs(30), write: Duration::from_secs(30) };

/// How long a client that is refused may take to read why.
pub(super) const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Clients that are being told why they are refused, at once; more are closed without a word.
pub(super) const FAREWELLS_MAX: usize = 256;

/// How long nothing is accepted when descriptors have run out: some may be closed by then.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that the kernel keeps until they are accepted. The coordinator accepts within milliseconds.
pub(super) const BACKLOG: i32 = 512;

/// Events that a subscriber is sent at once: some 50 KB.
pub(super) const EVENTS_PAGE: usize = 128;
