//! The doors: ways in for people and tools. A door translates, and asks the coordinator; it decides nothing.

pub(crate) mod command;
