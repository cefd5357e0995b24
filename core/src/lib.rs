//! Ringway's vocabulary: what every other crate shares. Pure: no I/O, no clock, no entropy.
#![forbid(unsafe_code)]

pub mod address;
pub mod config;
pub mod ids;
pub mod pattern;
pub mod time;

pub use address::{Address, AddressError};
pub use config::{Config, ConfigErrors, Problem};
pub use ids::{BackendId, ClusterId, IdError, ListenerName};
pub use pattern::{Pattern, PatternError};
pub use time::Time;
