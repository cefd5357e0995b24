//! The HTTP/1 codec: bytes in, decisions out. No I/O, no clock, no allocation but into the caller's buffers.
//!
//! | module | job |
//! |---|---|
//! | [`request`], [`response`] | one message head → what routing, framing and connection handling need to know |
//! | [`TunnelRules`] | which requests may become a tunnel; [`response::parse`] sees to it that the answer grants just that |
//! | [`rewrite`] | the head as it goes to the other side, with what a route changes |
//! | [`ForwardRules`] | what a backend is told of where a request came from |
//! | [`body`] | where the body ends; chunked coding checked and canonicalised in place |
//! | [`answer`] | complete answers of our own |
//! | [`limits`] | every number |
//!
//! # Why there is nothing to smuggle
//!
//! Request smuggling needs two parsers that disagree about where a message ends. The rules here leave no room:
//!
//! * **One line end.** CRLF only. A bare LF or CR, a folded line, a space before a colon or a control byte is refused.
//! * **One length.** `Content-Length` with `Transfer-Encoding`, differing lengths, any coding but exactly `chunked`, or any
//!   coding in HTTP/1.0 is refused. Equal lengths given twice become one.
//! * **One authority.** Exactly one `Host` in HTTP/1.1, equal to an absolute-form target's authority, with nothing in it
//!   that a list or a URL parser could split.
//! * **Chunked bodies are re-validated**, byte by byte: CRLF exact, extensions dropped, framing fields in trailers dropped.
//! * **What was named is gone, what we add stays.** Fields that `Connection` names are removed before ours are written, so
//!   no client can have our forwarding fields removed. `Host`, `Content-Length` and `Transfer-Encoding` cannot be named away.
//!
//! * **A tunnel is asked for and granted, or there is none.** A 101 that nobody asked for, or to something else, is a bad
//!   response; what is sent ahead of a refusal is never read as a request.
//!
//! Paths are forwarded as they were received: `/../`, `%2e`, `//`, `;` and `%00` are not normalised, and routing sees them
//! raw as well. A route may replace the prefix it matched: what remains keeps its bytes, but for slashes where they meet, so
//! a `/../` behind a stripped prefix reaches the backend, which must not climb above its own root.

pub mod answer;
mod authority;
pub mod body;
#[cfg(test)]
mod cost;
mod decimal;
mod field;
mod forward;
mod framing;
mod head;
pub mod limits;
mod method;
mod progress;
pub mod request;
pub mod response;
pub mod rewrite;
mod target;
mod tunnel;

pub use answer::Status;
pub use authority::Authority;
pub use body::{Body, Fed, Framing, FramingError};
pub use forward::{ClientAddress, Forward, ForwardRules, Scheme};
pub use head::{BodyLength, Header, Parsed, Scratch, Version};
pub use limits::HeadLimits;
pub use method::Method;
pub use progress::HeadProgress;
pub use request::{Reject, Request};
pub use response::{BadResponse, ReplyTo, Response};
pub use rewrite::{RequestRules, ResponseRules};
pub use tunnel::{Tunnel, TunnelRules};
