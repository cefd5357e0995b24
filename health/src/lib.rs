//! Is a backend alive: how it is asked, when and by whom, and what all that is found out adds up to.
//!
//! Pure: bytes, time and chance come in, decisions go out. A [`Schedule`] says when a backend is probed, [`owner()`] by which
//! shard, a [`Probe`] what is sent to it, a [`Judge`] what its answer means, and a [`Verdict`] how many answers it takes until
//! that is believed. What the shards find out in this way, and what they see their traffic do, comes together on the
//! coordinator's [`Board`], which decides for all of them and tells operators each change once.
//!
//! One module does I/O, `checker`, and for it alone this crate knows `ringway-lb`: [`spawn_health_checker`] checks the backends
//! of a [`LoadBalancer`](ringway_lb::LoadBalancer) in a program that has no shards.
//!
//! A backend starts healthy: a daemon that has just started must not refuse its first requests until the first probes are
//! back.
//!
//! One backend, from its third failed probe to the outage of its cluster:
//!
//! ```
//! use ringway_core::config::{Backend, Cluster, HealthCheck};
//! use ringway_core::{EventKind, Time};
//! use ringway_health::board::{Board, Decision, Member, Output, Signal};
//! use ringway_health::{CheckSettings, Health, Probe, Step, Verdict};
//!
//! let check = HealthCheck::default();
//! let backend = Backend::new("10.0.0.1:80".parse()?);
//! let now = Time::ZERO;
//!
//! // The shard that owns the address:
//! let (probe, settings) = (Probe::new(&check, &backend.address), CheckSettings::from(&check));
//! assert!(probe.request().starts_with(b"GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\n"));
//! let Step::Failed(reason) = probe.judge().feed(b"HTTP/1.1 500 Oh no\r\n\r\n") else { panic!() };
//! assert_eq!(reason.to_string(), "answered 500, accepted are 2xx");
//! let mut verdict = Verdict::new();
//! let flips = [(); 3].map(|()| verdict.probe_failed(&settings, now));
//! assert_eq!(flips, [None, None, Some(Health::Unhealthy)]);
//!
//! // The coordinator:
//! let mut shop = Cluster::new("shop".parse()?, Vec::new(), Vec::new());
//! shop.health_check = Some(check);
//! let mut out = Vec::new();
//! let mut board = Board::new();
//! board.set_cluster(0, &shop, now, &mut out);
//! let member = Member { cluster: 0, backend: 0 };
//! board.add_backend(member, &backend);
//! board.signal(Signal::Probed { member, healthy: false, reason: reason.to_string() }, now, &mut out);
//! let [Output::Event(unhealthy), Output::Decide(decision), Output::Event(all_down)] = &out[..] else { panic!() };
//! assert_eq!(unhealthy.kind, EventKind::HealthCheckUnhealthy);
//! assert_eq!(*decision, Decision::Health { member, healthy: false });
//! assert_eq!(all_down.kind, EventKind::NoAvailableBackends);
//! assert!(board.gauges(0).is_some_and(|gauges| gauges.is_all_down && gauges.available == 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod board;
mod checker;
pub mod limits;
mod owner;
pub mod probe;
mod schedule;
mod settings;
mod verdict;

pub use board::Board;
pub use checker::{Checker, CheckerError, spawn_health_checker, spawn_health_checker_with};
pub use owner::{address_hash, owner};
pub use probe::{Judge, Probe, Reason, Step};
pub use schedule::Schedule;
pub use settings::{CheckError, CheckSettings, INTERVAL_MIN, THRESHOLD_MAX};
pub use verdict::{Health, Verdict};
