//! Ringway's vocabulary: what every other crate shares. Pure: no I/O, no clock, no entropy.
#![forbid(unsafe_code)]

pub mod config;
pub mod ids;
pub mod time;

pub use config::{Config, ConfigErrors, Problem};
pub use ids::{BackendId, ClusterId, IdError, ListenerName};
pub use time::Time;
