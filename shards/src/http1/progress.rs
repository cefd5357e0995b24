//! How far the search for the end of a head has gone.
//!
//! A head normally arrives whole: it is parsed at once and this module does nothing. When it comes in pieces, each new byte
//! is looked at once for the end of the head, and the parser runs again only when the end is there or when the head has
//! doubled since it last ran (so that an invalid prefix is refused without waiting for the end). A client that sends one
//! byte at a time therefore costs a logarithmic number of parses, not one per byte.

use super::limits::{HeadLimits, METHOD_BYTES_MAX};

/// Request line bytes that are neither target nor method: two spaces, the version, CR LF.
const REQUEST_LINE_REST_BYTES: usize = 12;

/// Search state of one head. Start each message with a fresh one; keep it while the same head grows in the same place.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeadProgress {
    /// Bytes known to hold no end of head.
    scanned: u32,
    /// Start of the line being received.
    line: u32,
    /// Length at which an incomplete head is parsed again.
    parse_at: u32,
}

/// Why a head that is still incomplete is refused already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hopeless {
    BareLf,
    StartLineTooLong,
    HeadTooLarge,
}

impl HeadProgress {
    /// Whether the parser should run on `head`, the bytes received so far.
    #[inline(always)]
    pub(super) fn should_parse(&mut self, head: &[u8], limits: &HeadLimits) -> Result<bool, Hopeless> {
        if self.parse_at == 0 {
            return Ok(true);
        }
        let ended = self.scan(head)?;
        if !ended {
            self.check_size(head, limits)?;
        }
        Ok(ended || head.len() >= self.parse_at as usize)
    }

    /// Notes that the parser ran on `head` and found it incomplete.
    #[cold]
    pub(super) fn incomplete(&mut self, head: &[u8], limits: &HeadLimits) -> Result<(), Hopeless> {
        self.scan(head)?;
        self.check_size(head, limits)?;
        self.parse_at = saturate(head.len().saturating_mul(2)).max(1);
        Ok(())
    }

    /// Looks at the lines that came since the last call: true when the empty line was among them.
    fn scan(&mut self, head: &[u8]) -> Result<bool, Hopeless> {
        while let Some(found) = memchr::memchr(b'\n', head.get(self.scanned as usize..).unwrap_or_default()) {
            let lf = self.scanned as usize + found;
            if lf == 0 || head[lf - 1] != b'\r' {
                return Err(Hopeless::BareLf);
            }
            let is_empty = lf - 1 == self.line as usize;
            self.scanned = saturate(lf + 1);
            self.line = self.scanned;
            if is_empty {
                return Ok(true);
            }
        }
        self.scanned = saturate(head.len());
        Ok(false)
    }

    fn check_size(&self, head: &[u8], limits: &HeadLimits) -> Result<(), Hopeless> {
        let in_start_line = self.line == 0;
        if in_start_line && head.len() > limits.uri_bytes + METHOD_BYTES_MAX + REQUEST_LINE_REST_BYTES {
            Err(Hopeless::StartLineTooLong)
        } else if head.len() >= limits.head_bytes {
            Err(if in_start_line { Hopeless::StartLineTooLong } else { Hopeless::HeadTooLarge })
        } else {
            Ok(())
        }
    }
}

/// Heads are far below 4 GiB: [`HeadLimits::head_bytes`] stops them first.
fn saturate(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_grows_byte_by_byte_is_parsed_a_logarithmic_number_of_times() {
        let limits = HeadLimits::default();
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        head.extend(b"A: b\r\n".repeat(1000));
        head.extend(b"\r\n");
        let mut progress = HeadProgress::default();
        let mut parses = 0;
        for len in 1..head.len() {
            if progress.should_parse(&head[..len], &limits).expect("within limits") {
                parses += 1;
                progress.incomplete(&head[..len], &limits).expect("within limits");
            }
        }
        assert!((10..=14).contains(&parses), "{parses}");
        assert_eq!(progress.should_parse(&head, &limits), Ok(true));
    }

    #[test]
    fn a_line_end_split_between_two_reads_is_one_line_end() {
        let limits = HeadLimits::default();
        let mut progress = HeadProgress::default();
        progress.incomplete(b"GET / HTTP/1.1\r", &limits).expect("CR may be the last byte so far");
        assert_eq!(progress.should_parse(b"GET / HTTP/1.1\r\n\r", &limits), Ok(false));
        assert_eq!(progress.should_parse(b"GET / HTTP/1.1\r\n\r\n", &limits), Ok(true));
    }

    #[test]
    fn a_bare_lf_is_refused_before_the_head_is_complete() {
        let limits = HeadLimits::default();
        let mut progress = HeadProgress::default();
        progress.incomplete(b"GET / HTTP/1.1\r\nHost:", &limits).expect("valid so far");
        assert_eq!(progress.should_parse(b"GET / HTTP/1.1\r\nHost: a\n", &limits), Err(Hopeless::BareLf));
        assert_eq!(HeadProgress::default().incomplete(b"GET /\n", &limits), Err(Hopeless::BareLf));
    }
}
