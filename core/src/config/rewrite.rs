//! What is changed in a request before a backend gets it, and in its answer before the client does.

use std::sync::Arc;

/// Changes to requests and their answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewrite {
    /// Of the request's fields.
    pub request_headers: HeaderEdits,
    /// Of the answer's fields.
    pub response_headers: HeaderEdits,
    /// What takes the place of the matched path prefix; starts with `/`. `/` strips the prefix. Only where the match is by
    /// prefix.
    pub replace_prefix: Option<Arc<str>>,
    /// The host that the backend is asked for, with or without port.
    pub host: Option<Arc<str>>,
}

/// Changes to the fields of a message, carried out in the order of the members.
///
/// Names are tokens, values hold no control bytes (RFC 9110 section 5), and none of the names governs framing, connections
/// or what Ringway itself adds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderEdits {
    /// Every field of these names goes; in lower case.
    pub remove: Vec<Arc<str>>,
    /// Every field of the name goes, and one with this value comes.
    pub set: Vec<(Arc<str>, Arc<str>)>,
    /// One more field comes.
    pub append: Vec<(Arc<str>, Arc<str>)>,
}

impl HeaderEdits {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.append.is_empty()
    }
}
