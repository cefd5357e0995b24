//! `Forwarded` (RFC 7239): one element of it written, a list of them checked.

use super::super::field::{self, is_token, trim};
use super::{ClientAddress, Scheme};

/// Appends the element that tells of this hop: who asked, for which host if one is known, and how.
#[inline(never)]
pub(super) fn push(client: &ClientAddress, host: &[u8], scheme: Scheme, out: &mut Vec<u8>) {
    let address = client.text();
    if address.contains(&b':') {
        // RFC 7239 §6: brackets around IPv6, and quotes, as neither they nor colons may stand in a token.
        out.extend_from_slice(b"for=\"[");
        out.extend_from_slice(address);
        out.extend_from_slice(b"]\"");
    } else {
        out.extend_from_slice(b"for=");
        out.extend_from_slice(address);
    }
    if !host.is_empty() {
        // A valid authority holds neither quote nor backslash: there is nothing to escape.
        let quote: &[u8] = if is_token(host) { b"" } else { b"\"" };
        for part in [b";host=", quote, host, quote] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b";proto=");
    out.extend_from_slice(scheme.as_str().as_bytes());
}

/// Whether `list` is one or more elements as RFC 7239 §4 has them, none of which is empty or says the same thing twice.
/// White space around a semicolon, which the grammar does not have but many senders do, is let through.
pub(super) fn is_valid(list: &[u8]) -> bool {
    let mut rest = trim(list);
    // What the element says so far, and whether it says anything.
    let (mut seen, mut begun) = (0, false);
    loop {
        if !matches!(rest, [] | [b';' | b',', ..]) {
            let Some((known, after)) = pair(rest) else { return false };
            if seen & known != 0 {
                return false;
            }
            (seen, begun) = (seen | known, true);
            rest = trim(after);
        }
        match rest {
            [b';', more @ ..] => rest = trim(more),
            [b',', more @ ..] if begun => {
                (seen, begun) = (0, false);
                rest = trim(more);
            }
            [] => return begun,
            _ => return false,
        }
    }
}

/// Takes `name=value` off the front: a bit for the name if RFC 7239 defines it, and what follows.
fn pair(text: &[u8]) -> Option<(u8, &[u8])> {
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (&text[..equals], &text[equals + 1..]);
    if !is_token(name) {
        return None;
    }
    let known = match name.len() {
        2 if field::is(name, b"by") => 1,
        3 if field::is(name, b"for") => 2,
        4 if field::is(name, b"host") => 4,
        5 if field::is(name, b"proto") => 8,
        _ => 0,
    };
    let len = match value {
        [b'"', quoted @ ..] => 1 + quoted_len(quoted)?,
        _ => value.iter().position(|&byte| !is_token(&[byte])).unwrap_or(value.len()),
    };
    (len > 0).then(|| (known, &value[len..]))
}

/// Bytes of a quoted string to the end of its closing quote. Its bytes are those of a field value already.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(client: &str, host: &str, scheme: Scheme) -> String {
        let mut out = Vec::new();
        push(&ClientAddress::new(client.parse().expect("address")), host.as_bytes(), scheme, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn an_element_quotes_what_is_no_token() {
        for (client, host, scheme, want) in [
            ("192.0.2.1", "a.example", Scheme::Http, "for=192.0.2.1;host=a.example;proto=http"),
            ("192.0.2.1", "a:80", Scheme::Https, "for=192.0.2.1;host=\"a:80\";proto=https"),
            ("2001:db8::1", "[::1]:8", Scheme::Http, "for=\"[2001:db8::1]\";host=\"[::1]:8\";proto=http"),
            ("::ffff:1.2.3.4", "", Scheme::Http, "for=1.2.3.4;proto=http"),
        ] {
            let element = element(client, host, scheme);
            assert_eq!(element, want);
            assert!(is_valid(element.as_bytes()), "{element}");
        }
    }

    #[test]
    fn lists_of_the_rfc_are_valid() {
        for list in [
            "for=\"_gazonk\"",
            "For=\"[2001:db8:cafe::17]:4711\"",
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            "for=192.0.2.43, for=198.51.100.17",
            "for=192.0.2.43,for=\"a, b; \\\" c\" , proto=https",
            "for=unknown; proto=https",
            "for=_a;ext=1;other=\"\"",
            ";for=a;;by=b;",
        ] {
            assert!(is_valid(list.as_bytes()), "{list}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for list in [
            "",
            ",",
            "for=a,",
            ",for=a",
            "for=a,,for=b",
            "for",
            "for=",
            "=a",
            "for =a",
            "for= a",
            "for=a b",
            ";",
            "for=a,;",
            "for=2001:db8::1",
            "for=[::1]",
            "for=\"a",
            "for=\"a\\\"",
            "for=\"a\"b",
            "for=a;for=b",
            "for=a;FOR=b",
            "fo(r=a",
            "192.0.2.1",
        ] {
            assert!(!is_valid(list.as_bytes()), "{list:?}");
        }
    }
}
