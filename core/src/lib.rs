//! Ringway's vocabulary: what every other crate shares. Pure: no I/O, no clock, no entropy.
#![forbid(unsafe_code)]

pub mod address;
pub mod change;
pub mod config;
pub mod event;
pub mod ids;
pub mod pattern;
pub mod state;
pub mod statuses;
pub mod time;
pub mod verb;

pub use address::{Address, AddressError};
pub use change::Change;
pub use config::{Config, ConfigErrors, Problem};
pub use event::{Event, EventKind, Record};
pub use ids::{BackendId, ClusterId, IdError, ListenerName};
pub use pattern::{Pattern, PatternError};
pub use state::{Applied, ConfigState, Mutation, Touched};
pub use statuses::{Statuses, StatusesError};
pub use time::Time;
pub use verb::{Actor, Answer, ErrorCode, Verb, VerbError};
