//! End to end: the real binary between real clients and real origins, over real sockets.
//!
//! `RINGWAY_E2E_BYTES` sets the size of the large bodies, 256 MiB where it is not set; `RINGWAY_E2E_PIPELINED` the number of
//! pipelined requests, 20,000 where it is not set.

mod answers;
mod attacks;
mod audit;
mod backends;
mod balance;
mod bodies;
mod command_line;
mod common;
mod control;
mod deadlines;
mod events;
mod fairness;
mod forwarding;
mod hashing;
mod health;
mod idle;
mod kernel;
mod kill;
mod limits;
mod limits_of_backends;
mod messages;
mod mutation_rate;
mod pool;
mod proxy_protocol;
mod rates;
mod refusals;
mod rewriting;
mod robustness;
mod routing;
mod shutdown;
mod state;
mod sticky;
mod supervision;
mod tcp;
mod timeouts;
mod unix;
mod untouched;
mod upgrades;
mod verbs;
