//! Two-state values that report only their flips: availability and fail-open.

/// Whether a cluster has a backend that is not down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Availability {
    /// At least one backend is available, or there are none at all.
    #[default]
    Available,
    /// There are backends and every one of them is down.
    AllDown,
}

/// A change of a cluster's [`Availability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flip {
    /// The last available backend went down or was removed.
    AllDown,
    /// The first backend is available again, or the last one that was down was removed.
    Recovered,
}

impl Availability {
    /// Moves to `next`; tells the flip if that is a change.
    pub(crate) fn set(&mut self, next: Availability) -> Option<Flip> {
        if *self == next {
            return None;
        }
        *self = next;
        Some(match next {
            Availability::AllDown => Flip::AllDown,
            Availability::Available => Flip::Recovered,
        })
    }
}

/// A change of a cluster's fail-open state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOpenFlip {
    /// No backend could open, and a request was sent to one all the same.
    Entered,
    /// A backend that can open has not failed since its last success, and got a request or would get one.
    Left,
}

/// Whether the last selection had to fail open, and what of that the caller was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FailOpenLatch {
    entered: bool,
    told: bool,
}

impl FailOpenLatch {
    pub(crate) fn set(&mut self, entered: bool) {
        self.entered = entered;
    }

    pub(crate) fn is_entered(self) -> bool {
        self.entered
    }

    pub(crate) fn take_flip(&mut self) -> Option<FailOpenFlip> {
        if self.entered == self.told {
            return None;
        }
        self.told = self.entered;
        Some(if self.entered { FailOpenFlip::Entered } else { FailOpenFlip::Left })
    }
}
