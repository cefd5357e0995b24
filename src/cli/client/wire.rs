//! The messages of the command socket, as far as this client speaks them: its own field of each.

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    /// A verb as JSON.
    #[prost(string, optional, tag = "1000")]
    pub(super) ringway: Option<String>,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(in crate::cli) enum State {
    /// It is the last one.
    Ok = 0,
    /// More will come.
    Processing = 1,
    /// It was refused.
    Failure = 2,
}

/// What comes back.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    /// How far it is.
    #[prost(enumeration = "State", required, tag = "1")]
    pub(super) status: i32,
    /// In words.
    #[prost(string, required, tag = "2")]
    pub(super) message: String,
    /// The answer.
    #[prost(message, optional, tag = "3")]
    pub(super) content: Option<Content>,
    /// Why it was refused, as JSON.
    #[prost(string, optional, tag = "1000")]
    pub(super) ringway_error: Option<String>,
}

/// An answer.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Content {
    /// As JSON.
    #[prost(string, optional, tag = "1000")]
    pub(super) ringway: Option<String>,
}
