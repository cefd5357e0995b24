//! Another reading of message heads, by the letter of RFC 9112.

/// A head taken apart.
pub(super) struct Head<'a> {
    pub(super) start_line: &'a [u8],
    /// Names as they stand there, values without the white space around them.
    pub(super) fields: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Head<'a> {
    /// Takes a head apart that was accepted: from its first byte to the end of its empty line.
    pub(super) fn of(head: &'a [u8]) -> Head<'a> {
        let text = head.strip_suffix(b"\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = split(text, b"\r\n").into_iter();
        let start_line = lines.next().expect("splitting yields one piece at least");
        assert!(
            !start_line.is_empty() && !has_line_end(start_line),
            "start line {}",
            start_line.escape_ascii()
        );
        let fields = lines.map(field).collect();
        Head { start_line, fields }
    }

    /// The values of the fields of this name, which is in lower case.
    pub(super) fn values(&self, name: &str) -> Vec<&'a [u8]> {
        let is = |(field, _): &&(&[u8], &[u8])| field.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(is).map(|(_, value)| *value).collect()
    }

    /// The members of the lists in the fields of this name, in lower case; empty ones are left out.
    pub(super) fn members(&self, name: &str) -> Vec<Vec<u8>> {
        let members = self.values(name).into_iter().flat_map(|value| value.split(|&byte| byte == b','));
        members.map(|member| trim(member).to_ascii_lowercase()).filter(|member| !member.is_empty()).collect()
    }

    /// The one number that all Content-Length fields agree on; `None` without such a field.
    pub(super) fn length(&self) -> Option<u64> {
        let values = self.values("content-length");
        let mut numbers = values.iter().flat_map(|value| value.split(|&byte| byte == b',')).map(|number| {
            let digits = std::str::from_utf8(trim(number)).expect("a length is ASCII");
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "length {digits:?}");
            digits.parse::<u64>().expect("a length is a number")
        });
        let first = numbers.next()?;
        assert!(numbers.all(|number| number == first), "lengths differ: {values:?}");
        Some(first)
    }

    /// Whether the body is chunked; at most one field says so.
    pub(super) fn is_chunked(&self) -> bool {
        let codings = self.values("transfer-encoding");
        assert!(codings.len() <= 1 && codings.iter().all(|coding| coding.eq_ignore_ascii_case(b"chunked")));
        !codings.is_empty()
    }
}

fn field(line: &[u8]) -> (&[u8], &[u8]) {
    assert!(!has_line_end(line), "field line {}", line.escape_ascii());
    let colon = line.iter().position(|&byte| byte == b':').expect("a field line has a colon");
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    assert!(is_token(name), "field name {}", name.escape_ascii());
    assert!(
        !value.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()),
        "value {}",
        value.escape_ascii()
    );
    (name, trim(value))
}

pub(super) fn is_token(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b" ").or(value.strip_prefix(b"\t")) {
        value = rest;
    }
    while let Some(rest) = value.strip_suffix(b" ").or(value.strip_suffix(b"\t")) {
        value = rest;
    }
    value
}

fn has_line_end(line: &[u8]) -> bool {
    line.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The pieces of `text` between separators.
fn split<'a>(text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, separator) {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    pieces
}

/// The length of the empty lines that may come before a request line.
pub(super) fn empty_lines(data: &[u8]) -> usize {
    data.chunks(2).take_while(|line| line == b"\r\n").count() * 2
}

/// Where `needle` stands first.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Whether a line ends with anything but CR LF.
pub(super) fn has_bare_lf(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(at, &byte)| byte == b'\n' && (at == 0 || text[at - 1] != b'\r'))
}
