//! How much clients get: connections, requests, descriptors.

use std::io::Write;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::common::{Client, Daemon, LONG, Origin, Then, cpu_time, descriptors, eventually, rest};

/// Long enough for an answer that is to come.
const WHILE: Duration = Duration::from_millis(200);
const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// One listener and one echoing backend, with this in `[daemon]`.
fn limited(daemon: &str, origin: &Origin) -> String {
    format!(
        "[daemon]\nlog_level = \"debug\"\n{daemon}\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n\
         [clusters.site]\nfrontends = [{{}}]\nbackends = [{{ address = \"{}\" }}]\n",
        origin.address
    )
}

/// As many connections as there may be, each of them served once.
fn filled(daemon: &Daemon, count: usize) -> Vec<Client> {
    let mut clients: Vec<_> = (0..count).map(|_| daemon.client()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").status, 200);
    }
    clients
}

/// Connections that have sent a request, made slowly enough for each to be noticed alone.
fn asking_one_after_the_other(daemon: &Daemon, count: usize) -> Vec<Client> {
    let ask = |_| {
        let mut client = daemon.client();
        client.send(GET);
        rest(Duration::from_millis(5));
        client
    };
    (0..count).map(ask).collect()
}

/// The connection ends at once; whether before it was made, as its maker sees it, is a matter of luck.
fn expect_turned_away(source: &str, daemon: &Daemon) {
    if let Ok(mut client) = Client::try_connect_from(source, daemon.address()) {
        client.expect_closed();
    }
}

/// Nobody of those who wait hears anything for a while.
fn expect_none_served(waiting: &mut [Client]) {
    rest(WHILE);
    for client in waiting {
        if !client.is_left_alone_so_far() {
            panic!("heard: {:?}", client.try_answer());
        }
    }
}

/// Of those that wait, the one that is served next is to be had within [`LONG`].
fn expect_one_served(waiting: &mut Vec<Client>) -> Client {
    let at = eventually("one that waits is served", LONG, || {
        waiting.iter_mut().position(|client| !client.is_left_alone_so_far())
    });
    let mut client = waiting.swap_remove(at);
    assert_eq!(client.answer().status, 200);
    client
}

#[test]
fn beyond_the_limit_of_the_process_connections_wait_in_the_kernel() {
    const MAX: usize = 5;
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&limited("shards = 2\nmax_connections = 5", &origin));
    let mut clients = filled(&daemon, MAX);
    let before = descriptors(daemon.pid());
    let mut waiting = asking_one_after_the_other(&daemon, 20);
    expect_none_served(&mut waiting);
    // Each shard takes one that it can not let in yet, and the next ones before it has learned of that.
    let taken = descriptors(daemon.pid()) - before;
    assert!(taken <= 10, "{taken} were accepted beyond the limit");
    // The others are served as before, and each that leaves makes room for one.
    assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    for _ in 0..10 {
        drop(clients.pop());
        clients.insert(0, expect_one_served(&mut waiting));
    }
    expect_none_served(&mut waiting);
}

#[test]
fn beyond_the_limit_of_a_shard_connections_wait_in_the_kernel() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&limited("shards = 1\nmax_connections_per_shard = 3", &origin));
    let mut clients = filled(&daemon, 3);
    let mut waiting = asking_one_after_the_other(&daemon, 5);
    expect_none_served(&mut waiting);
    let ran = cpu_time(daemon.pid());
    rest(WHILE);
    let ran = cpu_time(daemon.pid()) - ran;
    assert!(ran < WHILE / 4, "it ran for {ran:?} of {WHILE:?} with nothing to do");
    for _ in 0..5 {
        drop(clients.pop());
        clients.insert(0, expect_one_served(&mut waiting));
    }
}

#[test]
fn beyond_the_limit_of_a_source_connections_are_closed_and_other_sources_are_served() {
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&limited("shards = 2\nmax_connections_per_source = 4", &origin));
    let mut clients = filled(&daemon, 4);
    for _ in 0..10 {
        expect_turned_away("127.0.0.1", &daemon);
    }
    for _ in 0..4 {
        let mut other = Client::connect_from("127.0.0.2", daemon.address());
        assert_eq!(other.get("/").status, 200);
        clients.push(other);
    }
    expect_turned_away("127.0.0.2", &daemon);
    assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    // What one source gives back is its own.
    drop(clients.remove(0));
    eventually("there is room for one more", LONG, || {
        let answer = Client::try_connect(daemon.address()).ok()?.try_get("/").ok()?;
        assert_eq!(answer.status, 200);
        Some(())
    });
    expect_turned_away("127.0.0.2", &daemon);
}

#[test]
fn behind_a_proxy_a_source_is_who_the_proxy_says() {
    let origin = Origin::echo("one");
    let toml = limited("shards = 1\nmax_connections_per_source = 1", &origin);
    let listener = "address = \"127.0.0.1:0\"\n";
    let toml = toml
        .replace(listener, &format!("{listener}proxy_protocol = true\ntrusted_proxies = [\"127.0.0.1\"]\n"));
    let daemon = Daemon::configured(&toml);
    let from = |source: u8| {
        let mut client = daemon.client();
        client.send(format!("PROXY TCP4 192.0.2.{source} 198.51.100.1 40000 443\r\n"));
        client
    };
    let mut clients = [from(1), from(2), from(3)];
    assert!(clients.iter_mut().all(|client| client.get("/").status == 200));
    from(2).expect_closed();
    drop(clients);
    eventually("there is room again", LONG, || from(2).try_get("/").ok());
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may_and_the_last_answer_says_so() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("limits = { requests_per_connection = 3 }", "", &[origin.address]);
    for pipelined in [false, true] {
        let before = origin.requests();
        let mut client = daemon.client();
        if pipelined {
            client.send(GET.repeat(5));
        }
        for n in 1..=3 {
            let answer = if pipelined { client.answer() } else { client.get("/") };
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("connection"), (n == 3).then_some("close"), "answer {n}");
        }
        client.expect_closed();
        assert_eq!(origin.requests(), before + 3);
    }
}

#[test]
fn with_few_descriptors_some_are_kept_for_backends() {
    // So slow that nobody can use another one's connection to it.
    let origin = Origin::with(|_, out| {
        rest(Duration::from_millis(500));
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").map(|()| Then::Keep)
    });
    // Room for about 30 clients; each of them needs a connection to the backend.
    let daemon = Daemon::confined(128, &limited("shards = 1", &origin));
    let mut clients = asking_one_after_the_other(&daemon, 100);
    let mut served = 0;
    while !clients.is_empty() {
        // Everyone who is let in is served, and leaves.
        let client = expect_one_served(&mut clients);
        served += 1;
        drop(client);
    }
    assert_eq!(served, 100);
}

#[test]
fn running_out_of_descriptors_burns_no_time_and_passes() {
    const CLIENTS: usize = 40;
    let origin = Origin::echo("one");
    let daemon = Daemon::configured(&limited("shards = 1", &origin));
    let mut first = filled(&daemon, 2);
    let limit = |current: Option<u64>| {
        let pid = Pid::from_raw(daemon.pid().cast_signed());
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        prlimit(pid, Resource::Nofile, Rlimit { current: current.or(maximum), maximum })
            .expect("our own child");
    };
    // Less than the daemon has found at its start: it learns of it only by failing.
    limit(Some(descriptors(daemon.pid()) as u64 + 10));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    rest(WHILE);
    let ran = cpu_time(daemon.pid());
    rest(2 * WHILE);
    let ran = cpu_time(daemon.pid()) - ran;
    assert!(ran < WHILE / 2, "it ran for {ran:?} of {:?} without getting anywhere", 2 * WHILE);
    assert!(first.iter_mut().all(|client| client.get("/").status == 200), "who is in is served");
    limit(None);
    let mut served = 0;
    for mut client in clients {
        // Who got in without a descriptor left for the backend was told so.
        match client.answer().status {
            200 => served += 1,
            status => assert_eq!(status, 503),
        }
    }
    assert!(served > 0);
    assert_eq!(daemon.client().get("/").status, 200, "it has recovered");
}
