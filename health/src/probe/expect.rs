//! What a check expects of an answer, whatever protocol carries it.

use std::sync::Arc;

use ringway_core::Statuses;
use ringway_core::config::HealthCheck;

use super::body::Search;
use super::reason::Reason;

/// Status and body that say that a backend is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expect {
    statuses: Statuses,
    body: Option<Arc<str>>,
    is_head_method: bool,
}

/// What the head of an answer leads to.
pub(super) enum Head {
    /// The status alone decides.
    Decided(Result<(), Reason>),
    /// The body decides.
    Body(Search),
}

impl Expect {
    pub(super) fn new(check: &HealthCheck) -> Expect {
        let body = check.body.clone().filter(|text| !text.is_empty());
        Expect { statuses: check.statuses, body, is_head_method: &*check.method == "HEAD" }
    }

    /// What the head of the final answer says.
    pub(super) fn head(&self, status: u16) -> Head {
        if !self.statuses.contains(status) {
            return Head::Decided(Err(Reason::Status { status, accepted: self.statuses }));
        }
        match &self.body {
            None => Head::Decided(Ok(())),
            // RFC 9110 section 6.4.1: these have no body, whatever their fields say.
            Some(text) if self.is_head_method || matches!(status, 101 | 204 | 304) => {
                Head::Decided(Err(Reason::Body(Arc::clone(text))))
            }
            Some(text) => Head::Body(Search::new(text)),
        }
    }
}
