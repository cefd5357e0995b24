//! Command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures Ringway side by side with HAProxy, nginx and Sozu: CPU per request, each proxy alone on one core.
///
/// Interleaved rounds, median and spread, as a Markdown table on standard output. CPU per request is the figure to trust;
/// a rate on loopback is bounded by the load generator's and the origin's core too, and a latency at full load says nothing.
#[derive(Debug, Parser)]
#[command(name = "peers", max_term_width = 110)]
pub(crate) struct Options {
    /// What the load looks like.
    #[arg(long, value_enum, default_value_t = Work::Small)]
    pub(crate) work: Work,
    /// Client connections, each with one request in flight.
    #[arg(short = 'c', long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,
    /// Length of each answer's body; the work's own unless given.
    #[arg(long, value_name = "BYTES")]
    pub(crate) body: Option<usize>,
    /// A new connection for each request.
    #[arg(long)]
    pub(crate) close: bool,
    /// Length of a round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// Measured rounds; one more before them warms up.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Peers to leave out.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) skip: Vec<Kind>,
    /// Another build of Ringway, such as the one before a change: shows in the same run what the change costs.
    #[arg(long, value_name = "PATH")]
    pub(crate) before: Option<PathBuf>,
    /// Sozu's program; without it Sozu is left out.
    #[arg(long, value_name = "PATH")]
    pub(crate) sozu: Option<PathBuf>,
    /// Adds the engine's bare relay: the floor under a proxy on this engine.
    #[arg(long)]
    pub(crate) relay: bool,
    /// What answers behind every peer.
    #[arg(long, value_enum, default_value_t = OriginKind::Ringway)]
    pub(crate) origin: OriginKind,
    /// Another `ringway` than the one built from this tree.
    #[arg(long, value_name = "PATH")]
    pub(crate) ringway: Option<PathBuf>,
    /// Another `ringway-loadtest` (the origin) than the one built from this tree.
    #[arg(long, value_name = "PATH")]
    pub(crate) loadtest: Option<PathBuf>,
    /// Takes Ringway's programs as they lie in the target folder, without building them first.
    #[arg(long)]
    pub(crate) no_build: bool,
    /// The core that the measured proxy runs on.
    #[arg(long, value_name = "CORE", default_value_t = 0)]
    pub(crate) proxy_core: usize,
    /// The core of the origin, where there is a third one to spare; it shares the load generator's unless given.
    #[arg(long, value_name = "CORE")]
    pub(crate) origin_core: Option<usize>,
    /// The core of the load generator.
    #[arg(long, value_name = "CORE", default_value_t = 1)]
    pub(crate) load_core: usize,
    /// Also writes every round to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Small GET requests and answers: the cost of handling a request, not of moving its bytes.
    Small,
}

impl Work {
    /// Length of an answer's body.
    pub(crate) fn body_bytes(self) -> usize {
        match self {
            Work::Small => 128,
        }
    }
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Ours.
    Ringway,
    /// HAProxy, from Debian's package.
    Haproxy,
    /// nginx, from Debian's package.
    Nginx,
    /// Sozu, from a path.
    Sozu,
    /// The engine's example that only passes bytes on.
    Relay,
    /// Another build of Ringway, from a path.
    Before,
}

impl Kind {
    /// All of them, in the table's order.
    pub(crate) const ALL: [Kind; 6] =
        [Kind::Ringway, Kind::Haproxy, Kind::Nginx, Kind::Sozu, Kind::Relay, Kind::Before];

    /// The name in tables, messages and file names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ringway => "ringway",
            Kind::Haproxy => "haproxy",
            Kind::Nginx => "nginx",
            Kind::Sozu => "sozu",
            Kind::Relay => "relay",
            Kind::Before => "before",
        }
    }
}

/// What answers behind the peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OriginKind {
    /// `ringway-loadtest origin`.
    Ringway,
    /// nginx with a fixed answer.
    Nginx,
}
