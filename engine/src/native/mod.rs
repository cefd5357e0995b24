//! The native engine: the bookkeeping over the kernel's io_uring.

mod buffers;
mod calls;
mod fixed;
mod ring;
mod start;
pub mod thread;

pub use ring::KernelRing;
pub use start::{StartError, probe, run};

/// The native engine. The only one for production.
pub type Native = crate::uring::Uring<KernelRing>;
