//! The conformance suite: what every engine behind the seam must do, one scenario a test, each run on every engine.
//!
//! A scenario is `async fn scenario<H: Harness>(h: H) -> Outcome`; [`scenarios!`] makes a test of it for each engine,
//! called `subject::scenario::engine`. The harness checks in one place that nothing is left behind (`books.rs`).
//!
//! On the simulated engine each scenario runs over many seeds. A failing one is printed with the command that replays
//! it; `RINGWAY_SIM_SEEDS=1000` runs so many a scenario instead of the usual handful.

#[macro_use]
mod harness;
mod books;
mod native;
mod pattern;
mod sim;
mod talk;
mod tasks;

mod accept;
mod buffers;
mod chunks;
mod connect;
mod deadlines;
mod drops;
mod echo;
mod ending;
mod half_close;
mod hand_over;
mod idle;
mod listener;
mod misuse;
mod modes;
mod pending;
mod queues;
mod slow;
mod spawn;
mod splice;
mod timers;
mod unix;
mod wake;
