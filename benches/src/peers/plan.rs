//! What stays the same for all peers of a run.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::Options;
use crate::error::Error;
use crate::probe::Expected;
use crate::scratch::Scratch;

/// Sockets beyond the clients' own and their upstream halves: listeners, health, pipes, spare ones.
const SPARE_FILES: u64 = 512;

/// The conditions that every peer is measured under.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where configuration files and logs go.
    pub(crate) dir: Scratch,
    /// Where the origin listens.
    pub(crate) origin_port: u16,
    /// Client connections.
    pub(crate) connections: u32,
    /// Length of each answer's body.
    pub(crate) body_bytes: usize,
    /// Whether each request has a connection of its own.
    pub(crate) close: bool,
    /// The core of the measured proxy.
    pub(crate) proxy_core: usize,
    /// The core of the load generator.
    pub(crate) load_core: usize,
    /// The core of the origin.
    pub(crate) origin_core: usize,
}

impl Plan {
    /// Fixes the conditions and raises the limit on open files, which every child inherits.
    pub(crate) fn new(options: &Options, origin_port: u16) -> Result<Plan, Error> {
        let origin_core = options.origin_core.unwrap_or(options.load_core);
        if [options.load_core, origin_core].contains(&options.proxy_core) {
            return Err(Error::SameCore { core: options.proxy_core });
        }
        let plan = Plan {
            dir: Scratch::new("peers")?,
            origin_port,
            connections: options.connections,
            body_bytes: options.body.unwrap_or(options.work.body_bytes()),
            close: options.close,
            proxy_core: options.proxy_core,
            load_core: options.load_core,
            origin_core,
        };
        plan.raise_open_files()?;
        Ok(plan)
    }

    /// What a correct answer looks like.
    pub(crate) fn expected(&self) -> Expected {
        Expected { body_bytes: self.body_bytes, close: self.close }
    }

    /// Client connections that a proxy is configured for: twice the load's, for those that are being closed.
    pub(crate) fn max_clients(&self) -> u32 {
        self.connections * 2 + 64
    }

    /// Sockets of both sides that a proxy is configured for.
    pub(crate) fn max_sockets(&self) -> u32 {
        self.max_clients() * 2 + 128
    }

    fn raise_open_files(&self) -> Result<(), Error> {
        let limit = getrlimit(Resource::Nofile);
        let needed = u64::from(self.max_sockets()) + SPARE_FILES;
        if let Some(hard) = limit.maximum.filter(|hard| *hard < needed) {
            return Err(Error::TooFewFiles { connections: self.connections, needed, limit: hard });
        }
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).map_err(|error| Error::Io {
            what: "cannot raise the limit on open files".into(),
            source: error.into(),
        })
    }
}
