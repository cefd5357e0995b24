//! The two ends of a test of a proxy: an [`origin`] that answers and a [`load`] that asks, both on the Ringway engine.
//!
//! Both are generic over the engine, so they run on real sockets as well as on the simulated host, in virtual time.
#![forbid(unsafe_code)]

mod limits;
pub mod load;
pub mod origin;
pub mod pattern;
pub mod stop;
pub mod thread;
pub mod units;
mod wire;
