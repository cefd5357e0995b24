//! The search for a text in a body that comes in pieces.

use std::sync::Arc;

use memchr::memmem;

use super::reason::Reason;
use crate::limits::BODY_BYTES_MAX;

/// What has been searched, and the end of it that the text may begin in.
#[derive(Debug)]
pub(super) struct Search {
    /// Not empty.
    text: Arc<str>,
    /// Shorter than the text between two pieces.
    tail: Vec<u8>,
    searched_bytes: usize,
}

impl Search {
    pub(super) fn new(text: &Arc<str>) -> Search {
        Search { text: Arc::clone(text), tail: Vec::new(), searched_bytes: 0 }
    }

    /// The next piece of the body; tells the verdict once there is one.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<Result<(), Reason>> {
        let bytes = &bytes[..bytes.len().min(BODY_BYTES_MAX - self.searched_bytes)];
        self.searched_bytes += bytes.len();
        self.tail.extend_from_slice(bytes);
        if memmem::find(&self.tail, self.text.as_bytes()).is_some() {
            return Some(Ok(()));
        }
        if self.searched_bytes == BODY_BYTES_MAX {
            return Some(Err(Reason::BodyStart(Arc::clone(&self.text))));
        }
        let over = (self.tail.len() + 1).saturating_sub(self.text.len());
        self.tail.drain(..over);
        None
    }

    /// The body is over and the text was not in it.
    pub(super) fn over(&self) -> Result<(), Reason> {
        Err(Reason::Body(Arc::clone(&self.text)))
    }
}
