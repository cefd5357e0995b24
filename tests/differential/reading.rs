//! Servers that read HTTP/1 each in their own way: what an origin behind a proxy would take for requests.
//!
//! Every trait is one that a real server has or had, and that made request smuggling possible behind a proxy that read the
//! same bytes in another way. A message is safe to forward when all of them read the same one request and nothing behind it.

use std::borrow::Cow;

/// One way to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Personality {
    pub(crate) name: &'static str,
    /// Takes nothing that RFC 9112 does not allow.
    strict: bool,
    /// A line ends with LF, whether or not CR stands before it.
    lf_ends_lines: bool,
    /// A line ends with CR, whether or not LF follows.
    cr_ends_lines: bool,
    /// Lines are C strings.
    nul_ends_lines: bool,
    /// A line that begins with white space continues the one before.
    joins_folds: bool,
    /// White space and controls around a field name do not count.
    trims_names: bool,
    /// `Transfer_Encoding` is `Transfer-Encoding`, as in CGI's variables.
    joins_underscores: bool,
    /// Of both, Content-Length counts.
    length_over_coding: bool,
    /// A Transfer-Encoding that mentions `chunked` anywhere is chunked.
    any_chunked: bool,
    pick: Pick,
    /// Numbers are read as far as they go, with sign and base; chunk sizes wrap at 32 bits.
    careless_numbers: bool,
    /// Nothing needs to stand between a chunk's data and the next chunk.
    careless_chunk_ends: bool,
}

/// Which of several lengths counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    Agreeing,
    First,
    Last,
}

const PLAIN: Personality = Personality {
    name: "tolerant",
    strict: false,
    lf_ends_lines: false,
    cr_ends_lines: false,
    nul_ends_lines: false,
    joins_folds: false,
    trims_names: false,
    joins_underscores: false,
    length_over_coding: false,
    any_chunked: false,
    pick: Pick::Agreeing,
    careless_numbers: false,
    careless_chunk_ends: false,
};

/// The one that takes only what the standard allows.
pub(crate) const STRICT: Personality = Personality { name: "to the letter", strict: true, ..PLAIN };

/// All of them.
pub(crate) const PERSONALITIES: [Personality; 13] = [
    STRICT,
    PLAIN,
    Personality { name: "length over coding", length_over_coding: true, ..PLAIN },
    Personality { name: "anything chunked is chunked", any_chunked: true, ..PLAIN },
    Personality { name: "first length", pick: Pick::First, careless_numbers: true, ..PLAIN },
    Personality { name: "last length", pick: Pick::Last, careless_numbers: true, ..PLAIN },
    Personality { name: "bare LF", lf_ends_lines: true, ..PLAIN },
    Personality { name: "bare CR", cr_ends_lines: true, lf_ends_lines: true, ..PLAIN },
    Personality { name: "C strings", nul_ends_lines: true, ..PLAIN },
    Personality { name: "folded lines", joins_folds: true, any_chunked: true, ..PLAIN },
    Personality { name: "trimmed names", trims_names: true, any_chunked: true, ..PLAIN },
    Personality { name: "underscores", joins_underscores: true, ..PLAIN },
    Personality {
        name: "careless chunks",
        careless_numbers: true,
        careless_chunk_ends: true,
        lf_ends_lines: true,
        ..PLAIN
    },
];

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) requests: Vec<Request>,
    /// What came of the bytes behind them.
    pub(crate) rest: Rest,
}

/// A complete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) line: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Where it ends in the bytes that were read.
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    /// The beginning of a request.
    Incomplete,
    /// Something that is refused.
    Malformed,
}

/// Why there is no message.
enum Stop {
    Incomplete,
    Malformed,
}

type Read<T> = Result<T, Stop>;

/// The bytes that are left to read.
struct Input<'b>(&'b [u8]);

/// How the body is framed.
enum Length {
    Chunked,
    Bytes(u64),
}

impl Personality {
    /// Reads request after request, until something stands in the way.
    pub(crate) fn read(&self, bytes: &[u8]) -> Reading {
        let mut input = Input(bytes);
        let mut requests = Vec::new();
        let rest = loop {
            while let [b'\r', b'\n', rest @ ..] = input.0 {
                input.0 = rest;
            }
            if input.0.is_empty() {
                break Rest::Nothing;
            }
            match self.request(&mut input) {
                Ok((line, body)) => requests.push(Request { line, body, end: bytes.len() - input.0.len() }),
                Err(Stop::Incomplete) => break Rest::Incomplete,
                Err(Stop::Malformed) => break Rest::Malformed,
            }
        };
        Reading { requests, rest }
    }

    /// Method and target, and the body.
    fn request(&self, input: &mut Input<'_>) -> Read<(Vec<u8>, Vec<u8>)> {
        let start = self.line(input)?;
        let mut words = start.split(|byte| *byte == b' ').filter(|word| self.strict || !word.is_empty());
        let (method, target, version) = (words.next(), words.next(), words.next());
        let (Some(method), Some(target)) = (method, target) else { return Err(Stop::Malformed) };
        let is_method = |byte: &u8| if self.strict { is_token(*byte) } else { byte.is_ascii_graphic() };
        if method.is_empty() || !method.iter().all(is_method) || target.is_empty() {
            return Err(Stop::Malformed);
        }
        if self.strict && (words.next().is_some() || !target.iter().all(u8::is_ascii_graphic)) {
            return Err(Stop::Malformed);
        }
        let line = [method, target].join(&b' ');
        match version {
            Some(b"HTTP/1.0" | b"HTTP/1.1") => {}
            Some(version) if !self.strict && version.starts_with(b"HTTP/") => {}
            // HTTP/0.9: the line is all there is.
            None if !self.strict => return Ok((line, Vec::new())),
            _ => return Err(Stop::Malformed),
        }
        let body = match self.length(&self.fields(input)?)? {
            Length::Chunked => self.chunks(input)?,
            Length::Bytes(length) => input.take(length)?.to_vec(),
        };
        Ok((line, body))
    }

    /// Names in lower case and values, up to the empty line.
    fn fields(&self, input: &mut Input<'_>) -> Read<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        loop {
            let line = self.line(input)?;
            if line.is_empty() {
                return Ok(fields);
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                match fields.last_mut() {
                    _ if self.strict => return Err(Stop::Malformed),
                    Some(last) if self.joins_folds => {
                        last.1.push(b' ');
                        last.1.extend_from_slice(line.trim_ascii());
                        last.1 = last.1.trim_ascii().to_vec();
                        continue;
                    }
                    _ => {}
                }
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                if self.strict {
                    return Err(Stop::Malformed);
                }
                continue;
            };
            let (mut name, value) = (line[..colon].to_ascii_lowercase(), &line[colon + 1..]);
            if self.strict && (!name.iter().all(|byte| is_token(*byte)) || name.is_empty()) {
                return Err(Stop::Malformed);
            }
            if self.trims_names {
                name.retain(|byte| *byte > b' ' && *byte < 0x7f);
            }
            if self.joins_underscores {
                name.iter_mut().filter(|byte| **byte == b'_').for_each(|byte| *byte = b'-');
            }
            if self.strict && value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
                return Err(Stop::Malformed);
            }
            fields.push((name, value.trim_ascii().to_vec()));
        }
    }

    fn length(&self, fields: &[(Vec<u8>, Vec<u8>)]) -> Read<Length> {
        let values = |name: &[u8]| {
            fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_slice()).collect::<Vec<_>>()
        };
        let (codings, lengths) = (values(b"transfer-encoding"), values(b"content-length"));
        let chunked = self.is_chunked(&codings)?;
        if self.strict && chunked && !lengths.is_empty() {
            return Err(Stop::Malformed);
        }
        if chunked && (lengths.is_empty() || !self.length_over_coding) {
            return Ok(Length::Chunked);
        }
        let members = lengths.iter().flat_map(|value| value.split(|byte| *byte == b','));
        let numbers: Option<Vec<u64>> = members.map(|member| self.decimal(member.trim_ascii())).collect();
        let numbers = numbers.ok_or(Stop::Malformed)?;
        let length = match (self.pick, numbers.as_slice()) {
            (_, []) => 0,
            (Pick::Agreeing, [first, rest @ ..]) if rest.iter().any(|length| length != first) => {
                return Err(Stop::Malformed);
            }
            (Pick::Agreeing | Pick::First, [first, ..]) => *first,
            (Pick::Last, [.., last]) => *last,
        };
        Ok(Length::Bytes(length))
    }

    fn is_chunked(&self, codings: &[&[u8]]) -> Read<bool> {
        let all = codings.join(&b',').to_ascii_lowercase();
        if self.any_chunked {
            return Ok(all.windows(b"chunked".len()).any(|part| part == b"chunked"));
        }
        if self.strict {
            return if codings.is_empty() || all == b"chunked" {
                Ok(!all.is_empty())
            } else {
                Err(Stop::Malformed)
            };
        }
        Ok(all.split(|byte| *byte == b',').next_back().is_some_and(|last| last.trim_ascii() == b"chunked"))
    }

    fn decimal(&self, text: &[u8]) -> Option<u64> {
        if !self.careless_numbers {
            let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            return std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok();
        }
        let text = text.strip_prefix(b"+").unwrap_or(text);
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))))
    }

    fn chunks(&self, input: &mut Input<'_>) -> Read<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(input)?;
            let size = self.chunk_size(&line)?;
            if size == 0 {
                self.fields(input)?;
                return Ok(body);
            }
            body.extend_from_slice(input.take(size)?);
            match input.0 {
                [b'\r', b'\n', rest @ ..] => input.0 = rest,
                [b'\n', rest @ ..] if self.lf_ends_lines => input.0 = rest,
                [b'\r', rest @ ..] if self.cr_ends_lines => input.0 = rest,
                [] | [b'\r'] => return Err(Stop::Incomplete),
                _ if self.careless_chunk_ends => {}
                _ => return Err(Stop::Malformed),
            }
        }
    }

    fn chunk_size(&self, line: &[u8]) -> Read<u64> {
        let mut digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        if self.careless_numbers {
            digits = digits.trim_ascii();
            digits = digits.strip_prefix(b"+").unwrap_or(digits);
            digits = digits.strip_prefix(b"0x").unwrap_or(digits);
            let end = digits.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(digits.len());
            // What is left of a large number in 32 bits: its last 8 digits.
            digits = &digits[end.saturating_sub(8)..end];
        } else if !self.strict {
            digits = digits.trim_ascii();
        }
        let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
        text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or(Stop::Malformed)
    }

    /// A line without its end.
    fn line<'b>(&self, input: &mut Input<'b>) -> Read<Cow<'b, [u8]>> {
        let bytes = input.0;
        let ends = |at: usize| match bytes[at] {
            b'\n' => self.lf_ends_lines || at > 0 && bytes[at - 1] == b'\r',
            b'\r' => self.cr_ends_lines && bytes.get(at + 1).is_some_and(|next| *next != b'\n'),
            _ => false,
        };
        let end = (0..bytes.len()).find(|at| ends(*at)).ok_or(Stop::Incomplete)?;
        input.0 = &bytes[end + 1..];
        let line = &bytes[..end];
        let mut line = if bytes[end] == b'\n' { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if self.strict && line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Stop::Malformed);
        }
        if self.nul_ends_lines {
            line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        }
        Ok(Cow::Borrowed(line))
    }
}

impl<'b> Input<'b> {
    fn take(&mut self, bytes: u64) -> Read<&'b [u8]> {
        let bytes = usize::try_from(bytes).map_err(|_| Stop::Incomplete)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Stop::Incomplete)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
