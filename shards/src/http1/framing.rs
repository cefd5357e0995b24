//! The fields that decide where a message ends and whether its connection lives on: `Content-Length`,
//! `Transfer-Encoding`, `Connection` (RFC 9112 §6, §9; RFC 9110 §7.6.1). The same rules for requests and responses.

use super::field::{self, Field, FieldSet};
use super::head::{Header, LineSet, Version};
use super::limits::{CONNECTION_OPTIONS_MAX, LENGTH_MAX};
use super::{decimal, head::Lines};

/// Why the framing of a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Malformed or ambiguous.
    Bad(&'static str),
    /// Well-formed, but with codings this proxy does not decode.
    UnknownCoding(&'static str),
}

/// What the framing fields of one head say, gathered line by line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gathered {
    pub(super) length: Option<u64>,
    /// The length must be written anew: it was given twice, as a list, or with leading zeros.
    pub(super) length_is_odd: bool,
    pub(super) is_chunked: bool,
}

impl Gathered {
    #[inline(always)]
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = match decimal::parse(value, LENGTH_MAX) {
            Some(length) => {
                self.length_is_odd |= self.length.is_some() || (value.len() > 1 && value[0] == b'0');
                length
            }
            None => {
                self.length_is_odd = true;
                equal_lengths(value)?
            }
        };
        match self.length {
            Some(before) if before != length => Err(Refusal::Bad("differing Content-Length values")),
            _ => {
                self.length = Some(length);
                Ok(())
            }
        }
    }

    #[inline(always)]
    pub(super) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.is_chunked {
            return Err(Refusal::Bad("Transfer-Encoding given twice"));
        }
        if !field::is(value, b"chunked") {
            return Err(refuse_coding(value));
        }
        self.is_chunked = true;
        Ok(())
    }

    /// The combination rules.
    #[inline(always)]
    pub(super) fn check(&self, version: Version) -> Result<(), Refusal> {
        if self.is_chunked {
            if self.length.is_some() {
                return Err(Refusal::Bad("Content-Length together with Transfer-Encoding"));
            }
            if version == Version::Http10 {
                return Err(Refusal::Bad("Transfer-Encoding in an HTTP/1.0 message"));
            }
        }
        Ok(())
    }
}

/// The one value of a list such as `5, 5`.
#[cold]
fn equal_lengths(list: &[u8]) -> Result<u64, Refusal> {
    let mut lengths = field::members(list).map(|member| decimal::parse(member, LENGTH_MAX));
    let bad = Refusal::Bad("invalid Content-Length");
    let first = lengths.next().flatten().ok_or(bad)?;
    for length in lengths {
        match length {
            Some(length) if length == first => {}
            Some(_) => return Err(Refusal::Bad("differing Content-Length values")),
            None => return Err(bad),
        }
    }
    Ok(first)
}

#[cold]
fn refuse_coding(value: &[u8]) -> Refusal {
    let mut codings = field::members(value).peekable();
    while let Some(coding) = codings.next() {
        let is_last = codings.peek().is_none();
        let is_known = [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"]
            .iter()
            .any(|known| coding.eq_ignore_ascii_case(known));
        if !is_last && !is_known {
            break;
        }
        if is_last && field::is(coding, b"chunked") {
            return Refusal::UnknownCoding("transfer coding other than chunked");
        }
    }
    Refusal::Bad("Transfer-Encoding is not exactly chunked")
}

/// What the `Connection` fields of a head say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// The fields treated by name that were named: what was sent of them does not go on.
    pub(super) named: FieldSet,
    /// It is one line that holds one of `close` and `keep-alive` and nothing else: this line.
    pub(super) plain_line: Option<u16>,
}

impl Connection {
    /// Whether the sender means to keep the connection (RFC 9112 §9.3).
    #[inline(always)]
    pub(super) fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// Reads all `Connection` lines, of which `first` is the first and `count` the number, and adds what they name to the
    /// lines to cut.
    #[inline(always)]
    pub(super) fn gather(
        lines: &mut Lines<'_>,
        first: usize,
        count: usize,
    ) -> Result<Connection, &'static str> {
        let value = lines.headers[first].value;
        let plain_line = Some(first as u16);
        if count == 1 && field::is(value, b"keep-alive") {
            return Ok(Connection { keep_alive: true, plain_line, ..Connection::default() });
        }
        if count == 1 && field::is(value, b"close") {
            return Ok(Connection { close: true, plain_line, ..Connection::default() });
        }
        let (options, named) = gather_lists(lines.headers, &mut lines.cut)?;
        let said = |option| options & option != 0;
        Ok(Connection {
            close: said(CLOSE),
            keep_alive: said(KEEP_ALIVE),
            upgrade: said(UPGRADE),
            named,
            plain_line: None,
        })
    }
}

/// The connection options that mean something here, as bits.
const CLOSE: u32 = 1;
const KEEP_ALIVE: u32 = 2;
const UPGRADE: u32 = 4;

/// The options of all lists, and the fields they name. In two words rather than as a `Connection`, so that the one of the
/// common case need not stand in memory.
#[inline(never)]
fn gather_lists(headers: &[Header<'_>], cut: &mut LineSet) -> Result<(u32, FieldSet), &'static str> {
    let (mut options, mut named) = (0, FieldSet::default());
    for (seen, option) in options_of(headers).enumerate() {
        if seen == CONNECTION_OPTIONS_MAX {
            return Err("too many connection options");
        }
        if option.is_empty() {
            continue;
        }
        if !field::is_token(option) {
            return Err("connection option that is not a token");
        }
        match option.len() {
            5 if field::is(option, b"close") => options |= CLOSE,
            10 if field::is(option, b"keep-alive") => options |= KEEP_ALIVE,
            7 if field::is(option, b"upgrade") => options |= UPGRADE,
            _ => named.insert(cut_named(headers, option, cut)),
        }
    }
    Ok((options, named))
}

/// The members of all `Connection` fields.
pub(super) fn options_of<'a>(headers: &'a [Header<'a>]) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(|header| Field::of(header.name.as_bytes()) == Field::Connection)
        .flat_map(|header| field::members(header.value))
}

/// Adds the lines named `name` to `cut`, unless the message would mean something else without them. Tells what `name`
/// means.
fn cut_named(headers: &[Header<'_>], name: &[u8], cut: &mut LineSet) -> Field {
    let field = Field::of(name);
    if !matches!(field, Field::Host | Field::ContentLength | Field::TransferEncoding) {
        for (line, header) in headers.iter().enumerate() {
            if header.name.as_bytes().eq_ignore_ascii_case(name) {
                cut.insert(line);
            }
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(values: &[&str]) -> Result<(Option<u64>, bool), Refusal> {
        let mut gathered = Gathered::default();
        for value in values {
            gathered.content_length(value.as_bytes())?;
        }
        Ok((gathered.length, gathered.length_is_odd))
    }

    #[test]
    fn equal_content_lengths_are_merged_and_written_anew() {
        assert_eq!(lengths(&["5"]), Ok((Some(5), false)));
        assert_eq!(lengths(&["0"]), Ok((Some(0), false)));
        for values in [&["5", "5"][..], &["5, 5"], &["5,5 ,\t5", "5"], &["05"]] {
            assert_eq!(lengths(values), Ok((Some(5), true)), "{values:?}");
        }
    }

    #[test]
    fn any_other_content_length_is_refused() {
        for values in [
            &["5", "6"][..],
            &["5, 6"],
            &["5,"],
            &[",5"],
            &[""],
            &["+5"],
            &["-5"],
            &["5 5"],
            &["0x5"],
            &["5;"],
            &["５"],
            &["9223372036854775808"],
            &["18446744073709551616"],
            &["99999999999999999999999"],
            &["5", "5, 6"],
        ] {
            assert!(matches!(lengths(values), Err(Refusal::Bad(_))), "{values:?}");
        }
    }

    #[test]
    fn only_chunked_alone_is_a_known_coding() {
        let encoding = |value: &str| Gathered::default().transfer_encoding(value.as_bytes());
        assert_eq!(encoding("chunked"), Ok(()));
        assert_eq!(encoding("ChUnKeD"), Ok(()));
        for value in ["gzip, chunked", "deflate,gzip ,Chunked"] {
            assert!(matches!(encoding(value), Err(Refusal::UnknownCoding(_))), "{value}");
        }
        for value in [
            "",
            "chunked,",
            ",chunked",
            "chunked, chunked",
            "chunked, gzip",
            "gzip",
            "x-chunked",
            "\u{b}chunked",
            "identity",
            "identity, chunked",
            "\"chunked\"",
            "chunked;q=1",
            "chunked chunked",
            "chunkedd",
        ] {
            assert!(matches!(encoding(value), Err(Refusal::Bad(_))), "{value:?}");
        }
    }
}
