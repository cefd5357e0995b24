//! Complete answers of our own.
//!
//! They are constants: an answer in trouble costs no memory and cannot fail. Each has a short text for whoever looks at it
//! with bare eyes: what happened, what to do.

use std::fmt;

/// The interim response that makes a client send the body it announced with `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

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
    keep_alive: &'static [u8],
    close: &'static [u8],
    keep_alive_head: usize,
    close_head: usize,
}

/// Puts an answer together: status line, further fields, length of the text, text. That the length is right is tested.
macro_rules! answer {
    ($status:literal, $fields:literal, $length:literal, $text:literal) => {
        Answer {
            keep_alive: answer!(@bytes $status, $fields, "", $length, $text),
            close: answer!(@bytes $status, $fields, "Connection: close\r\n", $length, $text),
            keep_alive_head: answer!(@bytes $status, $fields, "", $length, "").len(),
            close_head: answer!(@bytes $status, $fields, "Connection: close\r\n", $length, "").len(),
        }
    };
    (@bytes $status:literal, $fields:literal, $connection:literal, $length:literal, $text:literal) => {
        concat!(
            "HTTP/1.1 ", $status, "\r\nContent-Type: text/plain\r\nContent-Length: ", $length, "\r\n", $fields,
            $connection, "\r\n", $text
        )
        .as_bytes()
    };
}

impl Status {
    fn parts(self) -> Answer {
        match self {
            Status::BadRequest => answer!(
                "400 Bad Request",
                "",
                "121",
                "400 Bad Request: The request is malformed or ambiguous. Check its line ends, Host, Content-Length and Transfer-Encoding.\n"
            ),
            Status::NotFound => answer!(
                "404 Not Found",
                "",
                "93",
                "404 Not Found: Nothing is served under this host and path. Check the host name and the path.\n"
            ),
            Status::RequestTimeout => answer!(
                "408 Request Timeout",
                "",
                "72",
                "408 Request Timeout: The request did not arrive in time. Send it again.\n"
            ),
            Status::ContentTooLarge => answer!(
                "413 Content Too Large",
                "",
                "113",
                "413 Content Too Large: The request has a body that is too large, or none is allowed. Send less, or use HTTP/1.1.\n"
            ),
            Status::UriTooLong => answer!(
                "414 URI Too Long",
                "",
                "88",
                "414 URI Too Long: The request target is too long. Move data from the query into a body.\n"
            ),
            Status::ExpectationFailed => answer!(
                "417 Expectation Failed",
                "",
                "100",
                "417 Expectation Failed: The expectation in the Expect field is not supported. Only 100-continue is.\n"
            ),
            Status::MisdirectedRequest => answer!(
                "421 Misdirected Request",
                "",
                "97",
                "421 Misdirected Request: This connection does not serve this host. Open a new connection for it.\n"
            ),
            Status::TooManyRequests => answer!(
                "429 Too Many Requests",
                "",
                "86",
                "429 Too Many Requests: Too many requests from this client. Slow down, then try again.\n"
            ),
            Status::HeadersTooLarge => answer!(
                "431 Request Header Fields Too Large",
                "",
                "142",
                "431 Request Header Fields Too Large: The request has too many header fields, or they are too large. Send fewer or smaller cookies and fields.\n"
            ),
            Status::InternalServerError => answer!(
                "500 Internal Server Error",
                "",
                "63",
                "500 Internal Server Error: The proxy failed. Its log says how.\n"
            ),
            Status::NotImplemented => answer!(
                "501 Not Implemented",
                "",
                "126",
                "501 Not Implemented: The request needs a feature that is not supported. Neither CONNECT nor transfer codings but chunked are.\n"
            ),
            Status::BadGateway => answer!(
                "502 Bad Gateway",
                "",
                "118",
                "502 Bad Gateway: The backend could not be reached, or its response was invalid. Try again; the proxy's log says more.\n"
            ),
            Status::ServiceUnavailable => answer!(
                "503 Service Unavailable",
                "Retry-After: 1\r\n",
                "73",
                "503 Service Unavailable: No backend is available. Try again in a second.\n"
            ),
            Status::GatewayTimeout => answer!(
                "504 Gateway Timeout",
                "",
                "107",
                "504 Gateway Timeout: The backend did not answer in time. Try again; the request may have been carried out.\n"
            ),
            Status::VersionNotSupported => answer!(
                "505 HTTP Version Not Supported",
                "",
                "96",
                "505 HTTP Version Not Supported: The HTTP version of the request is not supported. Use HTTP/1.1.\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{BodyLength, Parsed, Scratch};
    use super::super::{HeadLimits, HeadProgress, Method, response};
    use super::*;

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
            assert_eq!(
                text.contains("Retry-After: 1\\r\\n"),
                status == Status::ServiceUnavailable,
                "{status}"
            );
        }
    }
}
