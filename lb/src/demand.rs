//! What a request asks of the list.

use crate::backend::BackendKey;
use crate::tried::Tried;

/// What selection goes by that is the request's own.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Where it was sent before, in vain.
    pub tried: &'a Tried,
    /// The hash of what its cluster is balanced by; policies that hash choose as at random without it.
    pub hash: Option<u64>,
    /// The backend that its client is kept at.
    pub sticky: Option<BackendKey>,
}

impl Demand<'_> {
    /// The first attempt of a request that goes anywhere.
    #[must_use]
    pub const fn first() -> Demand<'static> {
        Demand { tried: &Tried::NONE, hash: None, sticky: None }
    }
}
