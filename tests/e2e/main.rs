//! End to end: the real binary between real clients and real origins, over real sockets.
//!
//! `RINGWAY_E2E_BYTES` sets the size of the large bodies, 256 MiB where it is not set; `RINGWAY_E2E_PIPELINED` the number of
//! pipelined requests, 20,000 where it is not set.

mod answers;
mod attacks;
mod backends;
mod bodies;
mod command_line;
mod common;
mod deadlines;
mod fairness;
mod forwarding;
mod idle;
mod kernel;
mod kill;
mod limits;
mod messages;
mod pool;
mod proxy_protocol;
mod refusals;
mod rewriting;
mod robustness;
mod routing;
mod shutdown;
mod tcp;
mod timeouts;
mod unix;
mod upgrades;
