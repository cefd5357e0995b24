//! Complete answers of our own.
//!
//! | module | what it answers |
//! |---|---|
//! | [`status`] | what goes wrong: each status with a constant plain text, which costs no memory and cannot fail |
//! | [`pages`] | the same as HTML, JSON or text, as Accept says, with the operator's texts and the request's id |
//! | [`redirect`] | routes that send a client elsewhere |
//! | [`fixed`] | routes with an answer from the configuration |
//!
//! Everything is put together when the configuration is compiled; a request's own bytes reach an answer in two places only,
//! both bounded and checked where they are written: the request id and a redirect's Location.

pub mod accept;
pub mod fixed;
pub mod limits;
mod page;
pub mod pages;
mod reason;
pub mod redirect;
pub mod request_id;
pub mod status;

pub use accept::Form;
pub use fixed::{FixedAnswer, FixedError};
pub use pages::{AnswerText, Answers, AnswersError, Asked};
pub use redirect::{HostMissing, Place, RedirectAnswer, RedirectError};
pub use request_id::request_id;
pub use status::Status;

/// The interim response that makes a client send the body it announced with `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[cfg(test)]
mod tests;
