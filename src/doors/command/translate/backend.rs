//! Backends both ways.

use ringway_core::verb::BackendInfo;
use ringway_core::{Address, Change, ErrorCode, VerbError};
use serde_json::Value;

use super::address;
use super::field::{adding, invalid, name, replacing};
use super::lookup::Asking;
use crate::doors::command::wire::{AddBackend, LoadBalancingParams, RemoveBackend};

/// Adds a backend, or replaces what the protocol can say of one.
pub(super) async fn add(asking: &Asking<'_>, backend: AddBackend) -> Result<Vec<Change>, VerbError> {
    let AddBackend {
        cluster_id,
        backend_id,
        address,
        sticky_id,
        load_balancing_parameters,
        backup,
        unix_path,
    } = backend;
    let (cluster, id) = (name("cluster_id", &cluster_id)?, name("backend_id", &backend_id)?);
    // Where there is a path, the address only fills its place.
    let address = match unix_path {
        Some(path) => {
            let text = format!("unix:{path}");
            text.parse::<Address>().map_err(|error| invalid("unix_path", error.to_string()))?
        }
        None => address::from_wire("address", &address)?.into(),
    };
    let entries = vec![
        ("weight", load_balancing_parameters.map(|params| params.weight).into()),
        ("backup", backup.into()),
        ("sticky_id", sticky_id.into()),
    ];
    let present = asking.backend(&cluster, &id).await?;
    let add = |entries| {
        let mut set = adding(entries);
        set.insert("address".to_owned(), address.to_string().into());
        Change::BackendAdd { cluster: cluster.clone(), backend: id.clone(), set }
    };
    Ok(match present {
        None => vec![add(entries)],
        Some(present) if present.address == address.to_string() => {
            let set = replacing(entries);
            vec![Change::BackendUpdate { cluster: cluster.clone(), backend: id.clone(), set }]
        }
        // An address is for life.
        Some(_) => {
            let remove = Change::BackendRemove { cluster: cluster.clone(), backend: id.clone() };
            vec![remove, add(entries)]
        }
    })
}

/// Removes a backend that has this name and this address.
pub(super) async fn remove(asking: &Asking<'_>, backend: RemoveBackend) -> Result<Vec<Change>, VerbError> {
    let cluster = name("cluster_id", &backend.cluster_id)?;
    let id = name("backend_id", &backend.backend_id)?;
    let Some(present) = asking.backend(&cluster, &id).await? else {
        let text = format!("cluster {cluster} has no backend {id}");
        return Err(VerbError::new(ErrorCode::NotFound, text).field("backend_id"));
    };
    // The protocol has no words for the path of a socket here.
    if let Ok(Address::Ip(there)) = present.address.parse() {
        let meant = address::from_wire("address", &backend.address)?;
        if meant != there {
            let text = format!("backend {id} of cluster {cluster} is at {there}, not at {meant}");
            return Err(VerbError::new(ErrorCode::NotFound, text).field("address"));
        }
    }
    Ok(vec![Change::BackendRemove { cluster, backend: id }])
}

/// What the protocol can say of a backend.
pub(super) fn to_wire(cluster: &str, backend: &BackendInfo) -> AddBackend {
    let keys = &backend.set;
    let weight = keys.get("weight").and_then(Value::as_i64).and_then(|weight| i32::try_from(weight).ok());
    let (address, unix_path) = match backend.address.parse() {
        Ok(Address::Ip(address)) => (address::to_wire(address), None),
        Ok(Address::Unix(path)) => (address::nowhere(), Some(path.display().to_string())),
        Err(_) => (address::nowhere(), None),
    };
    AddBackend {
        cluster_id: cluster.to_owned(),
        backend_id: backend.backend.to_string(),
        address,
        sticky_id: keys.get("sticky_id").and_then(Value::as_str).map(str::to_owned),
        load_balancing_parameters: weight.map(|weight| LoadBalancingParams { weight }),
        backup: keys.get("backup").and_then(Value::as_bool),
        unix_path,
    }
}
