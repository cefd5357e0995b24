//! Limits of health checks, each with its unit and its reason. Defaults of settings stand with the configuration.

use std::time::Duration;

/// The longest head of an answer, interim answers before it included, in bytes. What says "I am well" is short.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of an answer over HTTP/1.1; a status page has a dozen.
pub const FIELDS_MAX: usize = 128;

/// The part of a body that is searched, in bytes: with 64 probes at once, what passes through stays within 4 MiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The longest line between two chunks of a body, in bytes: a size and an extension that nobody uses.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

/// The largest frame of HTTP/2, in bytes: what holds unless settings raise it, and nobody asks for more here.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Frames of an answer that carry none of its body: a server says its piece in a dozen.
pub const FRAMES_MAX: u32 = 1000;

/// The dynamic table of HPACK, in bytes: what holds unless settings change it.
pub const HPACK_TABLE_BYTES_MAX: usize = 4096;

/// What a server may send of a body before it is asked for more, padding included, in bytes: all that is searched, twice.
pub const WINDOW_BYTES: u32 = 2 * BODY_BYTES_MAX as u32;

/// How far a probe may start from its place in the grid, in thousandths of the interval, to either side. Enough to come
/// apart from what else runs at the same rate, too little to bunch.
pub const JITTER_PER_MILLE: u32 = 50;

/// Probes under way at once, in the whole process: below what a listening queue of 128 holds, should they all lead to one
/// machine.
pub const PROBES_MAX: usize = 64;

/// Those of them that addresses may take whose last probe timed out. The others find at least 16 free.
pub const PROBES_SLOW_MAX: usize = 48;

/// How often a checker looks for backends that came or went.
pub const CHECKER_LOOKS_EVERY: Duration = Duration::from_millis(250);
