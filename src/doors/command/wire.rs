//! The messages of the command socket, byte for byte those of the Sozu 2.3.3 command protocol (protobuf, proto2).
//!
//! Times are whole seconds. Field numbers from 1000 on are Ringway's own; another client skips them, as it skips every number
//! that it does not know. As JSON a message has the names of its fields, and enumerations their numbers.

mod address;
mod backend;
mod certificate;
mod cluster;
mod event;
mod frontend;
mod health_check;
mod list;
mod listener;
mod listener_update;
mod metrics;
mod query;
mod request;
mod response;

pub(crate) use address::*;
pub(crate) use backend::*;
pub(crate) use cluster::*;
pub(crate) use event::*;
pub(crate) use frontend::*;
pub(crate) use health_check::*;
pub(crate) use list::*;
pub(crate) use listener::*;
pub(crate) use listener_update::*;
pub(crate) use query::*;
pub(crate) use request::*;
pub(crate) use response::*;

#[cfg(test)]
mod tests;
