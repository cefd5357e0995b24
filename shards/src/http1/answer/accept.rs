//! In which form an answer of our own is wanted (RFC 9110 section 12.5.1).
//!
//! | client | Accept | gets |
//! |---|---|---|
//! | browsers, for a page | `text/html,application/xhtml+xml,…,*/*;q=0.8` | HTML |
//! | curl, wget, most libraries | `*/*`, or none | text |
//! | axios | `application/json, text/plain, */*` | JSON |
//! | API clients | `application/json`, `application/vnd.api+json` | JSON |
//! | browsers, for a picture | `image/avif,image/webp,*/*;q=0.8` | text |
//! | who takes nothing of it | `image/png` | text: RFC 9110 lets an answer disregard Accept, and it must say something |
//!
//! Of several forms with the same quality, the one that is named is taken before those that a wildcard covers, then what
//! is named first, then text before HTML before JSON. Parameters but `q` are not compared: a client that asks for
//! `application/json;version=2` is best served with JSON. A member that is malformed counts as absent.
//!
//! Every byte is looked at a constant number of times, nothing is allocated, and no input fails.

use super::super::field::{self, trim};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `text/plain`
    Plain,
    /// `text/html`, for people.
    Html,
    /// `application/json`, for programs.
    Json,
}

impl Form {
    /// All of them, the one that is preferred where Accept does not tell first.
    pub const ALL: [Form; 3] = [Form::Plain, Form::Html, Form::Json];

    /// The value of Content-Type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Plain => "text/plain",
            Form::Html => "text/html; charset=utf-8",
            Form::Json => "application/json",
        }
    }

    /// The form that fits best to the value of an Accept field.
    #[must_use]
    pub fn wanted(accept: Option<&[u8]>) -> Form {
        let mut rest = accept;
        let mut claims = [Claim::NONE; Form::ALL.len()];
        let mut position = 0;
        while let Some(list) = rest {
            let (member, after) = split_unquoted(list, b',');
            rest = after;
            position += 1;
            let Some((range, quality)) = read(member) else { continue };
            for (form, claim) in Form::ALL.into_iter().zip(&mut claims) {
                claim.consider(range.precision(form), quality, position);
            }
        }
        let mut best = (Form::Plain, Claim::NONE);
        for (form, claim) in Form::ALL.into_iter().zip(claims) {
            if claim.quality > 0 && (best.1.quality == 0 || claim.beats(&best.1)) {
                best = (form, claim);
            }
        }
        best.0
    }
}

/// How closely a media range names a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Not,
    /// `*/*`
    Any,
    /// `text/*`
    Type,
    /// `text/html`
    Exact,
}

/// What Accept says of one form: the most precise range that covers it decides.
#[derive(Debug, Clone, Copy)]
struct Claim {
    precision: Precision,
    /// In thousandths.
    quality: u16,
    /// Of the range in the list.
    position: usize,
}

impl Claim {
    const NONE: Claim = Claim { precision: Precision::Not, quality: 0, position: 0 };

    fn consider(&mut self, precision: Precision, quality: u16, position: usize) {
        let better = precision > self.precision || precision == self.precision && quality > self.quality;
        if precision != Precision::Not && better {
            *self = Claim { precision, quality, position };
        }
    }

    fn beats(&self, other: &Claim) -> bool {
        (self.quality, self.precision, other.position) > (other.quality, other.precision, self.position)
    }
}

/// The media ranges that make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    Any,
    AnyText,
    AnyApplication,
    Exact(Form),
    Other,
}

impl Range {
    fn of(text: &[u8]) -> Range {
        let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
        // A lone `*` is what Java's URLConnection sends for `*/*`.
        if is("*/*") || is("*") {
            Range::Any
        } else if is("text/*") {
            Range::AnyText
        } else if is("application/*") {
            Range::AnyApplication
        } else if is("text/plain") {
            Range::Exact(Form::Plain)
        } else if is("text/html") {
            Range::Exact(Form::Html)
        } else if is("application/json") || names_a_kind_of_json(text) {
            Range::Exact(Form::Json)
        } else {
            Range::Other
        }
    }

    fn precision(self, form: Form) -> Precision {
        match (self, form) {
            (Range::Any, _) => Precision::Any,
            (Range::AnyText, Form::Plain | Form::Html) | (Range::AnyApplication, Form::Json) => {
                Precision::Type
            }
            (Range::Exact(named), _) if named == form => Precision::Exact,
            _ => Precision::Not,
        }
    }
}

/// `application/vnd.api+json`, `application/problem+json`: plain JSON is the nearest there is.
fn names_a_kind_of_json(range: &[u8]) -> bool {
    let Some((kind, subtype)) = range.split_first_chunk::<12>() else { return false };
    let suffix = subtype.len().saturating_sub(b"+json".len());
    kind.eq_ignore_ascii_case(b"application/")
        && suffix > 0
        && subtype[suffix..].eq_ignore_ascii_case(b"+json")
        && field::is_token(subtype)
}

/// The range and the quality, in thousandths, of one member of the list.
fn read(member: &[u8]) -> Option<(Range, u16)> {
    let (range, mut parameters) = split_unquoted(member, b';');
    let range = Range::of(trim(range));
    while let Some(list) = parameters {
        let (parameter, after) = split_unquoted(list, b';');
        if let [b'q' | b'Q', b'=', value @ ..] = trim(parameter) {
            return Some((range, thousandths(value)?));
        }
        parameters = after;
    }
    Some((range, 1000))
}

/// A quality from 0 to 1; digits beyond the third are cut off, and `.5` is taken for `0.5`.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, fraction) = match value {
        [b'0', rest @ ..] => (0, rest),
        [b'1', rest @ ..] => (1000, rest),
        [b'.', _, ..] => (0, value),
        _ => return None,
    };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] => digits,
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part =
        digits.iter().zip([100, 10, 1]).map(|(digit, unit)| u16::from(digit - b'0') * unit).sum::<u16>();
    (whole + part <= 1000).then_some(whole + part)
}

/// What stands before the first `separator` outside quotes, and what stands behind it if there is one.
fn split_unquoted(list: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, &byte) in list.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => return (&list[..at], Some(&list[at + 1..])),
            _ => {}
        }
    }
    (list, None)
}

#[cfg(test)]
mod tests;
