//! Completion I/O for one thread: the seam (`Engine`, `Listener`, `Stream`, `Chunk`) and the engines behind it.
//!
//! An engine is one thread's event loop. Everything it hands out is `!Send` and lives on that thread; the only thing
//! that crosses threads is a [`std::task::Waker`]. Two engines exist:
//!
//! * [`native`]: the bookkeeping of [`uring`] over the kernel's io_uring. The one for production.
//! * [`sim`]: the *same bookkeeping* over a simulated kernel: in memory, seeded, with a virtual clock, injecting the
//!   faults a real kernel can produce. A defect in the life cycle of an operation shows as a seed.
//!
//! `unsafe` code stands in this crate only: at the ring, the buffers and their memory.

pub mod buffer;
pub mod counters;
mod exec;
mod heartbeat;
pub mod native;
mod remote;
pub mod seam;
pub mod sim;
mod slab;
pub mod uring;
mod wheel;

pub use buffer::{Buffer, BufferPool};
pub use counters::Counters;
pub use heartbeat::Heartbeat;
pub use seam::{Chunk, Deadline, Engine, Listener, Mode, Out, SpliceError, Spliced, Stream, is_exhaustion};
