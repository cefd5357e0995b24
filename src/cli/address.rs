//! Addresses as they stand on the command line.

use std::net::SocketAddr;

/// `IP:port` or `[IPv6]:port`. Names are not resolved: what a name stands for may change, an address does not.
///
/// # Errors
/// What to write instead.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let remedy = match text.rsplit_once(':') {
            None if text.parse::<u16>().is_ok() => {
                format!("did you mean 127.0.0.1:{text} or 0.0.0.0:{text}?")
            }
            Some(("", port)) => format!("did you mean 0.0.0.0:{port} or [::]:{port}?"),
            Some(("localhost", port)) => {
                format!("names are not resolved; did you mean 127.0.0.1:{port} or [::1]:{port}?")
            }
            _ => "write IP:port or [IPv6]:port, such as 127.0.0.1:8080; names are not resolved".to_owned(),
        };
        format!("not an address; {remedy}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_with_a_port() {
        for text in ["127.0.0.1:80", "0.0.0.0:0", "[::1]:8080"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        for (text, hint) in [
            ("8080", "127.0.0.1:8080"),
            (":8080", "[::]:8080"),
            ("localhost:8080", "[::1]:8080"),
            ("127.0.0.1", "IP:port"),
            ("example.com:80", "names are not resolved"),
            ("", "IP:port"),
        ] {
            let refusal = parse(text).expect_err(text);
            assert!(refusal.contains(hint), "{text}: {refusal}");
        }
    }
}
