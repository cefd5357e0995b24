//! `[[clusters.NAME.backends]]`: who serves, and what each of them stands.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::config::problem::{At, Problems, Refusal};
use crate::config::table::Table;
use crate::config::{AdminState, Backend, parse};
use crate::ids::BackendId;

/// Names of a cluster that are taken.
#[derive(Default)]
struct Taken {
    ids: BTreeSet<BackendId>,
    /// What clients are kept by; of those without a sticky id, the name.
    sticky_ids: BTreeSet<BackendId>,
}

pub(super) fn backends(tables: &[Table<'_>], problems: &mut Problems<'_>) -> Vec<Backend> {
    let mut taken = Taken::default();
    tables.iter().filter_map(|table| backend(table, &mut taken, problems)).collect()
}

/// A backend by itself.
pub(super) fn single(table: &Table<'_>, problems: &mut Problems<'_>) -> Option<Backend> {
    backend(table, &mut Taken::default(), problems)
}

fn backend(table: &Table<'_>, taken: &mut Taken, problems: &mut Problems<'_>) -> Option<Backend> {
    let id = table.text("id", problems, BackendId::parse);
    let address = table.text("address", problems, parse::backend_address);
    let sticky_id = table.text("sticky_id", problems, BackendId::parse);
    let weight = table.integer("weight", problems);
    let backup = table.boolean("backup", problems);
    let state = table.word("state", problems, AdminState::from_word);
    let max_in_flight = table.optional_integer("max_in_flight", problems);
    let max_connections = table.optional_integer("max_connections", problems);
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
    taken.add((&id, &at), sticky_id.as_ref().map(|(id, at)| (id, at)), problems);
    Some(Backend {
        id,
        address,
        weight,
        backup,
        state,
        sticky_id: sticky_id.map(|(id, _)| id.as_str().into()),
        max_in_flight,
        max_connections,
    })
}

impl Taken {
    fn add(
        &mut self,
        (id, at): (&BackendId, &At),
        sticky_id: Option<(&BackendId, &At)>,
        problems: &mut Problems<'_>,
    ) {
        let (kept_by, at_kept_by) = sticky_id.unwrap_or((id, at));
        let is_new = self.sticky_ids.insert(kept_by.clone());
        if !self.ids.insert(id.clone()) {
            let refusal = Refusal::new(format!("another backend of the cluster is already named \"{id}\""));
            problems.add(at, refusal.hint("give each backend an `id` of its own, or remove one"));
        } else if !is_new {
            let refusal = Refusal::new(format!(
                "clients of another backend of the cluster are already kept by \"{kept_by}\""
            ));
            problems.add(at_kept_by, refusal.hint("give each backend a `sticky_id` of its own"));
        }
    }
}
