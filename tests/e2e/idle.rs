//! Many connections that do nothing.

use crate::common::{
    Client, Daemon, LONG, Origin, descriptors, eventually, raise_descriptor_limit, resident_kib,
};

#[test]
fn thousands_of_idle_connections_leave_room_for_one_that_asks() {
    const CONNECTIONS: usize = 4000;
    /// Far above what a connection takes; a receive buffer for each would break it.
    const GROWTH_MAX_KIB: u64 = 3 * CONNECTIONS as u64;
    let limit = raise_descriptor_limit();
    if limit < CONNECTIONS as u64 + 500 {
        return println!("skipped: {limit} descriptors are too few (ulimit -Hn)");
    }
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    let mut first = daemon.client();
    assert_eq!(first.get("/").status, 200);
    let before = (resident_kib(daemon.pid()), descriptors(daemon.pid()));
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| daemon.client()).collect();
    let all = before.1 + CONNECTIONS;
    eventually("all are accepted", LONG, || (descriptors(daemon.pid()) >= all).then_some(()));
    assert_eq!(first.get("/").status, 200);
    assert_eq!(daemon.client().get("/").status, 200);
    let grown = resident_kib(daemon.pid()).saturating_sub(before.0);
    assert!(grown < GROWTH_MAX_KIB, "{CONNECTIONS} connections took {grown} KiB");
    for client in clients.iter_mut().step_by(100) {
        assert_eq!(client.get("/").status, 200);
    }
    drop(clients);
    eventually("all are closed", LONG, || (descriptors(daemon.pid()) < before.1 + 100).then_some(()));
}
