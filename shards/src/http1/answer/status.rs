//! Which statuses Ringway answers with, and each answer's plain form.
//!
//! The plain forms are constants: an answer in trouble costs no memory and cannot fail. Each has a short text for whoever
//! looks at it with bare eyes: what happened, what to do.

use std::fmt;

/// A status code of an answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Status {
    /// Bad Request
    BadRequest = 400,
    /// Not Found
    NotFound = 404,
    /// Request Timeout
    RequestTimeout = 408,
    /// Content Too Large
    ContentTooLarge = 413,
    /// URI Too Long
    UriTooLong = 414,
    /// Expectation Failed
    ExpectationFailed = 417,
    /// Misdirected Request
    MisdirectedRequest = 421,
    /// Too Many Requests
    TooManyRequests = 429,
    /// Request Header Fields Too Large
    HeadersTooLarge = 431,
    /// Internal Server Error
    InternalServerError = 500,
    /// Not Implemented
    NotImplemented = 501,
    /// Bad Gateway
    BadGateway = 502,
    /// Service Unavailable
    ServiceUnavailable = 503,
    /// Gateway Timeout
    GatewayTimeout = 504,
    /// HTTP Version Not Supported
    VersionNotSupported = 505,
}

impl Status {
    /// All of them, in ascending order.
    pub const ALL: [Status; 15] = [
        Status::BadRequest,
        Status::NotFound,
        Status::RequestTimeout,
        Status::ContentTooLarge,
        Status::UriTooLong,
        Status::ExpectationFailed,
        Status::MisdirectedRequest,
        Status::TooManyRequests,
        Status::HeadersTooLarge,
        Status::InternalServerError,
        Status::NotImplemented,
        Status::BadGateway,
        Status::ServiceUnavailable,
        Status::GatewayTimeout,
        Status::VersionNotSupported,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The status with this number, if Ringway answers with it.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Its place in [`Status::ALL`].
    pub(super) fn index(self) -> usize {
        Status::ALL.partition_point(|status| status.code() < self.code())
    }

    /// The name of the number. Letters, spaces and hyphens only: it needs no escaping anywhere.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.parts().reason
    }

    /// What happened and what to do, in a sentence or two. Nothing in it needs escaping in HTML or in a JSON string.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.parts().advice
    }

    /// After how long it makes sense to ask again, in seconds: what the proxy is short of is given back within a second.
    pub(super) fn retry_after(self) -> Option<&'static str> {
        matches!(self, Status::TooManyRequests | Status::ServiceUnavailable).then_some("1")
    }

    /// The complete answer. With `keep_alive` the client may go on using the connection, else the answer says that it ends.
    /// An answer to HEAD has no body.
    #[must_use]
    pub fn answer(self, keep_alive: bool, to_head: bool) -> &'static [u8] {
        let answer = self.parts();
        let (whole, head_len) = if keep_alive {
            (answer.keep_alive, answer.keep_alive_head)
        } else {
            (answer.close, answer.close_head)
        };
        if to_head { &whole[..head_len] } else { whole }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code())
    }
}

struct Answer {
    reason: &'static str,
    advice: &'static str,
    keep_alive: &'static [u8],
    close: &'static [u8],
    keep_alive_head: usize,
    close_head: usize,
}

/// Puts an answer together: number, its name, further fields, length of the text, text. That the length is right is tested.
macro_rules! answer {
    ($code:literal, $reason:literal, $fields:literal, $length:literal, $advice:literal) => {
        Answer {
            reason: $reason,
            advice: $advice,
            keep_alive: concat!(
                answer!(@head $code, $reason, $fields, "", $length), $code, " ", $reason, ": ", $advice, "\n"
            )
            .as_bytes(),
            close: concat!(
                answer!(@head $code, $reason, $fields, "Connection: close\r\n", $length),
                $code, " ", $reason, ": ", $advice, "\n"
            )
            .as_bytes(),
            keep_alive_head: answer!(@head $code, $reason, $fields, "", $length).len(),
            close_head: answer!(@head $code, $reason, $fields, "Connection: close\r\n", $length).len(),
        }
    };
    (@head $code:literal, $reason:literal, $fields:literal, $connection:literal, $length:literal) => {
        concat!(
            "HTTP/1.1 ", $code, " ", $reason, "\r\nContent-Type: text/plain\r\nContent-Length: ", $length, "\r\n",
            $fields, $connection, "\r\n"
        )
    };
}

impl Status {
    fn parts(self) -> Answer {
        match self {
            Status::BadRequest => answer!(
                "400",
                "Bad Request",
                "",
                "121",
                "The request is malformed or ambiguous. Check its line ends, Host, Content-Length and Transfer-Encoding."
            ),
            Status::NotFound => answer!(
                "404",
                "Not Found",
                "",
                "93",
                "Nothing is served under this host and path. Check the host name and the path."
            ),
            Status::RequestTimeout => answer!(
                "408",
                "Request Timeout",
                "",
                "72",
                "The request did not arrive in time. Send it again."
            ),
            Status::ContentTooLarge => answer!(
                "413",
                "Content Too Large",
                "",
                "113",
                "The request has a body that is too large, or none is allowed. Send less, or use HTTP/1.1."
            ),
            Status::UriTooLong => answer!(
                "414",
                "URI Too Long",
                "",
                "88",
                "The request target is too long. Move data from the query into a body."
            ),
            Status::ExpectationFailed => answer!(
                "417",
                "Expectation Failed",
                "",
                "100",
                "The expectation in the Expect field is not supported. Only 100-continue is."
            ),
            Status::MisdirectedRequest => answer!(
                "421",
                "Misdirected Request",
                "",
                "97",
                "This connection does not serve this host. Open a new connection for it."
            ),
            Status::TooManyRequests => answer!(
                "429",
                "Too Many Requests",
                "Retry-After: 1\r\n",
                "86",
                "Too many requests from this client. Slow down, then try again."
            ),
            Status::HeadersTooLarge => answer!(
                "431",
                "Request Header Fields Too Large",
                "",
                "142",
                "The request has too many header fields, or they are too large. Send fewer or smaller cookies and fields."
            ),
            Status::InternalServerError => {
                answer!("500", "Internal Server Error", "", "63", "The proxy failed. Its log says how.")
            }
            Status::NotImplemented => answer!(
                "501",
                "Not Implemented",
                "",
                "126",
                "The request needs a feature that is not supported. Neither CONNECT nor transfer codings but chunked are."
            ),
            Status::BadGateway => answer!(
                "502",
                "Bad Gateway",
                "",
                "118",
                "The backend could not be reached, or its response was invalid. Try again; the proxy's log says more."
            ),
            Status::ServiceUnavailable => answer!(
                "503",
                "Service Unavailable",
                "Retry-After: 1\r\n",
                "73",
                "No backend is available. Try again in a second."
            ),
            Status::GatewayTimeout => answer!(
                "504",
                "Gateway Timeout",
                "",
                "107",
                "The backend did not answer in time. Try again; the request may have been carried out."
            ),
            Status::VersionNotSupported => answer!(
                "505",
                "HTTP Version Not Supported",
                "",
                "96",
                "The HTTP version of the request is not supported. Use HTTP/1.1."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::head::{BodyLength, Parsed, Scratch};
    use crate::http1::{HeadLimits, HeadProgress, Method, response};

    #[test]
    fn every_answer_is_a_valid_response_with_the_right_length() {
        for status in Status::ALL {
            for keep_alive in [true, false] {
                let answer = status.answer(keep_alive, false);
                let mut scratch = Scratch::new();
                let parsed = response::parse(
                    answer,
                    Method::Get,
                    &HeadLimits::default(),
                    &mut HeadProgress::default(),
                    &mut scratch,
                );
                let Ok(Parsed::Complete(response)) = parsed else { panic!("{status}: {parsed:?}") };
                let text = &answer[response.head_len..];
                assert_eq!(response.status, status.code());
                assert_eq!(response.keep_alive, keep_alive, "{status}");
                assert_eq!(response.body, BodyLength::Length(text.len() as u64), "{status}");
                assert!(text.starts_with(status.code().to_string().as_bytes()), "{status}");
                assert_eq!(status.answer(keep_alive, true), &answer[..response.head_len], "{status}");
            }
        }
    }

    #[test]
    fn only_an_overload_asks_to_come_back() {
        for status in Status::ALL {
            let text = status.answer(true, false).escape_ascii().to_string();
            let overload = matches!(status, Status::TooManyRequests | Status::ServiceUnavailable);
            assert_eq!(text.contains("Retry-After: 1\\r\\n"), overload, "{status}");
            assert_eq!(status.retry_after().is_some(), overload, "{status}");
        }
    }

    #[test]
    fn every_status_is_found_by_its_number_and_its_words_need_no_escaping() {
        for (index, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(Status::from_code(status.code()), Some(status));
            assert_eq!(status.index(), index);
            assert!(status.reason().bytes().all(|byte| byte.is_ascii_alphabetic() || b" -".contains(&byte)));
            assert!(!status.advice().contains(['"', '\\', '<', '>', '&']) && status.advice().is_ascii());
        }
        assert_eq!(Status::from_code(200), None);
    }
}
