//! From the text of a file to a configuration, or to everything that is wrong with it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use toml::de::DeTable;

use super::check::{Seen, SeenFrontend};
use super::defaults::PATH_PREFIX_BYTES_MAX;
use super::problem::{At, Problem, Problems, Refusal, quoted};
use super::table::{Table, root};
use super::{
    Backend, Cluster, Config, Daemon, Frontend, Hostname, HostnameError, Limits, Listener, LogLevel, Policy,
    Protocol, Timeouts,
};
use crate::ids::{BackendId, ClusterId, IdError, ListenerName};

pub(super) fn read(content: &[u8]) -> Result<Config, Vec<Problem>> {
    let text = text(content)?;
    let mut problems = Problems::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = nowhere(error.span().map_or(0, |span| span.start));
            problems.add(&at, Refusal::new(format!("not valid TOML: {}", error.message())));
            return Err(problems.into_result().expect_err("one was just added"));
        }
    };
    let root = root(&document, &mut problems);
    let mut seen = Seen::default();
    let daemon = root.table("daemon", &mut problems).map(|table| daemon(&table, &mut problems));
    let listeners = root.tables("listeners", &mut problems);
    let listeners = listeners.iter().filter_map(|table| listener(table, &mut seen, &mut problems)).collect();
    let clusters = root.named("clusters", &mut problems);
    let clusters =
        clusters.iter().filter_map(|(name, table)| cluster(name, table, &mut seen, &mut problems)).collect();
    seen.check(&mut problems);
    problems.into_result()?;
    Ok(Config { daemon: daemon.unwrap_or_default(), listeners, clusters })
}

fn text(content: &[u8]) -> Result<&str, Vec<Problem>> {
    std::str::from_utf8(content).map_err(|error| {
        let valid = String::from_utf8_lossy(&content[..error.valid_up_to()]);
        let mut problems = Problems::new(&valid);
        let refusal = Refusal::new("not valid TOML: the file is not UTF-8").hint("save it as UTF-8");
        problems.add(&nowhere(valid.len()), refusal);
        problems.into_result().expect_err("one was just added")
    })
}

/// A place in a text that has no keys.
fn nowhere(offset: usize) -> At {
    At { offset, path: String::new() }
}

fn daemon(table: &Table<'_>, problems: &mut Problems<'_>) -> Daemon {
    let shards = table.optional_integer("shards", problems);
    Daemon {
        shards: shards.and_then(std::num::NonZero::new),
        drain_timeout: table.duration("drain_timeout", problems),
        log_level: table.word("log_level", problems, LogLevel::from_word),
        max_connections_per_shard: table.integer("max_connections_per_shard", problems),
    }
}

fn listener(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Listener> {
    let name = table.text("name", problems, ListenerName::parse);
    let address = table.text("address", problems, address);
    let protocol = table.word("protocol", problems, Protocol::from_word);
    let timeouts = table.table("timeouts", problems).map(|table| timeouts(&table, problems));
    let limits = table.table("limits", problems).map(|table| limits(&table, problems));
    match name.clone() {
        Some(named) => seen.listeners.push(named),
        None => seen.has_unnamed_listener = true,
    }
    seen.addresses.extend(address.clone());
    Some(Listener {
        name: name?.0,
        address: address?.0,
        protocol,
        timeouts: timeouts.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
    })
}

fn timeouts(table: &Table<'_>, problems: &mut Problems<'_>) -> Timeouts {
    Timeouts {
        head: table.duration("head", problems),
        idle: table.duration("idle", problems),
        body: table.duration("body", problems),
        connect: table.duration("connect", problems),
        response: table.duration("response", problems),
        response_body: table.duration("response_body", problems),
        send: table.duration("send", problems),
    }
}

fn limits(table: &Table<'_>, problems: &mut Problems<'_>) -> Limits {
    Limits {
        head_bytes: table.size("head_bytes", problems),
        headers: table.integer("headers", problems),
        uri_bytes: table.size("uri_bytes", problems),
    }
}

fn cluster(name: &str, table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Cluster> {
    let id = ClusterId::parse(name).map_err(|error| problems.add(&table.at, error.into())).ok();
    let load_balancing = table.word("load_balancing", problems, Policy::from_word);
    let retries = table.integer("retries", problems);
    let pool_idle_max = table.integer("pool_idle_max", problems);
    let pool_idle_timeout = table.duration("pool_idle_timeout", problems);
    let frontends = table.tables("frontends", problems);
    let frontends = frontends.iter().filter_map(|table| frontend(table, seen, problems)).collect();
    let backends = table.tables("backends", problems);
    let mut ids = BTreeSet::new();
    let backends = backends.iter().filter_map(|table| backend(table, &mut ids, problems)).collect();
    Some(Cluster { id: id?, load_balancing, retries, pool_idle_max, pool_idle_timeout, frontends, backends })
}

fn frontend(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Frontend> {
    let listeners = table.texts("listeners", problems, ListenerName::parse);
    let hostname = table.text("hostname", problems, Hostname::parse).map(|(hostname, _)| hostname);
    let path_prefix = table.text("path_prefix", problems, path_prefix).map(|(path, _)| path);
    let frontend = Frontend {
        listeners: listeners.iter().map(|(name, _)| name.clone()).collect(),
        hostname: hostname?,
        path_prefix: path_prefix?,
    };
    seen.frontends.push(SeenFrontend { frontend: frontend.clone(), listeners, at: table.at.clone() });
    Some(frontend)
}

fn backend(table: &Table<'_>, ids: &mut BTreeSet<BackendId>, problems: &mut Problems<'_>) -> Option<Backend> {
    let id = table.text("id", problems, BackendId::parse);
    let address = table.text("address", problems, backend_address);
    let weight = table.integer("weight", problems);
    let backup = table.boolean("backup", problems);
    let (address, at_address) = address?;
    let (id, at) = match id {
        Some(given) => given,
        None if table.has("id") => return None,
        None => (BackendId::from(address), at_address),
    };
    if !ids.insert(id.clone()) {
        let refusal = Refusal::new(format!("another backend of the cluster is already named \"{id}\""));
        problems.add(&at, refusal.hint("give each backend an `id` of its own, or remove one"));
    }
    Some(Backend { id, address, weight, backup })
}

fn address(text: &str) -> Result<SocketAddr, Refusal> {
    text.parse().map_err(|_| {
        let refusal = Refusal::new(format!("{} is not an address with its port", quoted(text)));
        let port = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        match (text.parse::<IpAddr>(), port) {
            (Ok(ip), _) => refusal.hint(format!("add the port: \"{}\"", SocketAddr::new(ip, 8080))),
            (_, Some(("" | "*", port))) => {
                refusal.hint(format!("for every address write \"0.0.0.0:{port}\""))
            }
            (_, Some(_)) => refusal.hint("host names are not looked up: write the IP address"),
            _ => refusal.hint("write IP:port, as in \"127.0.0.1:8080\" or \"[::1]:8080\""),
        }
    })
}

fn backend_address(text: &str) -> Result<SocketAddr, Refusal> {
    match address(text)? {
        address if address.port() == 0 => Err(Refusal::new("nobody listens on port 0")),
        address => Ok(address),
    }
}

fn path_prefix(text: &str) -> Result<String, Refusal> {
    if !text.starts_with('/') {
        let refusal = Refusal::new(format!("{} does not start with /", quoted(text)));
        return Err(refusal.hint("a path starts with /, as in \"/api\""));
    }
    if text.len() > PATH_PREFIX_BYTES_MAX {
        let bytes = text.len();
        return Err(Refusal::new(format!("{bytes} bytes are too long, at most {PATH_PREFIX_BYTES_MAX}")));
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#')) {
        let refusal = Refusal::new(format!("no path of a request has {c:?}"));
        return Err(refusal.hint("write the path as it is on the wire: percent-encoded, without query"));
    }
    Ok(text.to_owned())
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Refusal {
        Refusal::new(error.to_string())
    }
}

impl From<HostnameError> for Refusal {
    fn from(error: HostnameError) -> Refusal {
        let refusal = Refusal::new(error.to_string());
        match error.remedy() {
            Some(remedy) => refusal.hint(remedy),
            None => refusal,
        }
    }
}
