//! Settings of the process that take a restart.

use std::sync::Arc;

use ringway_core::config::Daemon;
use ringway_core::state::Mutation;

/// The keys of `[daemon]` that are other in `new` and can not change while the process runs.
pub(super) fn keys(old: &Daemon, new: &Daemon) -> Vec<&'static str> {
    let differs = [
        ("shards", old.shards != new.shards),
        ("command_socket", old.command_socket != new.command_socket),
        ("state_file", old.state_file != new.state_file),
        ("automatic_state_save", old.automatic_state_save != new.automatic_state_save),
        ("load_state", old.load_state != new.load_state),
        ("audit_log", old.audit_log != new.audit_log),
        ("audit_log_json", old.audit_log_json != new.audit_log_json),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// Of a whole configuration that is to be taken over: the mutation with those keys as they are, which is told to the log. The
/// rest of a file need not wait for the restart.
pub(super) fn without(old: &Daemon, mutation: Mutation) -> Mutation {
    let Mutation::Daemon(new) = mutation else { return mutation };
    let keys = keys(old, &new);
    if keys.is_empty() {
        return Mutation::Daemon(new);
    }
    tracing::warn!("of [daemon], {} takes a restart and stays as it is until then", keys.join(", "));
    Mutation::Daemon(Arc::new(with_those_of(old, &new)))
}

/// `new`, with the settings of `old` that take a restart.
pub(super) fn with_those_of(old: &Daemon, new: &Daemon) -> Daemon {
    Daemon {
        shards: old.shards,
        command_socket: old.command_socket.clone(),
        state_file: old.state_file.clone(),
        automatic_state_save: old.automatic_state_save,
        load_state: old.load_state,
        audit_log: old.audit_log.clone(),
        audit_log_json: old.audit_log_json.clone(),
        ..new.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_takes_a_restart_is_found_and_left_as_it_is_and_the_rest_is_taken_over() {
        let old = Daemon::default();
        let new = Daemon {
            shards: NonZero::new(3),
            load_state: true,
            audit_log: Some("/x".into()),
            drain_timeout: Duration::from_secs(1),
            ..Daemon::default()
        };
        assert_eq!(keys(&old, &new), ["shards", "load_state", "audit_log"]);
        let Mutation::Daemon(taken) = without(&old, Mutation::Daemon(Arc::new(new))) else { panic!() };
        assert_eq!(*taken, Daemon { drain_timeout: Duration::from_secs(1), ..Daemon::default() });
        assert_eq!(keys(&old, &taken), [""; 0]);
    }
}
