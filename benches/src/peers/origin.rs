//! The origin: what answers behind every peer, the same one for all of a run.

use std::path::PathBuf;

use crate::binaries::{self, Target};
use crate::cli::{Options, OriginKind};
use crate::error::Error;
use crate::group::Group;
use crate::peer::nginx_arguments;
use crate::plan::Plan;
use crate::template::fill;

const NGINX: &str = include_str!("../../peers/nginx-origin.conf");
/// nginx refuses a configuration word longer than its 4 KiB buffer; from half of it on the answer is a file.
const IN_CONFIGURATION_BYTES_MAX: usize = 2048;

/// A running origin that answers.
#[derive(Debug)]
pub(crate) struct Origin {
    /// What it is, with its version.
    pub(crate) version: String,
    /// Its processes.
    pub(crate) group: Group,
}

/// Starts the origin on the plan's port and waits until it answers.
pub(crate) fn start(options: &Options, plan: &Plan) -> Result<Origin, Error> {
    let (program, version, arguments) = match options.origin {
        OriginKind::Ringway => ours(options, plan)?,
        OriginKind::Nginx => nginx(plan)?,
    };
    let mut group = Group::start("origin", plan.origin_core, plan.dir.path(), &program, &arguments)?;
    group.wait_until_ready(plan.origin_port, plan.expected())?;
    Ok(Origin { version, group })
}

type Launch = (PathBuf, String, Vec<String>);

fn ours(options: &Options, plan: &Plan) -> Result<Launch, Error> {
    let program = match &options.loadtest {
        Some(path) => binaries::given(path)?,
        None => binaries::ours("ringway-loadtest", Target::Binary("ringway-loadtest"), !options.no_build)?,
    };
    let mut version = binaries::version(&program, "--version");
    if options.loadtest.is_none() {
        version = format!("{version} ({})", binaries::commit());
    }
    let listen = format!("127.0.0.1:{}", plan.origin_port);
    let arguments =
        ["origin".to_owned(), "--listen".into(), listen, "--size".into(), plan.body_bytes.to_string()];
    Ok((program, version, arguments.into()))
}

fn nginx(plan: &Plan) -> Result<Launch, Error> {
    let program = binaries::installed("nginx", "nginx")?;
    let version = binaries::version(&program, "-v");
    let dir = plan.dir.path().display().to_string();
    let body = "x".repeat(plan.body_bytes);
    let answer = if body.len() <= IN_CONFIGURATION_BYTES_MAX {
        format!("return 200 \"{body}\";")
    } else {
        plan.dir.write("answer", body.as_bytes())?;
        format!("root {dir}; try_files /answer =404;")
    };
    let (port, sockets) = (plan.origin_port.to_string(), plan.max_sockets().to_string());
    let values = [("DIR", dir.as_str()), ("PORT", &port), ("SOCKETS", &sockets), ("ANSWER", &answer)];
    let text =
        fill(NGINX, &values).map_err(|source| Error::Template { file: "nginx-origin.conf", source })?;
    let file = plan.dir.write("nginx-origin.conf", text.as_bytes())?;
    Ok((program, version, nginx_arguments(&dir, file.display().to_string())))
}
