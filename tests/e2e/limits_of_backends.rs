//! What backends, clusters and sources are let have at once: exact for the process, whatever the number of shards, and who
//! waits is served in turn.

use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{
    Client, Crowd, Daemon, FaultyOrigin, LONG, Mood, Origin, Served, eventually, overtaken_most, rest, run,
    tool, with_status,
};

/// Long enough for what must not happen.
const WHILE: Duration = Duration::from_millis(200);

const SHARDS: [usize; 3] = [1, 2, 4];

/// Requests that wait so long find their place.
const PATIENT: &str = "queue_timeout = \"30s\"\nqueue_max = 2000";

fn expect_in_flight(origin: &FaultyOrigin, count: u64) {
    eventually(&format!("{count} are in flight"), LONG, || (origin.in_flight() == count).then_some(()));
}

/// How many requests have had to wait, over all shards.
fn waited(daemon: &Daemon) -> u64 {
    let status = daemon.status();
    let counts = status.lines().filter_map(|line| line.split_once(" waited")?.0.rsplit(' ').next());
    counts.map(|count| count.parse::<u64>().expect("a number")).sum()
}

/// Refused for want of room, without delay.
fn assert_refused_at_once(served: &[Served]) {
    for served in served {
        assert_eq!((served.status, served.retry_after.as_deref()), (503, Some("1")), "{served:?}");
        assert!(served.took < Duration::from_secs(5), "{served:?}");
    }
}

#[test]
fn a_backend_never_sees_more_requests_than_it_may_and_all_that_wait_are_served() {
    for shards in SHARDS {
        let origin = FaultyOrigin::that_is(Mood::Slow(Duration::from_millis(2)), "one");
        let daemon = Daemon::site(shards, "", PATIENT, &[(&origin, "max_in_flight = 10")]);
        let served = Crowd::send(daemon.address(), 160, 6, "").served();
        assert_eq!(with_status(&served, 200), 960, "{shards} shards");
        assert_eq!(origin.in_flight_most(), 10, "{shards} shards");
        assert!(waited(&daemon) > 100, "they had to wait");
        assert!(daemon.status().contains(": up, 0 requests, "), "and nothing is left of them");
    }
}

#[test]
fn under_a_load_generator_the_limit_of_a_backend_holds() {
    if !tool("wrk") {
        eprintln!("SKIPPED: wrk is not installed, so its 512 connections could not be tried");
        return;
    }
    for shards in SHARDS {
        let origin = FaultyOrigin::that_is(Mood::Slow(Duration::from_millis(1)), "one");
        let daemon = Daemon::site(shards, "", PATIENT, &[(&origin, "max_in_flight = 10")]);
        let url = format!("http://{}/", daemon.address());
        let mut wrk = Command::new("wrk");
        let (code, report, _) = run(wrk.args(["-t", "2", "-c", "512", "-d", "1s", "--timeout", "30s", &url]));
        assert_eq!(code, Some(0), "{report}");
        assert!(
            !report.contains("Non-2xx") && !report.contains("Socket errors"),
            "{shards} shards: {report}"
        );
        assert!(origin.requests() > 100, "{report}");
        assert_eq!(origin.in_flight_most(), 10, "{shards} shards");
    }
}

#[test]
fn without_a_queue_what_is_beyond_the_limit_is_refused_at_once() {
    for shards in SHARDS {
        let origin = FaultyOrigin::that_is(Mood::Silent, "one");
        let daemon = Daemon::site(shards, "", "", &[(&origin, "max_in_flight = 10")]);
        let held = Crowd::send(daemon.address(), 10, 1, "");
        expect_in_flight(&origin, 10);
        let served = Crowd::send(daemon.address(), 20, 1, "").served();
        assert_refused_at_once(&served);
        assert_eq!(origin.in_flight(), 10, "{shards} shards: the others are still there");
        origin.turn(Mood::Well);
        assert_eq!(with_status(&held.served(), 200), 10);
        assert_eq!(origin.requests(), 10);
        assert_eq!(
            with_status(&Crowd::send(daemon.address(), 8, 1, "").served(), 200),
            8,
            "there is room again"
        );
    }
}

#[test]
fn the_queue_takes_so_many_and_the_rest_is_refused_at_once() {
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let cluster = "queue_timeout = \"30s\"\nqueue_max = 5";
    let daemon = Daemon::site(4, "", cluster, &[(&origin, "max_in_flight = 2")]);
    let held = Crowd::send(daemon.address(), 2, 1, "");
    expect_in_flight(&origin, 2);
    let surplus = Crowd::send(daemon.address(), 30, 1, "");
    eventually("the queue is full", LONG, || (waited(&daemon) == 5).then_some(()));
    rest(WHILE);
    origin.turn(Mood::Well);
    let surplus = surplus.served();
    let (served, refused): (Vec<_>, Vec<_>) = surplus.into_iter().partition(|served| served.status == 200);
    assert_eq!((with_status(&held.served(), 200), served.len(), refused.len()), (2, 5, 25));
    assert_refused_at_once(&refused);
}

#[test]
fn who_waits_too_long_is_refused_then_and_leaves_the_line() {
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let daemon = Daemon::site(2, "", "queue_timeout = \"300ms\"", &[(&origin, "max_in_flight = 1")]);
    let held = Crowd::send(daemon.address(), 1, 1, "");
    expect_in_flight(&origin, 1);
    let refused = Crowd::send(daemon.address(), 8, 1, "").served();
    assert_refused_at_once(&refused);
    assert!(refused.iter().all(|served| served.took >= Duration::from_millis(300)), "{refused:?}");
    origin.turn(Mood::Well);
    assert_eq!(with_status(&held.served(), 200), 1);
    assert_eq!(daemon.client().get("/").status, 200, "nobody stands before this one");
    assert_eq!(origin.requests(), 2);
}

#[test]
fn requests_that_wait_are_served_in_the_order_in_which_they_came_over_all_shards() {
    const WAITING: usize = 16;
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let daemon = Daemon::site(4, "", PATIENT, &[(&origin, "max_in_flight = 1")]);
    let mut clients: Vec<Client> = Vec::new();
    for n in 0..=WAITING {
        let mut client = daemon.client();
        client.send(format!("GET /{n} HTTP/1.1\r\nHost: test\r\n\r\n"));
        clients.push(client);
        match n {
            0 => expect_in_flight(&origin, 1),
            _ => eventually("it waits", LONG, || (waited(&daemon) == n as u64).then_some(())),
        }
    }
    origin.turn(Mood::Well);
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
    let expected: Vec<_> = (0..=WAITING).map(|n| format!("/{n}")).collect();
    assert_eq!(origin.targets(), expected);
}

#[test]
fn nobody_starves_in_the_queue() {
    let origin = FaultyOrigin::that_is(Mood::Slow(Duration::from_millis(1)), "one");
    let daemon = Daemon::site(4, "", PATIENT, &[(&origin, "max_in_flight = 8")]);
    let served = Crowd::send(daemon.address(), 64, 12, "").served();
    assert_eq!(with_status(&served, 200), 768);
    // In turn, it is the other 63 at most, and those that a thread of the test was late to read.
    let most = overtaken_most(&served);
    assert!(most <= 160, "{most} answers to 63 others while one waited");
}

#[test]
fn a_backend_never_has_more_connections_than_it_may() {
    for shards in SHARDS {
        let origin = FaultyOrigin::that_is(Mood::Slow(Duration::from_millis(2)), "one");
        let daemon = Daemon::site(shards, "", PATIENT, &[(&origin, "max_connections = 10")]);
        let served = Crowd::send(daemon.address(), 64, 4, "").served();
        assert_eq!(with_status(&served, 200), 256, "{shards} shards");
        assert_eq!(origin.open_most(), 10, "{shards} shards");
    }
}

#[test]
fn a_connection_that_rests_on_another_shard_does_not_block_who_waits() {
    let origin = FaultyOrigin::new("one");
    let daemon = Daemon::site(4, "", PATIENT, &[(&origin, "max_connections = 1")]);
    for n in 0..12 {
        let served = Crowd::send(daemon.address(), 1, 1, "").served();
        assert_eq!(served[0].status, 200);
        assert!(served[0].took < Duration::from_secs(5), "request {n}: {served:?}");
    }
    assert_eq!(origin.open_most(), 1);
}

#[test]
fn a_cluster_never_has_more_in_flight_than_it_may() {
    let origins = ["one", "two"].map(|name| FaultyOrigin::that_is(Mood::Silent, name));
    let all = origins.each_ref();
    let cluster = format!("max_in_flight = 6\n{PATIENT}");
    let daemon = Daemon::site(4, "", &cluster, &all.map(|origin| (origin, "")));
    let crowd = Crowd::send(daemon.address(), 32, 1, "");
    let in_flight = || all.map(FaultyOrigin::in_flight).iter().sum::<u64>();
    eventually("six are in flight, the others wait", LONG, || {
        (in_flight() == 6 && waited(&daemon) == 26).then_some(())
    });
    rest(WHILE);
    assert_eq!(in_flight(), 6);
    all.iter().for_each(|origin| origin.turn(Mood::Well));
    assert_eq!(with_status(&crowd.served(), 200), 32);
}

#[test]
fn a_cluster_never_has_more_connections_than_it_may() {
    let origins = ["one", "two"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    let cluster = format!("max_connections = 4\n{PATIENT}");
    let daemon = Daemon::site(2, "", &cluster, &all.map(|origin| (origin, "")));
    let served = Crowd::send(daemon.address(), 48, 4, "").served();
    assert_eq!(with_status(&served, 200), 192);
    all.iter().for_each(|origin| origin.turn(Mood::Silent));
    let crowd = Crowd::send(daemon.address(), 16, 1, "");
    let in_flight = || all.map(FaultyOrigin::in_flight).iter().sum::<u64>();
    eventually("each connection carries one", LONG, || (in_flight() == 4).then_some(()));
    rest(WHILE);
    assert_eq!(in_flight(), 4, "and there is no fifth");
    all.iter().for_each(|origin| origin.turn(Mood::Well));
    assert_eq!(with_status(&crowd.served(), 200), 16);
}

#[test]
fn a_source_has_so_many_requests_in_flight_and_the_next_source_as_many() {
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let daemon = |lines: &str| {
        Daemon::configured(&format!(
            "[daemon]\nshards = 4\nmax_in_flight_per_source = 3\n{lines}\n[[listeners]]\nname = \"main\"\n\
             address = \"127.0.0.1:0\"\n[clusters.site]\nfrontends = [{{}}]\nbackends = [{{ address = \"{}\" }}]\n",
            origin.address
        ))
    };
    let at_once = daemon("");
    let held = Crowd::send_from("127.0.0.2", at_once.address(), 3, 1, "");
    expect_in_flight(&origin, 3);
    assert_refused_at_once(&Crowd::send_from("127.0.0.2", at_once.address(), 12, 1, "").served());
    let other = Crowd::send_from("127.0.0.3", at_once.address(), 3, 1, "");
    expect_in_flight(&origin, 6);
    origin.turn(Mood::Well);
    assert_eq!(with_status(&[held.served(), other.served()].concat(), 200), 6);

    origin.turn(Mood::Slow(Duration::from_millis(2)));
    let in_turn = daemon("source_queue_timeout = \"30s\"\nsource_queue_max = 100");
    let crowd = Crowd::send_from("127.0.0.2", in_turn.address(), 64, 3, "");
    assert_eq!(with_status(&crowd.served(), 200), 192);
    origin.turn(Mood::Silent);
    let crowd = Crowd::send_from("127.0.0.2", in_turn.address(), 32, 1, "");
    expect_in_flight(&origin, 3);
    rest(WHILE);
    assert_eq!(origin.in_flight(), 3);
    origin.turn(Mood::Well);
    assert_eq!(with_status(&crowd.served(), 200), 32);
}

#[test]
fn requests_that_wait_are_served_while_the_daemon_drains() {
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let mut daemon = Daemon::site(2, "", PATIENT, &[(&origin, "max_in_flight = 1")]);
    let crowd = Crowd::send(daemon.address(), 8, 1, "");
    eventually("one is served, the others wait", LONG, || {
        (origin.in_flight() == 1 && waited(&daemon) == 7).then_some(())
    });
    daemon.signal(Signal::TERM);
    daemon.expect_log("SIGTERM: draining");
    origin.turn(Mood::Well);
    assert_eq!(with_status(&crowd.served(), 200), 8);
    assert!(daemon.wait(LONG).success());
    daemon.expect_log("stopped after 8 requests: every one was finished");
}

#[test]
fn relayed_connections_count_as_well() {
    let origin = Origin::raw(|mut stream| {
        let mut twin = stream.try_clone()?;
        std::io::copy(&mut stream, &mut twin).map(drop)
    });
    let relay = |cluster: &str| {
        let (address, id) = (origin.address, "one");
        Daemon::configured(&format!(
            "[daemon]\nshards = 2\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\nprotocol = \"tcp\"\n\
             cluster = \"site\"\n[clusters.site]\n{cluster}\n[[clusters.site.backends]]\nid = \"{id}\"\n\
             address = \"{address}\"\nmax_connections = 2\n"
        ))
    };
    let echoed = |client: &mut Client| assert_eq!(client.send("hello").read_exact(5), b"hello");
    let at_once = relay("");
    let mut held = [at_once.client(), at_once.client()];
    held.iter_mut().for_each(echoed);
    at_once.client().expect_closed();
    held.iter_mut().for_each(echoed);

    let in_turn = relay(PATIENT);
    let mut held = vec![in_turn.client(), in_turn.client()];
    held.iter_mut().for_each(echoed);
    let mut next = in_turn.client();
    assert!(next.send("hello").is_left_alone(WHILE));
    drop(held.pop());
    assert_eq!(next.read_exact(5), b"hello", "it is its turn");
}

#[test]
fn clients_that_leave_give_their_places_back() {
    let origin = FaultyOrigin::that_is(Mood::Silent, "one");
    let daemon = Daemon::site(2, "", PATIENT, &[(&origin, "max_in_flight = 2")]);
    let leave = || {
        let mut client = daemon.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        client
    };
    let leaving: Vec<_> = (0..10).map(|_| leave()).collect();
    eventually("some wait", LONG, || (waited(&daemon) == 8).then_some(()));
    let staying = Crowd::send(daemon.address(), 4, 1, "");
    eventually("more wait", LONG, || (waited(&daemon) == 12).then_some(()));
    // Half of them by a reset.
    let (some, others): (Vec<_>, Vec<_>) = leaving.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    some.into_iter().for_each(|(_, client)| client.reset());
    drop(others);
    let done = thread::spawn(|| staying.served());
    eventually("those who stay are served", LONG, || {
        origin.turn(Mood::Well);
        done.is_finished().then_some(())
    });
    assert_eq!(with_status(&done.join().expect("no panic"), 200), 4);
    eventually("nothing is left of them", LONG, || {
        daemon.status().contains(": up, 0 requests, ").then_some(())
    });
}
