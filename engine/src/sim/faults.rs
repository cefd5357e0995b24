//! What a simulated kernel does wrong, and how often.
//!
//! Each fault is something a real kernel or network may do, so that code which fails under it is wrong, not unlucky.

use std::fmt;

use super::dice::Dice;

/// One thing that may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A send ends before all its bytes are taken.
    ShortSend,
    /// A receive gives one byte although there are more.
    TinyRecv,
    /// A receive says that its buffer group is empty when it is not (any more).
    NoBuffers,
    /// A cancelled operation delivers what it was waiting for, with its end or before it.
    CancelWithData,
    /// A cancelled operation's end comes before the cancel's own completion instead of after it.
    CancelFirst,
    /// An operation is not looked at for up to [`LATE_MAX_NS`](super::settings::LATE_MAX_NS): its completion may
    /// come long after its descriptor was closed.
    Late,
    /// A multishot operation ends with a good result.
    MultishotEnds,
    /// `accept` and `socket` find no descriptor left.
    NoDescriptors,
    /// Both ends of a connection are reset, each at its own time; what is under way is lost.
    Reset,
    /// Only some of the work that is due is done in this turn.
    PartialBatch,
    /// A wait ends with nothing.
    SpuriousWake,
    /// A splice moves fewer bytes than it could.
    ShortSplice,
    /// A splice says that it would have to wait although it would not (any more).
    SpliceAgain,
    /// There is no pipe to be had.
    NoPipe,
    /// A pipe has room for a page only: the user has as much in pipes as one may have.
    SmallPipe,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 15] = [
        Fault::ShortSend,
        Fault::TinyRecv,
        Fault::NoBuffers,
        Fault::CancelWithData,
        Fault::CancelFirst,
        Fault::Late,
        Fault::MultishotEnds,
        Fault::NoDescriptors,
        Fault::Reset,
        Fault::PartialBatch,
        Fault::SpuriousWake,
        Fault::ShortSplice,
        Fault::SpliceAgain,
        Fault::NoPipe,
        Fault::SmallPipe,
    ];
}

/// How probable each [`Fault`] is, each time it could happen.
#[derive(Clone, Copy, PartialEq)]
pub struct Faults {
    probability: [f32; Fault::ALL.len()],
}

impl Faults {
    /// A well-behaved kernel on a well-behaved network.
    #[must_use]
    pub const fn none() -> Faults {
        Faults { probability: [0.0; Fault::ALL.len()] }
    }

    /// Every fault with the same probability.
    #[must_use]
    pub const fn all(probability: f32) -> Faults {
        Faults { probability: [probability; Fault::ALL.len()] }
    }

    /// A subset of the faults drawn by `seed`, each with its own probability: between 1 in 500 and 1 in 3, and the
    /// one that breaks connections a tenth of that, so that most of them live to meet the other faults.
    #[must_use]
    pub fn random(seed: u64) -> Faults {
        // Not the generator the simulation starts with, or the first decisions of both would be the same.
        let mut dice = Dice::new(seed ^ 0x5bd1_e995_9e37_79b9);
        let mut faults = Faults::none();
        for fault in Fault::ALL {
            if dice.coin() {
                let one_in = dice.between(3, 500) as f32;
                faults = faults.with(fault, if fault == Fault::Reset { 0.1 } else { 1.0 } / one_in);
            }
        }
        faults
    }

    /// The same, but for one fault.
    #[must_use]
    pub const fn with(mut self, fault: Fault, probability: f32) -> Faults {
        self.probability[fault as usize] = probability;
        self
    }

    /// The probability of one fault, 0 to 1.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> f32 {
        self.probability[fault as usize]
    }
}

impl Default for Faults {
    fn default() -> Faults {
        Faults::none()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Fault::ALL.into_iter().filter(|fault| self.of(*fault) > 0.0);
        f.debug_map().entries(set.map(|fault| (fault, self.of(fault)))).finish()
    }
}

/// How often each [`Fault`] has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Injected {
    count: [u64; Fault::ALL.len()],
}

impl Injected {
    /// How often this one has happened.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.count[fault as usize]
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.count[fault as usize] += 1;
    }
}
