//! Every default and bound of this crate, with its unit and its reason.

use std::time::Duration;

/// A message head, in bytes: four times what the proxy in between lets through by default, so that it refuses first.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header fields of one head: a browser's twenty, and what a chain of proxies adds.
pub(crate) const HEADERS_MAX: usize = 128;
/// The largest body that an origin makes up, in bytes.
pub(crate) const BODY_BYTES_MAX: u64 = 1 << 30;
/// From this length on, in bytes, a body is received in large buffers: changing over costs a cancel, which a few
/// small buffers do not.
pub(crate) const BULK_BODY_BYTES_MIN: u64 = 64 * 1024;

/// How much of the body stands behind the head in a prepared answer, in bytes: one send up to here.
pub(crate) const PREPARED_BODY_BYTES_MAX: u64 = 64 * 1024;
/// The same for an answer made for one request: with its head it fits in a pooled buffer.
pub(crate) const ONE_OFF_BODY_BYTES_MAX: u64 = 8 * 1024;
/// What is sent at once of a longer body, in bytes: as large as socket buffers get by default.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;

/// Connections that wait to be accepted: `net.core.somaxconn` by default.
pub(crate) const BACKLOG: i32 = 4096;
/// How long a refused client may go on sending before it is cut off, so that it reads the refusal first.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// How long a request may ask an answer to be delayed.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(3600);

/// How long a request of a load may take, unless told otherwise: longer than any stall that is to be measured.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// What a connection waits after it could not be made, in a closed loop: a fixed rate is slow enough by itself.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// The engine's timers are a millisecond fine. A schedule finer than that would blame the target for late timers.
pub(crate) const SCHEDULE_TICK_NS: u64 = 1_000_000;
/// The shortest and the longest latency that are told apart, in nanoseconds; beyond, they count as these.
pub(crate) const LATENCY_NS: (u64, u64) = (1_000, 120_000_000_000);
/// Decimal digits of a latency that are kept.
pub(crate) const LATENCY_DIGITS: u8 = 3;
