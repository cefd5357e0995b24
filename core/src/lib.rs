//! Ringway's vocabulary: what every other crate shares. Pure: no I/O, no clock, no entropy.
#![forbid(unsafe_code)]

pub mod address;
pub mod config;
pub mod event;
pub mod ids;
pub mod pattern;
pub mod statuses;
pub mod time;

pub use address::{Address, AddressError};
pub use config::{Config, ConfigErrors, Problem};
pub use event::{Event, EventKind};
pub use ids::{BackendId, ClusterId, IdError, ListenerName};
pub use pattern::{Pattern, PatternError};
pub use statuses::{Statuses, StatusesError};
pub use time::Time;
