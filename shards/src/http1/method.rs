//! Request methods (RFC 9110 §9).

/// A request method. Methods are case-sensitive; one that is not standard keeps its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'a> {
    /// GET
    Get,
    /// HEAD: the response has no body, whatever its head says.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// CONNECT
    Connect,
    /// OPTIONS: the only one whose target may be `*`.
    Options,
    /// TRACE
    Trace,
    /// PATCH (RFC 5789)
    Patch,
    /// Any other token.
    Other(&'a [u8]),
}

impl<'a> Method<'a> {
    /// The method a token names.
    #[must_use]
    pub fn from_token(token: &'a [u8]) -> Method<'a> {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"CONNECT" => Method::Connect,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"PATCH" => Method::Patch,
            _ => Method::Other(token),
        }
    }

    /// The token on the wire.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Method::Get => b"GET",
            Method::Head => b"HEAD",
            Method::Post => b"POST",
            Method::Put => b"PUT",
            Method::Delete => b"DELETE",
            Method::Connect => b"CONNECT",
            Method::Options => b"OPTIONS",
            Method::Trace => b"TRACE",
            Method::Patch => b"PATCH",
            Method::Other(token) => token,
        }
    }

    /// The same method without its bytes, to be kept while the response is awaited: all that framing and retries ask of
    /// a method not listed here is that it is none of the listed ones.
    #[must_use]
    pub fn detached(self) -> Method<'static> {
        match self {
            Method::Get => Method::Get,
            Method::Head => Method::Head,
            Method::Post => Method::Post,
            Method::Put => Method::Put,
            Method::Delete => Method::Delete,
            Method::Connect => Method::Connect,
            Method::Options => Method::Options,
            Method::Trace => Method::Trace,
            Method::Patch => Method::Patch,
            Method::Other(_) => Method::Other(b""),
        }
    }

    /// Whether the method only reads (RFC 9110 §9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace)
    }

    /// Whether sending the request twice does what sending it once does (RFC 9110 §9.2.2), so that it may be retried after
    /// it was sent.
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Method::Put | Method::Delete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];

    #[test]
    fn every_standard_token_is_known_and_keeps_its_name_when_detached() {
        for token in STANDARD {
            let method = Method::from_token(token);
            assert!(!matches!(method, Method::Other(_)));
            assert_eq!(method.as_bytes(), token);
            assert_eq!(method.detached(), method);
        }
    }

    #[test]
    fn methods_are_case_sensitive_and_unknown_ones_keep_their_bytes() {
        assert_eq!(Method::from_token(b"get"), Method::Other(b"get"));
        assert_eq!(Method::from_token(b"PURGE").as_bytes(), b"PURGE");
        assert_eq!(Method::from_token(b"PURGE").detached(), Method::Other(b""));
    }

    #[test]
    fn only_safe_methods_put_and_delete_are_idempotent() {
        let idempotent: Vec<&[u8]> =
            STANDARD.into_iter().filter(|token| Method::from_token(token).is_idempotent()).collect();
        assert_eq!(idempotent, [&b"GET"[..], b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"]);
        assert!(!Method::from_token(b"PURGE").is_idempotent());
        assert!(!Method::Put.is_safe() && !Method::Delete.is_safe());
    }
}
