//! Limits of the HTTP/1 codec: each with its unit and its reason.

/// The largest number of header fields any listener can be configured to accept; the size of [`Scratch`](super::Scratch).
pub const HEADERS_MAX: usize = 256;

/// Empty lines tolerated before a request line (RFC 9112 §2.2 asks for at least one). More is a client that talks
/// nonsense at our expense.
pub const LEADING_EMPTY_LINES_MAX: usize = 8;

/// Longest method token. The longest registered one is UPDATEREDIRECTREF, 17 bytes.
pub const METHOD_BYTES_MAX: usize = 32;

/// Connection options in one message. Each costs one pass over the header fields, so their product must stay small.
pub const CONNECTION_OPTIONS_MAX: usize = 32;

/// Longest host name or address literal: that of a DNS name.
pub const HOST_BYTES_MAX: usize = 255;

/// Largest content length accepted. Peers that count in signed 64 bits must read the same number as we do.
pub const LENGTH_MAX: u64 = i64::MAX as u64;

/// Largest chunk accepted, in bytes. A reader that counts in 32 bits would take 100000000 (hexadecimal) for the last chunk, and
/// what follows for another message.
pub const CHUNK_BYTES_MAX: u64 = i32::MAX as u64;

/// Hexadecimal digits of one chunk size, leading zeros included.
pub const CHUNK_SIZE_DIGITS_MAX: u8 = 16;

/// Bytes of extensions on one chunk. They are dropped, so they only cost the sender; the bound keeps a connection from
/// living on them.
pub const CHUNK_EXTENSION_BYTES_MAX: u16 = 1024;

/// Bytes of one trailer section, names and line ends included.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Fields of one trailer section.
pub const TRAILER_FIELDS_MAX: u16 = 64;

/// Ranges an in-place edit of a response head can cut out; a head that needs more is written anew.
pub const EDIT_CUTS_MAX: usize = 4;

/// Longest name of a protocol that a connection can be upgraded to, version included: it is kept while the answer is
/// awaited. The longest registered one that is used as such is `websocket`, 9 bytes.
pub const UPGRADE_BYTES_MAX: usize = 32;

/// Longest `X-Request-Id` taken over from a client: room for a UUID, a trace id or two of them with a separator.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// What one message head may use. Set per listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, from the request line to the empty line.
    pub head_bytes: usize,
    /// Header fields, at most [`HEADERS_MAX`].
    pub headers: usize,
    /// Bytes of the request target.
    pub uri_bytes: usize,
}

impl Default for HeadLimits {
    /// 16 KiB, 100 fields and 8 KiB: what HAProxy and nginx users already live with.
    fn default() -> HeadLimits {
        HeadLimits { head_bytes: 16 * 1024, headers: 100, uri_bytes: 8 * 1024 }
    }
}
