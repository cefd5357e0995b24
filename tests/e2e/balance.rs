//! Connections over the shards: even, whatever the kernel's hash has made of them.

use rustix::process::Signal;

use crate::common::{Client, Daemon, LONG, Origin, eventually};

const SHARDS: usize = 4;
const CONNECTIONS: usize = 64;
/// 1.15 × the mean of 16.
const FULLEST_MAX: usize = 18;

/// Four shards and a backend, with these lines for the listener.
fn daemon(origin: &Origin, listener: &str) -> Daemon {
    Daemon::configured(&format!(
        "[daemon]\nshards = {SHARDS}\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n{listener}\n\
         [clusters.site]\nfrontends = [{{}}]\nbackends = [{{ address = \"{}\" }}]\n",
        origin.address
    ))
}

/// How many connections each shard has, from what the daemon says of them when it is asked to.
fn connections(daemon: &Daemon) -> Vec<usize> {
    let before = daemon.log().len();
    daemon.signal(Signal::USR1);
    eventually("a line of each shard", LONG, || {
        let log = daemon.log();
        let of = |shard: usize| {
            let (_, rest) = log[before..].split_once(&format!("shard {shard}: "))?;
            rest.split_once(" connections")?.0.parse().ok()
        };
        (0..SHARDS).map(of).collect()
    })
}

/// So many clients that were served once, and stay.
fn served(daemon: &Daemon, count: usize) -> Vec<Client> {
    let client = |_| {
        let mut client = daemon.client();
        assert_eq!(client.get("/").status, 200);
        client
    };
    (0..count).map(client).collect()
}

#[test]
fn long_connections_end_up_even_over_the_shards() {
    let origin = Origin::echo("one");
    let daemon = daemon(&origin, "");
    let mut clients = served(&daemon, CONNECTIONS);
    let even = connections(&daemon);
    assert_eq!(even.iter().sum::<usize>(), CONNECTIONS, "{even:?}");
    assert!(even.iter().all(|count| *count <= FULLEST_MAX), "{even:?}");
    // Wherever they are now, they are served.
    assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    drop(clients);
    eventually("nothing is counted any more", LONG, || {
        connections(&daemon).iter().all(|count| *count == 0).then_some(())
    });
}

#[test]
fn many_that_connect_at_once_end_up_even_and_each_is_served() {
    let origin = Origin::echo("one");
    let daemon = daemon(&origin, "");
    // All of them are there before the first is accepted, or nearly so.
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
    let even = connections(&daemon);
    assert_eq!(even.iter().sum::<usize>(), CONNECTIONS, "{even:?}");
    assert!(even.iter().all(|count| *count <= FULLEST_MAX), "{even:?}");
}

#[test]
fn a_drain_cuts_nobody_off_whoever_accepted_and_whoever_serves() {
    let origin = Origin::echo("one");
    let mut daemon = daemon(&origin, "");
    let mut clients = served(&daemon, CONNECTIONS / 4);
    let mut coming: Vec<_> = (0..CONNECTIONS).map(|_| daemon.client()).collect();
    for client in &mut coming {
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    assert!(coming.iter_mut().all(|client| client.answer().status == 200));
    daemon.signal(Signal::TERM);
    for client in clients.iter_mut().chain(&mut coming) {
        client.expect_closed();
    }
    drop((clients, coming));
    assert!(daemon.wait(LONG).success());
    assert!(daemon.log().contains("every one was finished"), "{}", daemon.log());
}

#[test]
fn a_connection_that_is_old_is_told_so_or_closed_where_it_is_idle() {
    let origin = Origin::echo("one");
    let daemon = daemon(&origin, "limits = { connection_max_age = \"1s\" }");
    let mut clients = served(&daemon, 8);
    let mut busy = clients.pop().expect("eight");
    eventually("an answer that says so", LONG, || {
        let answer = busy.get("/");
        assert_eq!(answer.status, 200);
        (answer.header("connection") == Some("close")).then_some(())
    });
    busy.expect_closed();
    clients.iter_mut().for_each(Client::expect_closed);
}
