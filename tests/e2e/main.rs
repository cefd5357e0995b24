//! End to end: the real binary between real clients and real origins, over real sockets.
//!
//! `RINGWAY_E2E_BYTES` sets the size of the large bodies; 256 MiB where it is not set.

mod backends;
mod bodies;
mod command_line;
mod common;
mod forwarding;
mod idle;
mod kernel;
mod kill;
mod messages;
mod refusals;
mod routing;
mod shutdown;
mod timeouts;
