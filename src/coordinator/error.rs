//! Why a start fails, in words for an operator.

use std::io;
use std::net::SocketAddr;

use ringway_core::VerbError;
use ringway_engine::native::StartError;
use ringway_shards::PlanError;

use super::audit::AuditError;
use super::files::FileError;
use super::sockets::ListenError;
use crate::doors::command::SocketError;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoordinatorError {
    /// io_uring can not be used.
    #[error("{0}")]
    IoUring(#[source] StartError),
    /// io_uring works, but not for the coordinator's runtime.
    #[error(
        "the coordinator's io_uring runtime can not be set up: {0}; remedy: raise the limits of lockable memory and \
         of descriptors (ulimit -l, ulimit -n; LimitMEMLOCK, LimitNOFILE)"
    )]
    Runtime(#[source] io::Error),
    /// The signal handlers can not be set up.
    #[error(
        "signals can not be received: {0}; remedy: raise the limit of descriptors (ulimit -n, LimitNOFILE)"
    )]
    Signals(#[source] io::Error),
    /// There is no thread for the coordinator.
    #[error(
        "the coordinator's thread can not be started: {0}; remedy: raise the limit of threads (ulimit -u, TasksMax)"
    )]
    Thread(#[source] io::Error),
    /// The kernel does not say where we may run.
    #[error("the cores that this process may run on can not be read: {0}; remedy: allow sched_getaffinity")]
    Cores(#[source] io::Error),
    /// The shards can not serve the configuration.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// A file that the configuration names can not be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// A listening socket can not be made.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// The configuration is not consistent in itself.
    #[error("{0}")]
    State(#[from] VerbError),
    /// The audit log can not be opened.
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// The command socket can not be had.
    #[error("{0}")]
    Door(#[from] SocketError),
    /// A shard did not come up.
    #[error("{name} did not start: {failure}")]
    Shard {
        /// The shard's name.
        name: String,
        /// Why.
        failure: ShardFailure,
    },
}

/// How a shard failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShardFailure {
    /// There is no thread for it.
    #[error(
        "no thread for it: {0}; remedy: raise the limit of threads (ulimit -u, TasksMax), or run fewer shards"
    )]
    Thread(#[source] io::Error),
    /// It can not stay on its core.
    #[error(
        "it can not be pinned to core {core}: {error}; remedy: check the CPU set of the container or unit"
    )]
    Pin {
        /// The core it was meant for.
        core: usize,
        /// What the kernel says.
        error: io::Error,
    },
    /// Its engine did not start, or can not go on.
    #[error("{0}")]
    Engine(#[source] StartError),
    /// It panicked: a defect.
    #[error("it panicked: {0}; this is a defect of Ringway, please report it with the lines above")]
    Panicked(String),
    /// It ended though nobody told it to: a defect.
    #[error("it ended unasked; this is a defect of Ringway, please report it")]
    EndedUnasked,
    /// It did not end, long after the drain deadline.
    #[error("it does not answer and was left behind at the end of the drain")]
    Stuck,
}

impl CoordinatorError {
    /// Whether io_uring is what is missing.
    pub(crate) fn is_io_uring(&self) -> bool {
        matches!(
            self,
            CoordinatorError::IoUring(_)
                | CoordinatorError::Runtime(_)
                | CoordinatorError::Shard { failure: ShardFailure::Engine(_), .. }
        )
    }

    /// Whether the configuration is at fault.
    pub(crate) fn is_configuration(&self) -> bool {
        matches!(self, CoordinatorError::Plan(_) | CoordinatorError::File(_) | CoordinatorError::State(_))
    }
}

pub(super) fn listen_cause(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another socket is listening there (address in use); remedy: find its process with \
             `ss -ltnp 'sport = :{port}'`, then stop it or choose another port"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} is reserved for privileged processes (permission denied); remedy: choose a higher port, grant \
             CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit file, or setcap cap_net_bind_service=+ep), or lower \
             net.ipv4.ip_unprivileged_port_start"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "this machine has no address {}; remedy: choose one from `ip address`, or 0.0.0.0 or [::] for all of them, \
             or set net.ipv4.ip_nonlocal_bind=1 for an address that comes later",
            address.ip()
        ),
        _ => format!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use ringway_core::ListenerName;

    use super::*;

    fn message(kind: io::ErrorKind) -> String {
        let listener = ListenerName::parse("web").expect("a name");
        let address = "10.1.2.3:443".parse().expect("an address");
        ListenError { listener, address, error: kind.into() }.to_string()
    }

    #[test]
    fn an_address_that_can_not_be_had_is_told_with_a_remedy() {
        for (kind, remedy) in [
            (io::ErrorKind::AddrInUse, "ss -ltnp 'sport = :443'"),
            (io::ErrorKind::PermissionDenied, "net.ipv4.ip_unprivileged_port_start"),
            (io::ErrorKind::AddrNotAvailable, "no address 10.1.2.3"),
        ] {
            let message = message(kind);
            assert!(message.starts_with("listener \"web\" can not listen on 10.1.2.3:443: "), "{message}");
            assert!(message.contains(remedy), "{message}");
        }
    }
}
