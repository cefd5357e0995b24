//! What request and response heads have in common: versions, body lengths, the lines of a head.

use std::mem::MaybeUninit;

use super::field::Field;
use super::limits::HEADERS_MAX;

/// One header field: its name, a token, and its value without the white space around it.
pub type Header<'a> = httparse::Header<'a>;

/// The versions this codec speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    pub(super) fn from_minor(minor: Option<u8>) -> Version {
        if minor == Some(0) { Version::Http10 } else { Version::Http11 }
    }
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// So many bytes; zero when the head says so explicitly.
    Length(u64),
    /// The chunked coding tells.
    Chunked,
    /// The connection's end. Responses only.
    UntilClose,
}

impl BodyLength {
    /// Whether there are no body bytes to wait for.
    #[must_use]
    pub fn is_empty(self) -> bool {
        matches!(self, BodyLength::None | BodyLength::Length(0))
    }
}

/// The outcome of looking for a message head in what was received so far.
#[derive(Debug)]
pub enum Parsed<T> {
    /// Valid so far, but not all of it is there.
    Partial,
    /// A whole head.
    Complete(T),
}

/// Room for the fields of one head: 8 KiB that nobody initialises. Meant for the stack of the function that parses.
pub struct Scratch<'b>(pub(super) [MaybeUninit<Header<'b>>; HEADERS_MAX]);

impl Scratch<'_> {
    /// Empty room; costs nothing.
    #[inline(always)]
    #[must_use]
    pub fn new() -> Self {
        Scratch([const { MaybeUninit::uninit() }; HEADERS_MAX])
    }
}

impl Default for Scratch<'_> {
    fn default() -> Self {
        Scratch::new()
    }
}

/// A set of header lines, by their index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LineSet([u64; HEADERS_MAX / 64]);

impl LineSet {
    #[inline(always)]
    pub(super) fn insert(&mut self, line: usize) {
        self.0[(line / 64) % (HEADERS_MAX / 64)] |= 1 << (line % 64);
    }

    pub(super) fn contains(self, line: usize) -> bool {
        self.0[(line / 64) % (HEADERS_MAX / 64)] & (1 << (line % 64)) != 0
    }

    /// Members in ascending order.
    #[inline]
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let line = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                (line < 64).then_some(word * 64 + line)
            })
        })
    }
}

/// The lines of a valid head, and which of them do not go to the other side as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    /// From the first byte of the start line to the end of the empty line.
    pub(super) head: &'a [u8],
    pub(super) headers: &'a [Header<'a>],
    /// Lines that are left out, or written anew.
    pub(super) cut: LineSet,
}

impl<'a> Lines<'a> {
    /// Where line `index` starts in `head`. Lines follow each other without a gap: nothing stands between the CRLF of one
    /// and the name of the next.
    #[inline(always)]
    pub(super) fn start(&self, index: usize) -> usize {
        self.headers.get(index).map_or(self.end(), |header| offset(self.head, header.name.as_bytes()))
    }

    /// Where the empty line starts.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.head.len() - 2
    }

    /// Whether every line ends with CR LF; the tokeniser takes a lone LF as well.
    #[inline(always)]
    pub(super) fn end_in_crlf(&self) -> bool {
        self.head.ends_with(b"\r\n\r\n")
            && self.headers.iter().all(|header| {
                let start = offset(self.head, header.name.as_bytes());
                self.head[..start].ends_with(b"\r\n")
            })
    }

    /// The value of the only line named `name` in any case; `None` if there is none, or several, or it is one to cut.
    pub(super) fn only(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut named = self
            .headers
            .iter()
            .enumerate()
            .filter(|(_, header)| header.name.as_bytes().eq_ignore_ascii_case(name));
        let (line, header) = named.next()?;
        (named.next().is_none() && !self.cut.contains(line)).then_some(header.value)
    }

    /// Cuts the lines of `field`.
    #[cold]
    pub(super) fn leave_out(&mut self, field: Field) {
        let mut cut = self.cut;
        self.cut_field(field, &mut cut);
        self.cut = cut;
    }

    /// Adds the lines of `field` to `cut`.
    #[cold]
    pub(super) fn cut_field(&self, field: Field, cut: &mut LineSet) {
        for (line, header) in self.headers.iter().enumerate() {
            if Field::of(header.name.as_bytes()) == field {
                cut.insert(line);
            }
        }
    }

    /// Appends everything from `from` to the empty line but the lines in `cut`.
    #[inline(always)]
    pub(super) fn copy_kept(&self, mut from: usize, cut: LineSet, out: &mut Vec<u8>) {
        for line in cut.iter() {
            let start = self.start(line);
            out.extend_from_slice(&self.head[from..start]);
            from = self.start(line + 1);
        }
        out.extend_from_slice(&self.head[from..self.end()]);
    }
}

/// Where `part`, a slice of `whole`, starts in it.
#[inline(always)]
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_set_yields_its_members_in_order() {
        let mut set = LineSet::default();
        for line in [255, 0, 63, 64, 1, 128, 64] {
            set.insert(line);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 63, 64, 128, 255]);
        assert!(set.contains(63) && set.contains(255) && !set.contains(2));
        assert_eq!(LineSet::default().iter().count(), 0);
    }
}
