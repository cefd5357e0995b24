//! Removal of lines from a head that is already in a buffer, by moving what stands before them.

use super::super::head::{LineSet, Lines};
use super::super::limits::EDIT_CUTS_MAX;

/// An edit that only removes. The head gets a new start, its end and the body behind it stay where they are: moving a few
/// hundred bytes is cheaper than a second buffer, and the head stays in one piece with the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Ranges to remove, in ascending order, apart from each other; those from `count` on are unused.
    cuts: [(u32, u32); EDIT_CUTS_MAX],
    count: usize,
    /// The status line says HTTP/1.0, ours says HTTP/1.1.
    raise_version: bool,
}

impl Edit {
    /// The edit that removes the lines in `cut`; `None` if they lie in too many places.
    pub(super) fn plan(lines: &Lines<'_>, cut: LineSet, raise_version: bool) -> Option<Edit> {
        let mut edit = Edit { cuts: [(0, 0); EDIT_CUTS_MAX], count: 0, raise_version };
        for line in cut.iter() {
            let (start, end) = (lines.start(line) as u32, lines.start(line + 1) as u32);
            match edit.cuts[..edit.count].last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => {
                    *edit.cuts.get_mut(edit.count)? = (start, end);
                    edit.count += 1;
                }
            }
        }
        Some(edit)
    }

    /// Carries it out on the buffer the head was parsed from. Returns where the head starts now; what is before is waste.
    #[inline]
    #[must_use]
    pub fn apply(&self, buf: &mut [u8]) -> usize {
        if self.raise_version {
            buf[b"HTTP/1.".len()] = b'1';
        }
        let mut start = 0;
        for at in (0..self.count).rev() {
            let (cut_start, cut_end) = self.cuts[at];
            let kept_from = if at == 0 { 0 } else { self.cuts[at - 1].1 };
            if at + 1 == self.count {
                start = cut_end as usize;
            }
            start -= (cut_start - kept_from) as usize;
            buf.copy_within(kept_from as usize..cut_start as usize, start);
        }
        start
    }
}
