//! The peers: where each comes from, how it is configured, how it is started.

use std::path::{Path, PathBuf};

use crate::binaries::{self, Target};
use crate::cli::{Kind, Options};
use crate::error::Error;
use crate::group::Group;
use crate::plan::Plan;
use crate::template::fill;
use crate::wrk::HOST;

const HAPROXY: &str = include_str!("../../peers/haproxy.cfg");
const NGINX: &str = include_str!("../../peers/nginx.conf");
const SOZU: &str = include_str!("../../peers/sozu.toml");

/// The length from which HAProxy is let splice: below, a copy is cheaper than two system calls and a pipe.
const SPLICE_FROM_BYTES: usize = 64 << 10;
/// The relay takes one received piece for a whole answer, which holds for answers that fit its smallest buffer.
const RELAY_BODY_BYTES_MAX: usize = 1024;

/// A running peer that answers.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Which one.
    pub(crate) kind: Kind,
    /// What it says about its version.
    pub(crate) version: String,
    /// Where it listens.
    pub(crate) port: u16,
    /// Its processes.
    pub(crate) group: Group,
}

/// Why a peer is not in the table although it could have been.
#[derive(Debug)]
pub(crate) struct Skipped {
    /// Which one.
    pub(crate) kind: Kind,
    /// In words, with the remedy where there is one.
    pub(crate) reason: String,
}

/// Starts a peer in front of the origin and waits until it answers; `None` when nobody asked for it.
pub(crate) fn start(kind: Kind, options: &Options, plan: &Plan) -> Result<Option<Peer>, Skipped> {
    let is_unasked =
        (kind == Kind::Relay && !options.relay) || (kind == Kind::Before && options.before.is_none());
    if options.skip.contains(&kind) || is_unasked {
        return Ok(None);
    }
    if kind == Kind::Sozu && options.sozu.is_none() {
        let reason = "no package in Debian; build it (`cargo install sozu`) and give its path with `--sozu`";
        return Err(Skipped { kind, reason: reason.to_owned() });
    }
    if kind == Kind::Relay && plan.body_bytes > RELAY_BODY_BYTES_MAX {
        let reason = format!("it passes on answers of up to {RELAY_BODY_BYTES_MAX} bytes only");
        return Err(Skipped { kind, reason });
    }
    launch(kind, options, plan).map(Some).map_err(|error| Skipped { kind, reason: error.to_string() })
}

fn launch(kind: Kind, options: &Options, plan: &Plan) -> Result<Peer, Error> {
    let program = program(kind, options)?;
    let version = version(kind, &program, options);
    let port = crate::ports::free()?;
    let arguments = arguments(kind, plan, port)?;
    let mut group = Group::start(kind.name(), plan.proxy_core, plan.dir.path(), &program, &arguments)?;
    group.wait_until_ready(port, plan.expected())?;
    Ok(Peer { kind, version, port, group })
}

fn program(kind: Kind, options: &Options) -> Result<PathBuf, Error> {
    match (kind, &options.ringway, &options.sozu) {
        (Kind::Ringway, Some(path), _) | (Kind::Sozu, _, Some(path)) => binaries::given(path),
        (Kind::Ringway, None, _) => binaries::ours("ringway", Target::Binary("ringway"), !options.no_build),
        (Kind::Relay, ..) => binaries::ours("ringway-engine", Target::Example("relay"), !options.no_build),
        (Kind::Haproxy, ..) => binaries::installed("haproxy", "haproxy"),
        (Kind::Nginx, ..) => binaries::installed("nginx", "nginx"),
        (Kind::Sozu, _, None) => binaries::given(Path::new("sozu")),
        (Kind::Before, ..) => binaries::given(options.before.as_deref().unwrap_or(Path::new("ringway"))),
    }
}

fn version(kind: Kind, program: &Path, options: &Options) -> String {
    match kind {
        // The tree's commit says nothing about a program from elsewhere.
        Kind::Ringway if options.ringway.is_some() => binaries::version(program, "--version"),
        Kind::Ringway => format!("{} ({})", binaries::version(program, "--version"), binaries::commit()),
        Kind::Relay => format!("example of ringway-engine ({})", binaries::commit()),
        Kind::Haproxy | Kind::Nginx => binaries::version(program, "-v"),
        Kind::Sozu | Kind::Before => binaries::version(program, "--version"),
    }
}

/// The arguments after the program's name; writes the configuration file that they name.
fn arguments(kind: Kind, plan: &Plan, port: u16) -> Result<Vec<String>, Error> {
    let listen = format!("127.0.0.1:{port}");
    let origin = format!("127.0.0.1:{}", plan.origin_port);
    let (ports, origin_port) = (port.to_string(), plan.origin_port.to_string());
    let (clients, sockets) = (plan.max_clients().to_string(), plan.max_sockets().to_string());
    let dir = plan.dir.path().display().to_string();
    let common =
        [("PORT", ports.as_str()), ("ORIGIN", origin_port.as_str()), ("MAX_CLIENTS", clients.as_str())];
    let write = |file: &'static str, template: &str, own: &[(&str, &str)]| {
        let values = [&common[..], own].concat();
        let text = fill(template, &values).map_err(|source| Error::Template { file, source })?;
        Ok::<String, Error>(plan.dir.write(file, text.as_bytes())?.display().to_string())
    };
    let arguments = match kind {
        Kind::Ringway | Kind::Before => {
            vec![
                "start".into(),
                "--listen".into(),
                listen,
                "--to".into(),
                origin,
                "--shards".into(),
                "1".into(),
            ]
        }
        Kind::Relay => vec![listen, origin],
        Kind::Haproxy => {
            let splice = if plan.body_bytes >= SPLICE_FROM_BYTES { "option splice-auto" } else { "" };
            let file = write("haproxy.cfg", HAPROXY, &[("SPLICE", splice)])?;
            vec!["-db".into(), "-f".into(), file]
        }
        Kind::Nginx => {
            let file = write("nginx.conf", NGINX, &[("DIR", &dir), ("SOCKETS", &sockets)])?;
            nginx_arguments(&dir, file)
        }
        Kind::Sozu => {
            let file = write("sozu.toml", SOZU, &[("DIR", &dir), ("SOCKETS", &sockets), ("HOST", HOST)])?;
            vec!["start".into(), "-c".into(), file]
        }
    };
    Ok(arguments)
}

/// Arguments that keep nginx away from the system's own folders.
pub(crate) fn nginx_arguments(dir: &str, file: String) -> Vec<String> {
    vec!["-p".into(), dir.to_owned(), "-e".into(), "stderr".into(), "-c".into(), file]
}
