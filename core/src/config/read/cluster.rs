//! `[clusters.NAME]` and the tables in it.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::config::check::Seen;
use crate::config::problem::{Problems, Refusal};
use crate::config::table::Table;
use crate::config::{Backend, Cluster, Frontend, Policy, SendProxy, parse};
use crate::ids::{BackendId, ClusterId};

use super::rule;

pub(super) fn cluster(
    name: &str,
    table: &Table<'_>,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Option<Cluster> {
    let id = ClusterId::parse(name).map_err(|error| problems.add(&table.at, error.into())).ok();
    match id.clone() {
        Some(id) => drop(seen.clusters.insert(id)),
        None => seen.has_unnamed_cluster = true,
    }
    let load_balancing = table.word("load_balancing", problems, Policy::from_word);
    let retries = table.integer("retries", problems);
    let pool_idle_max = table.integer("pool_idle_max", problems);
    let pool_idle_timeout = table.duration("pool_idle_timeout", problems);
    let pool_max_age = table.duration("pool_max_age", problems);
    let pool_max_requests = table.optional_integer("pool_max_requests", problems);
    let send_proxy = table.word("send_proxy", problems, SendProxy::from_word);
    let frontends = table.tables("frontends", problems);
    let frontends = frontends.iter().filter_map(|table| frontend(table, seen, problems)).collect();
    let backends = table.tables("backends", problems);
    let mut ids = BTreeSet::new();
    let backends = backends.iter().filter_map(|table| backend(table, &mut ids, problems)).collect();
    Some(Cluster {
        id: id?,
        load_balancing,
        retries,
        pool_idle_max,
        pool_idle_timeout,
        pool_max_age,
        pool_max_requests,
        send_proxy,
        frontends,
        backends,
    })
}

fn frontend(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Frontend> {
    let rule = rule::rule(table, seen, problems)?;
    Some(Frontend { listeners: rule.listeners, matching: rule.matching, rewrite: rule.rewrite })
}

fn backend(table: &Table<'_>, ids: &mut BTreeSet<BackendId>, problems: &mut Problems<'_>) -> Option<Backend> {
    let id = table.text("id", problems, BackendId::parse);
    let address = table.text("address", problems, parse::backend_address);
    let weight = table.integer("weight", problems);
    let backup = table.boolean("backup", problems);
    let (address, at_address) = address?;
    let (id, at) = match (id, &address) {
        (Some(given), _) => given,
        (None, _) if table.has("id") => return None,
        (None, Address::Ip(address)) => (BackendId::from(*address), at_address),
        (None, Address::Unix(_)) => {
            let refusal =
                Refusal::new("a backend behind a UNIX socket needs an `id`, since a path is no name");
            problems.add(&at_address, refusal.hint("add `id = \"NAME\"`"));
            return None;
        }
    };
    if !ids.insert(id.clone()) {
        let refusal = Refusal::new(format!("another backend of the cluster is already named \"{id}\""));
        problems.add(&at, refusal.hint("give each backend an `id` of its own, or remove one"));
    }
    Some(Backend { id, address, weight, backup })
}
