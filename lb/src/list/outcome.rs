//! What changes to a list report back.

use ringway_core::BackendId;

use crate::backend::BackendKey;
use crate::latch::Flip;
use crate::retry::{FailureOutcome, SuccessOutcome};

/// What adding a backend did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Added {
    /// Names the backend from now on.
    pub key: BackendKey,
    /// False if it was there already and only its settings were updated.
    pub is_new: bool,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What removing an address did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Removed {
    /// The backends that listened there, closing from now on.
    pub ids: Vec<BackendId>,
    /// Those among them that had nothing open and are gone already.
    pub drained: Vec<BackendId>,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What ending a connection or a request did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a drained backend is told once"]
pub enum Released {
    /// Nothing else: the backend stays, or was gone before.
    Kept,
    /// It was the last one of a removed backend, which is gone now.
    Drained(BackendId),
}

/// What a failure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Failed {
    /// To the backend.
    pub outcome: FailureOutcome,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What a success did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Succeeded {
    /// To the backend.
    pub outcome: SuccessOutcome,
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}

/// What a decision about a backend did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a flip is told once"]
pub struct Changed {
    /// Whether the cluster's availability flipped.
    pub flip: Option<Flip>,
}
