//! Limits of answers of our own: each with its unit and its reason.

/// An operator's text of one answer, in bytes. An error page with its style and a small picture inline; it is copied for each
/// answer, in the moment when the proxy has the least to spare.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The content of a fixed answer, in bytes: a page or a small picture. Whoever serves more has a file server.
pub const FIXED_BYTES_MAX: usize = 1024 * 1024;

/// A redirect's template, in bytes: what RFC 9112 section 3 asks everyone to accept as a target at the least.
pub const REDIRECT_BYTES_MAX: usize = 8000;

/// Placeholders of a redirect's template. Each may stand for a whole request target, so their number bounds the answer.
pub const REDIRECT_PLACEHOLDERS_MAX: usize = 8;
