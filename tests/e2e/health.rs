//! Who is well: active checks, what requests show, and what becomes of the traffic. Every event once for the process.

use std::io::{Read, Write};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{
    Crowd, Daemon, FaultyOrigin, LONG, Mood, Origin, PROBE_PATH, Then, eventually, from_origin, now, rest,
    with_status,
};

/// A check that notices within two seconds, and that a busy machine does not trip.
const CHECK: &str =
    "[clusters.site.health_check]\npath = \"/health\"\ninterval = \"500ms\"\nrise = 2\nfall = 3";

/// The names of the events that were logged, and whom each is about.
fn events(daemon: &Daemon) -> Vec<(String, String)> {
    const KINDS: [&str; 8] = [
        "HEALTH_CHECK_HEALTHY",
        "HEALTH_CHECK_UNHEALTHY",
        "BACKEND_DOWN",
        "BACKEND_UP",
        "BACKEND_EJECTED",
        "BACKEND_RETURNED",
        "NO_AVAILABLE_BACKENDS",
        "CLUSTER_RECOVERED",
    ];
    let event = |line: &str| {
        let mut words = line.split_whitespace();
        let kind = words.find(|word| KINDS.contains(word))?.to_owned();
        assert_eq!(words.next()?, "cluster=site", "{line}");
        let about_one = !matches!(&*kind, "NO_AVAILABLE_BACKENDS" | "CLUSTER_RECOVERED");
        let backend = words.next().and_then(|word| word.strip_prefix("backend="));
        Some((kind, if about_one { backend?.to_owned() } else { String::new() }))
    };
    daemon.log().lines().filter_map(event).collect()
}

/// Waits until these events were logged, each once, in whatever order, and no others.
fn expect_events(daemon: &Daemon, expected: &[(&str, &str)]) {
    let mut expected: Vec<_> =
        expected.iter().map(|(kind, whom)| ((*kind).to_owned(), (*whom).to_owned())).collect();
    expected.sort();
    let seen = || {
        let mut seen = events(daemon);
        seen.sort();
        seen
    };
    let deadline = now() + LONG;
    while seen() != expected && seen().len() <= expected.len() && now() < deadline {
        rest(Duration::from_millis(5));
    }
    assert_eq!(seen(), expected);
}

fn requests<const N: usize>(origins: &[&FaultyOrigin; N]) -> [u64; N] {
    origins.map(FaultyOrigin::requests)
}

#[test]
fn the_sick_get_nothing_an_outage_is_told_once_and_all_come_back() {
    let origins = ["a", "b", "c", "d", "e", "f"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    let [a, b, c, d, e, f] = all;
    let listener = "timeouts = { response = \"1s\", connect = \"500ms\" }";
    let daemon = Daemon::site(2, listener, CHECK, &all.map(|origin| (origin, "")));
    let drive = || Crowd::send(daemon.address(), 12, 40, "").served();

    let served = drive();
    assert_eq!(with_status(&served, 200), 480);
    for origin in all {
        let share = from_origin(&served, &origin.name);
        assert!((20..=200).contains(&share), "{}: {share} of 480", origin.name);
    }

    // One slow, one that answers 500, one that refuses, one that takes everything and says nothing.
    a.turn(Mood::Slow(Duration::from_millis(60)));
    b.turn(Mood::Saying(500));
    c.turn(Mood::Refusing);
    d.turn(Mood::Silent);
    let sick = ["b", "c", "d"].map(|name| ("HEALTH_CHECK_UNHEALTHY", name));
    expect_events(&daemon, &sick);
    let address = b.address;
    daemon.expect_log(&format!(
        "HEALTH_CHECK_UNHEALTHY cluster=site backend=b address={address}: answered 500, accepted are 2xx"
    ));
    daemon.expect_log(&format!("backend=c address={}: connect: Connection refused", c.address));
    daemon.expect_log(&format!("backend=d address={}: no answer within 500 ms", d.address));
    let before = requests(&[b, c, d]);
    let served = drive();
    assert_eq!(with_status(&served, 200), 480, "nobody meets the sick ones");
    assert_eq!(requests(&[b, c, d]), before);
    let [slow, one, other] = ["a", "e", "f"].map(|name| from_origin(&served, name));
    assert!(slow > 0 && slow * 2 < one.min(other), "the slow one had {slow}, the others {one} and {other}");
    let status = daemon.status();
    assert!(
        status.contains("cluster site: available, 3 of 6 backends available, 3 healthy, 0 ejected, 0 down")
    );
    assert!(
        status.contains(&format!("backend site/b {address}: unhealthy: answered 500, accepted are 2xx, 0"))
    );
    assert!(status.contains(&format!("backend site/a {}: up, 0 requests", a.address)), "{status}");

    // All down: told once, and requests go to whoever may still answer.
    [a, e, f].iter().for_each(|origin| origin.turn(Mood::Saying(503)));
    let down = ["a", "e", "f"].map(|name| ("HEALTH_CHECK_UNHEALTHY", name));
    let outage = [&sick[..], &down, &[("NO_AVAILABLE_BACKENDS", "")]].concat();
    expect_events(&daemon, &outage);
    let served = Crowd::send(daemon.address(), 12, 4, "").served();
    assert!(served.iter().any(|served| !served.origin.is_empty()), "{served:?}");
    daemon.expect_log("FAIL_OPEN_ENTERED");
    let status = daemon.status();
    assert!(
        status.contains("cluster site: all down, 0 of 6 backends available, 0 healthy, 0 ejected, 0 down")
    );
    assert!(status.contains("; all down 1 times"), "{status}");
    assert!(!status.contains(" 0 shards failing open"), "{status}");

    all.iter().for_each(|origin| origin.turn(Mood::Well));
    let back = ["a", "b", "c", "d", "e", "f"].map(|name| ("HEALTH_CHECK_HEALTHY", name));
    let recovery = [&outage[..], &back, &[("CLUSTER_RECOVERED", "")]].concat();
    expect_events(&daemon, &recovery);
    eventually("no shard fails open any more", LONG, || {
        drop(drive());
        (daemon.logged("FAIL_OPEN_LEFT") == 1).then_some(())
    });
    let served = drive();
    assert_eq!(with_status(&served, 200), 480);
    for origin in all {
        let share = from_origin(&served, &origin.name);
        assert!((20..=200).contains(&share), "{} is back: {share} of 480", origin.name);
    }
    let status = daemon.status();
    assert!(
        status
            .contains("cluster site: available, 6 of 6 backends available, 6 healthy, 0 ejected, 0 down, 0 ")
    );
    assert_eq!(daemon.logged("FAIL_OPEN_ENTERED"), 1, "entered once");
    assert_eq!(daemon.logged("FAIL_OPEN_LEFT"), 1);
    expect_events(&daemon, &recovery);
}

#[test]
fn a_backend_whose_accept_queue_is_full_is_unhealthy_and_costs_requests_nothing_then() {
    let (well, full) = (FaultyOrigin::new("well"), FaultyOrigin::new("full"));
    let daemon = Daemon::site(2, "", CHECK, &[(&well, ""), (&full, "")]);
    full.turn(Mood::Full);
    expect_events(&daemon, &[("HEALTH_CHECK_UNHEALTHY", "full")]);
    daemon.expect_log("backend=full");
    assert_eq!(daemon.logged("no answer within 500 ms"), 1);
    let served = Crowd::send(daemon.address(), 4, 25, "").served();
    assert_eq!(from_origin(&served, "well"), 100);
    assert!(served.iter().all(|served| served.took < Duration::from_secs(2)), "{served:?}");
    full.turn(Mood::Well);
    expect_events(&daemon, &[("HEALTH_CHECK_UNHEALTHY", "full"), ("HEALTH_CHECK_HEALTHY", "full")]);
    let served = Crowd::send(daemon.address(), 4, 25, "").served();
    assert!(from_origin(&served, "full") > 20);
}

#[test]
fn a_backend_is_probed_once_per_interval_whatever_the_number_of_shards() {
    let check = CHECK.replace("500ms", "200ms");
    let sites = [1, 2, 4].map(|shards| {
        let origins = ["a", "b", "c"].map(FaultyOrigin::new);
        let daemon = Daemon::site(shards, "", &check, &origins.each_ref().map(|origin| (origin, "")));
        (shards, origins, daemon)
    });
    let counts = || sites.each_ref().map(|(_, origins, _)| origins.each_ref().map(|o| o.probes().len()));
    eventually("every backend is probed", LONG, || {
        counts().as_flattened().iter().all(|probes| *probes > 0).then_some(())
    });
    let (before, since) = (counts(), now());
    rest(Duration::from_secs(2));
    let (after, elapsed) = (counts(), now() - since);
    let expected = elapsed.as_millis() as usize / 200;
    for ((shards, origins, daemon), (before, after)) in sites.iter().zip(before.into_iter().zip(after)) {
        for ((origin, before), after) in origins.iter().zip(before).zip(after) {
            let probes = after - before;
            // One more or less at either end, for the jitter; a shard more would double them.
            assert!(
                (expected - 3..=expected + 2).contains(&probes),
                "{shards} shards: {} was probed {probes} times, not {expected}",
                origin.name
            );
        }
        let owned: usize = (0..*shards)
            .map(|shard| {
                let status = daemon.status();
                let line = status.lines().find(|line| line.contains(&format!("shard {shard}:")));
                let (line, _) = line.expect("every shard is told of").split_once(" checks").expect("checks");
                line.rsplit(' ').next().and_then(|count| count.parse::<usize>().ok()).expect("a number")
            })
            .sum();
        assert_eq!(owned, 3, "{shards} shards own each check once");
    }
}

/// Answers a request over HTTP/2 with 200 (RFC 9113), whatever it is.
fn h2c_origin() -> Origin {
    Origin::raw(|mut stream| {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface)?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // Empty settings.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload)?;
            let (kind, flags, id) = (head[3], head[4], &head[5..]);
            if kind == 1 {
                // HEADERS with END_STREAM and END_HEADERS; `:status: 200` is entry 8 of HPACK's table.
                let mut answer = vec![0, 0, 1, 1, 5];
                answer.extend_from_slice(id);
                answer.push(0x88);
                stream.write_all(&answer)?;
            } else if kind == 4 && flags & 1 == 0 {
                stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0])?;
            }
        }
    })
}

/// A cluster with one backend and a check.
fn checked(name: &str, origin: impl std::fmt::Display, check: &str) -> String {
    format!(
        "[clusters.{name}]\nfrontends = [{{ hostname = \"{name}\" }}]\nbackends = [{{ address = \"{origin}\" }}]\n\
         [clusters.{name}.health_check]\ninterval = \"200ms\"\nrise = 1\nfall = 1\n{check}\n"
    )
}

#[test]
fn each_kind_of_check_tells_the_well_from_the_sick_and_why() {
    let [well, created, refusing, elsewhere] =
        ["well", "created", "refusing", "elsewhere"].map(FaultyOrigin::new);
    refusing.turn(Mood::Refusing);
    created.turn(Mood::Saying(404));
    elsewhere.turn(Mood::Saying(500));
    let h2c = h2c_origin();
    // Sees what a check sends.
    let asked = Origin::with(|request, out| {
        let is_ours = request.line == "HEAD /live?x=1 HTTP/1.1"
            && request.header("host") == Some("live.test")
            && request.header("x-probe") == Some("yes");
        let status = if is_ours { 204 } else { 400 };
        write!(out, "HTTP/1.1 {status} Said\r\n\r\n").map(|()| Then::Close)
    });
    let well_at = well.address;
    let clusters = [
        checked("body-found", well_at, "path = \"/health\"\nbody = \"Well\""),
        checked("body-missing", well_at, "path = \"/health\"\nbody = \"fine\""),
        checked("status-listed", created.address, "statuses = \"2xx,404\""),
        checked("status-other", created.address, "statuses = \"200,204-206\""),
        checked("status-any", elsewhere.address, "statuses = \"any\""),
        checked("tcp-open", elsewhere.address, "protocol = \"tcp\""),
        checked("tcp-refused", refusing.address, "protocol = \"tcp\""),
        checked("h2c-spoken", h2c.address, "protocol = \"h2c\""),
        checked("h2c-not-spoken", well_at, "protocol = \"h2c\""),
        checked("port-sick", well_at, &format!("path = \"/sick\"\nport = {}", elsewhere.address.port())),
        checked("port-well", refusing.address, &format!("path = \"/health\"\nport = {}", well_at.port())),
        checked(
            "request",
            asked.address,
            "method = \"HEAD\"\npath = \"/live?x=1\"\nhost = \"live.test\"\nheaders = { X-Probe = \"yes\" }",
        ),
    ];
    let daemon = Daemon::configured(&format!(
        "[daemon]\nshards = 2\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n{}",
        clusters.concat()
    ));
    for (cluster, reason) in [
        ("body-missing", "the body does not contain \"fine\""),
        ("status-other", "answered 404, accepted are 200,204-206"),
        ("tcp-refused", "connect: Connection refused"),
        ("h2c-not-spoken", "the answer is not HTTP/2"),
        ("port-sick", "answered 500, accepted are 2xx"),
    ] {
        daemon.expect_log(&format!("HEALTH_CHECK_UNHEALTHY cluster={cluster} "));
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains(&format!("UNHEALTHY cluster={cluster} ")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{line:?}");
    }
    let probes = asked.requests();
    eventually("everybody is probed a few times more", LONG, || {
        (asked.requests() > probes + 3).then_some(())
    });
    assert_eq!(daemon.logged("HEALTH_CHECK_UNHEALTHY"), 5, "the others are well");
    assert!(elsewhere.targets().iter().any(|target| target == "/sick"), "on its port");
    assert!(!well.targets().iter().any(|target| target == "/sick"), "and nowhere else");
    // Whoever is well at its own port serves at the other.
    refusing.turn(Mood::Well);
    daemon.expect_log("HEALTH_CHECK_HEALTHY cluster=tcp-refused ");
    assert_eq!(daemon.logged("HEALTH_CHECK_HEALTHY"), 1);
}

#[test]
fn who_drains_or_is_in_maintenance_gets_nothing_and_maintenance_is_not_probed() {
    let origins = ["ready", "drain", "maint"].map(FaultyOrigin::new);
    let [ready, drain, maint] = origins.each_ref();
    let backends = [(ready, ""), (drain, "state = \"drain\""), (maint, "state = \"maint\"")];
    let daemon = Daemon::site(2, "", &CHECK.replace("500ms", "100ms"), &backends);
    eventually("the others are probed", LONG, || {
        (ready.probes().len() > 4 && drain.probes().len() > 4).then_some(())
    });
    let served = Crowd::send(daemon.address(), 4, 25, "").served();
    assert_eq!(from_origin(&served, "ready"), 100);
    assert_eq!((drain.requests(), maint.connections()), (0, 0));
    let status = daemon.status();
    assert!(status.contains(&format!("backend site/drain {}: drain, ", drain.address)), "{status}");
    assert!(status.contains(&format!("backend site/maint {}: maint, ", maint.address)), "{status}");
    assert!(status.contains("2 of 3 backends available, 3 healthy"), "{status}");
    assert_eq!(events(&daemon), []);
}

#[test]
fn who_answers_slowly_gets_less() {
    for policy in ["power_of_two", "least_loaded"] {
        let origins = ["slow", "one", "other"].map(FaultyOrigin::new);
        let all = origins.each_ref();
        all[0].turn(Mood::Slow(Duration::from_millis(20)));
        let cluster = format!("load_balancing = \"{policy}\"\nload_metric = \"latency\"");
        let daemon = Daemon::site(2, "", &cluster, &all.map(|origin| (origin, "")));
        let served = Crowd::send(daemon.address(), 4, 100, "").served();
        assert_eq!(with_status(&served, 200), 400);
        let slow = from_origin(&served, "slow");
        assert!(slow <= 40, "{policy}: {slow} of 400 went to the slow one");
    }
}

#[test]
fn who_fails_fast_attracts_nothing() {
    let origins = ["failing", "one", "other"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    all[0].turn(Mood::Saying(500));
    all[1..].iter().for_each(|origin| origin.turn(Mood::Slow(Duration::from_millis(10))));
    let daemon = Daemon::site(2, "", "load_metric = \"latency\"", &all.map(|origin| (origin, "")));
    let served = Crowd::send(daemon.address(), 4, 50, "").served();
    let failed = with_status(&served, 500);
    assert!(failed <= 20, "{failed} of 200 went to the one that fails");
}

#[test]
fn who_comes_back_is_eased_in() {
    let (steady, back) = (FaultyOrigin::new("steady"), FaultyOrigin::new("back"));
    let check = CHECK.replace("500ms", "100ms").replace("fall = 3", "fall = 1");
    let cluster = format!("load_balancing = \"round_robin\"\nslow_start = \"4s\"\n{check}");
    let daemon = Daemon::site(2, "", &cluster, &[(&steady, ""), (&back, "")]);
    let share = || {
        let served = Crowd::send(daemon.address(), 4, 25, "").served();
        assert_eq!(with_status(&served, 200), 100);
        from_origin(&served, "back")
    };
    let whole = share();
    assert!((40..=60).contains(&whole), "what is there at the start is not eased in: {whole} of 100");
    back.turn(Mood::Saying(500));
    daemon.expect_log("HEALTH_CHECK_UNHEALTHY cluster=site backend=back");
    assert_eq!(share(), 0);
    back.turn(Mood::Well);
    daemon.expect_log("HEALTH_CHECK_HEALTHY cluster=site backend=back");
    let first = share();
    assert!((1..=35).contains(&first), "{first} of 100 at first");
    eventually("it has its share again", LONG, || {
        rest(Duration::from_millis(100));
        (share() >= 45).then_some(())
    });
}

#[test]
fn who_fails_request_after_request_is_ejected_for_a_while_and_never_too_many_are() {
    let origins = ["a", "b", "c"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    let [_, b, c] = all;
    let cluster = "load_balancing = \"round_robin\"\n[clusters.site.outlier_detection]\nserver_errors = 5\n\
                   connect_failures = 0\nejection_time = \"1500ms\"\nejected_max = 50";
    let daemon = Daemon::site(2, "", cluster, &all.map(|origin| (origin, "")));
    let drive = || Crowd::send(daemon.address(), 4, 20, "").served();
    assert_eq!(with_status(&drive(), 200), 80);
    // Of three no more than one may be out: 50 % is rounded down.
    [b, c].iter().for_each(|origin| origin.turn(Mood::Saying(500)));
    let served = drive();
    assert!(with_status(&served, 500) > 5, "one of them goes on failing");
    daemon.expect_log("BACKEND_EJECTED cluster=site backend=");
    let status = daemon.status();
    assert!(status.contains("2 of 3 backends available, 3 healthy, 1 ejected, 0 down"), "{status}");
    assert!(
        status.contains("; all down 0 times, 1 ejections, ") && !status.contains(" 0 refused\n"),
        "{status}"
    );
    [b, c].iter().for_each(|origin| origin.turn(Mood::Well));
    let out = &events(&daemon)[0].1;
    let ejected = if out == "b" { b } else { c };
    let before = ejected.requests();
    let served = drive();
    assert_eq!(with_status(&served, 200), 80);
    assert_eq!((from_origin(&served, out), ejected.requests()), (0, before), "it gets nothing");
    expect_events(&daemon, &[("BACKEND_EJECTED", out), ("BACKEND_RETURNED", out)]);
    eventually("it serves again", LONG, || (from_origin(&drive(), out) > 10).then_some(()));
    assert_eq!(events(&daemon).len(), 2);
}

#[test]
fn who_says_nothing_or_refuses_is_ejected_as_well() {
    for (mood, reason) in [(Mood::Silent, "gateway errors"), (Mood::Refusing, "failed connects")] {
        let origins = ["well", "sick", "other"].map(FaultyOrigin::new);
        let all = origins.each_ref();
        let cluster = "[clusters.site.outlier_detection]\nserver_errors = 0\ngateway_errors = 4\nconnect_failures = 4\n\
                       ejection_time = \"30s\"";
        let daemon = Daemon::site(2, "timeouts = { response = \"200ms\" }", cluster, &all.map(|o| (o, "")));
        all[1].turn(mood);
        eventually("it is ejected", LONG, || {
            Crowd::send(daemon.address(), 6, 2, "").served();
            (daemon.logged("BACKEND_EJECTED") > 0).then_some(())
        });
        let served = Crowd::send(daemon.address(), 6, 10, "").served();
        assert_eq!(with_status(&served, 200), 60, "{mood:?}");
        assert_eq!(events(&daemon), [("BACKEND_EJECTED".to_owned(), "sick".to_owned())]);
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains("BACKEND_EJECTED")).expect("it was logged");
        assert!(line.contains(reason) && line.contains("it is out for 30 s"), "{line}");
    }
}

#[test]
fn who_fails_more_often_than_the_others_is_ejected_without_a_run_of_failures() {
    let origins = ["a", "b", "c", "d", "e"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    let cluster = "[clusters.site.outlier_detection]\nserver_errors = 0\ngateway_errors = 0\nconnect_failures = 0\n\
                   interval = \"1s\"\nsuccess_rate_requests = 20\nejection_time = \"30s\"";
    let daemon = Daemon::site(2, "", cluster, &all.map(|origin| (origin, "")));
    all[2].turn(Mood::Saying(500));
    eventually("it is ejected", LONG, || {
        Crowd::send(daemon.address(), 6, 20, "").served();
        (daemon.logged("BACKEND_EJECTED") > 0).then_some(())
    });
    let served = Crowd::send(daemon.address(), 6, 10, "").served();
    assert_eq!(with_status(&served, 200), 60);
    assert_eq!(events(&daemon), [("BACKEND_EJECTED".to_owned(), "c".to_owned())]);
    daemon.expect_log("its success rate of 0.0 % is below ");
}

#[test]
fn with_too_few_healthy_health_is_ignored() {
    let origins = ["a", "b", "c", "d"].map(FaultyOrigin::new);
    let all = origins.each_ref();
    let check = CHECK.replace("500ms", "100ms").replace("fall = 3", "fall = 1\nstatuses = \"204\"");
    // All of them say 200, which is not what the check wants: it is rather the check that is wrong.
    let daemon = Daemon::site(2, "", &format!("panic_threshold = 50\n{check}"), &all.map(|o| (o, "")));
    daemon.expect_log("NO_AVAILABLE_BACKENDS cluster=site");
    let served = Crowd::send(daemon.address(), 4, 25, "").served();
    assert_eq!(with_status(&served, 200), 100);
    assert!(all.iter().all(|origin| origin.requests() >= 10), "{:?}", all.map(FaultyOrigin::requests));
    daemon.expect_log("FAIL_OPEN_ENTERED");
    assert_eq!(daemon.logged("FAIL_OPEN_ENTERED"), 1);
}

#[test]
fn a_stop_amid_an_outage_is_no_recovery() {
    let origin = FaultyOrigin::that_is(Mood::Saying(500), "sole");
    let check = CHECK.replace("500ms", "100ms").replace("fall = 3", "fall = 1");
    let mut daemon = Daemon::site(2, "", &check, &[(&origin, "")]);
    daemon.expect_log("NO_AVAILABLE_BACKENDS cluster=site");
    let served = Crowd::send(daemon.address(), 8, 1, "").served();
    assert_eq!(with_status(&served, 500), 8, "the answers of the backend: it may be the check that is wrong");
    daemon.expect_log("FAIL_OPEN_ENTERED");
    daemon.signal(Signal::TERM);
    assert!(daemon.wait(LONG).success());
    daemon.expect_log("stopped after 8 requests");
    assert_eq!(events(&daemon).len(), 2, "{:?}", events(&daemon));
    assert_eq!(daemon.logged("FAIL_OPEN_LEFT"), 0);
}

#[test]
fn a_backend_that_refuses_for_long_is_down_and_up_again_as_soon_as_it_answers() {
    let origin = FaultyOrigin::that_is(Mood::Refusing, "sole");
    let daemon = Daemon::site(4, "", "", &[(&origin, "")]);
    // On all shards, each of which finds out for itself until one is sure.
    let mut clients: Vec<_> = (0..16).map(|_| daemon.client()).collect();
    let mut ask = || clients.iter_mut().map(|client| client.get("/")).collect::<Vec<_>>();
    let answers = ask();
    assert!(answers.iter().all(|answer| answer.status == 503 && answer.header("retry-after") == Some("1")));
    eventually("its retries are used up", Duration::from_secs(60), || {
        ask();
        rest(Duration::from_millis(50));
        (daemon.logged("BACKEND_DOWN") > 0).then_some(())
    });
    expect_events(&daemon, &[("BACKEND_DOWN", "sole"), ("NO_AVAILABLE_BACKENDS", "")]);
    assert!(daemon.status().contains("all down, 0 of 1 backends available, 1 healthy, 0 ejected, 1 down"));
    origin.turn(Mood::Well);
    eventually("every shard uses it again", LONG, || {
        rest(Duration::from_millis(50));
        ask().iter().all(|answer| answer.status == 200).then_some(())
    });
    expect_events(
        &daemon,
        &[
            ("BACKEND_DOWN", "sole"),
            ("NO_AVAILABLE_BACKENDS", ""),
            ("BACKEND_UP", "sole"),
            ("CLUSTER_RECOVERED", ""),
        ],
    );
    assert!(daemon.status().contains("available, 1 of 1 backends available, 1 healthy, 0 ejected, 0 down"));
    assert_eq!(origin.probes().len(), 0, "nobody asked for {PROBE_PATH}");
}
