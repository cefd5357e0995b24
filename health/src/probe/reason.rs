//! Why a probe failed, in an operator's words.

use std::sync::Arc;
use std::time::Duration;

use ringway_core::Statuses;

use crate::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};

/// What speaks against a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nobody listens, or nothing leads there. The prober's: the kernel's words.
    #[error("connect: {0}")]
    Connect(String),
    /// The connection broke. The prober's: the kernel's words.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It took longer than the check's timeout. The prober's.
    #[error("no answer within {}", in_words(*.0))]
    TimedOut(Duration),
    /// The connection ended before the answer did.
    #[error("the connection was closed before the answer was complete")]
    Cut,
    /// A status that the check does not accept.
    #[error("answered {status}, accepted are {accepted}")]
    Status {
        /// The status of the answer.
        status: u16,
        /// What the check accepts.
        accepted: Statuses,
    },
    /// The body is not what the check looks for.
    #[error("the body does not contain {0:?}")]
    Body(Arc<str>),
    /// It may be further behind, but nobody looks there.
    #[error("the first {BODY_BYTES_MAX} bytes of the body do not contain {0:?}")]
    BodyStart(Arc<str>),
    /// Something else listens there.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// A head without end.
    #[error("the head of the answer is longer than {HEAD_BYTES_MAX} bytes or has too many fields")]
    HeadTooLong,
    /// The backend speaks something else, probably HTTP/1.1.
    #[error("the answer is not HTTP/2: does the backend take HTTP/2 in clear, with prior knowledge?")]
    NotHttp2,
    /// It speaks HTTP/2, but wrongly.
    #[error("the answer breaks HTTP/2: {0}")]
    Http2(&'static str),
    /// The backend gave up on the request.
    #[error("the backend reset the request: {}", error_name(*.0))]
    Reset(u32),
    /// The backend gave up on the connection, or is about to stop.
    #[error("the backend sent GOAWAY: {}", error_name(*.0))]
    GoAway(u32),
    /// The length of the body is not to be known.
    #[error("the body of the answer is framed wrongly: check its Content-Length and Transfer-Encoding")]
    Framing,
}

fn in_words(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// RFC 9113 section 7.
fn error_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).unwrap_or(&"an unknown error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_in_an_operators_words() {
        let accepted = "2xx,404".parse().unwrap();
        for (reason, words) in [
            (Reason::Connect("Connection refused".to_owned()), "connect: Connection refused"),
            (Reason::TimedOut(Duration::from_secs(5)), "no answer within 5 s"),
            (Reason::TimedOut(Duration::from_millis(1500)), "no answer within 1500 ms"),
            (Reason::Status { status: 500, accepted }, "answered 500, accepted are 2xx,404"),
            (Reason::Reset(7), "the backend reset the request: REFUSED_STREAM"),
            (Reason::GoAway(77), "the backend sent GOAWAY: an unknown error"),
            (Reason::Body("ok".into()), "the body does not contain \"ok\""),
        ] {
            assert_eq!(reason.to_string(), words);
        }
    }
}
