//! The origin and the load, each against the other, on real sockets and on the simulated host.

mod answers;
mod bodies;
mod client;
mod command_line;
mod lifetime;
mod loads;
mod simulated;
mod stalls;
