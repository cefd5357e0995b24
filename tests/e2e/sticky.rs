//! The cookie that keeps a client at its backend.

use std::collections::BTreeSet;
use std::fs;

use crate::common::{Daemon, FaultyOrigin, LONG, Mood, Response, config_file, eventually, ringway, run};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn sticky(shards: usize, settings: &str, origins: &[FaultyOrigin]) -> Daemon {
    let cluster = format!("[clusters.site.sticky]\n{settings}");
    let origins: Vec<_> = origins.iter().map(|origin| (origin, "")).collect();
    Daemon::site(shards, "", &cluster, &origins)
}

/// An answer to a new connection that brings these cookies; the daemon closes it, so that no port of ours stays in TIME_WAIT.
fn ask(daemon: &Daemon, cookies: &str) -> Response {
    let field = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
    let mut client = daemon.client();
    let answer = client.ask(format!("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{field}\r\n"));
    assert!(matches!(answer.status, 200 | 203), "{answer:?}");
    client.expect_closed();
    answer
}

fn origin(answer: &Response) -> String {
    answer.header("origin").expect("an origin's").to_owned()
}

/// The cookie that an answer sets, as a client sends it back: `name=value`.
fn cookie(answer: &Response) -> Option<String> {
    let (pair, _) = answer.header("set-cookie")?.split_once(';').expect("attributes");
    Some(pair.to_owned())
}

/// A client's first answer: its cookie, and who served it.
fn first(daemon: &Daemon) -> (String, String) {
    let answer = ask(daemon, "");
    (cookie(&answer).expect("a cookie"), origin(&answer))
}

/// Fails unless the cookie leads there, from every shard, and is not set anew.
fn expect_kept(daemon: &Daemon, cookie: &str, at: &str) {
    for n in 0..24 {
        let answer = ask(daemon, &format!("other=1; {cookie}; last=x"));
        assert_eq!((&*origin(&answer), answer.header("set-cookie")), (at, None), "request {n}");
    }
}

/// Fails if the cookie means anything to the daemon.
fn expect_ignored(daemon: &Daemon, cookies: &str) {
    let mut seen = BTreeSet::new();
    for _ in 0..24 {
        let answer = ask(daemon, cookies);
        assert!(cookie(&answer).is_some(), "{cookies:?} was taken for one of ours");
        seen.insert(origin(&answer));
    }
    assert!(seen.len() > 1, "{cookies:?} leads to {seen:?}");
}

#[test]
fn a_client_stays_at_the_backend_that_served_it_first() {
    let origins = NAMES.map(FaultyOrigin::new);
    let daemon = sticky(4, "", &origins);
    let clients: Vec<_> = (0..12).map(|_| first(&daemon)).collect();
    let used: BTreeSet<_> = clients.iter().map(|(_, origin)| origin).collect();
    assert!(used.len() > 1, "{used:?}");
    for (cookie, origin) in clients.iter().take(4) {
        expect_kept(&daemon, cookie, origin);
    }
    // On one connection as well.
    let (cookie, origin) = &clients[0];
    let mut client = daemon.client();
    for _ in 0..10 {
        let answer = client.ask(format!("GET / HTTP/1.1\r\nHost: test\r\nCookie: {cookie}\r\n\r\n"));
        assert_eq!((answer.header("origin"), answer.header("set-cookie")), (Some(&**origin), None));
    }
}

#[test]
fn the_cookie_has_its_name_and_attributes_and_tells_nothing() {
    let origins = NAMES.map(FaultyOrigin::new);
    for (settings, name, attributes) in [
        ("", "ringway", "; Path=/; HttpOnly; SameSite=Lax"),
        (
            "cookie = \"__Host-shop\"\nsecure = true\nsame_site = \"strict\"\nmax_age = \"8h\"",
            "__Host-shop",
            "; Path=/; Max-Age=28800; Secure; HttpOnly; SameSite=Strict",
        ),
        ("http_only = false\nsame_site = \"unset\"\nmax_age = \"90s\"", "ringway", "; Path=/; Max-Age=90"),
        ("secure = true\nsame_site = \"none\"", "ringway", "; Path=/; Secure; HttpOnly; SameSite=None"),
    ] {
        let daemon = sticky(2, settings, &origins);
        let answer = ask(&daemon, "");
        let line = answer.header("set-cookie").expect("a cookie");
        let value = line.strip_prefix(&format!("{name}=")).and_then(|line| line.strip_suffix(attributes));
        let value = value.unwrap_or_else(|| panic!("{settings:?}: {line:?}"));
        assert!(value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line:?}");
        assert_eq!(answer.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 1);
        expect_kept(&daemon, &format!("{name}={value}"), &origin(&answer));
    }
}

#[test]
fn values_that_are_forged_or_of_others_are_ignored() {
    let origins = NAMES.map(FaultyOrigin::new);
    let daemon = sticky(2, "", &origins);
    let (own, _) = first(&daemon);
    let elsewhere = sticky(2, "", &origins);
    let (foreign, _) = first(&elsewhere);
    let value = own.strip_prefix("ringway=").expect("its name");
    let flipped: String = value.chars().rev().collect();
    for cookies in [
        "ringway=a",
        "ringway=",
        "ringway=00000000000000000000000000000000",
        &format!("ringway={}", origins[0].address),
        &format!("ringway={flipped}"),
        &format!("ringway={}", &value[..31]),
        &format!("ringway={value}0"),
        &format!("ringway={}", value.to_uppercase()),
        &format!("RINGWAY={value}"),
        &format!("ringway2={value}"),
        &foreign,
    ] {
        expect_ignored(&daemon, cookies);
    }
}

#[test]
fn a_client_whose_backend_refuses_goes_on_at_another_and_gets_its_cookie() {
    let origins = NAMES.map(FaultyOrigin::new);
    let daemon = sticky(2, "", &origins);
    let (old, home) = first(&daemon);
    let gone = origins.iter().find(|origin| origin.name == home).expect("one of them");
    gone.turn(Mood::Refusing);
    let answer = ask(&daemon, &old);
    let (new, refuge) = (cookie(&answer).expect("a new cookie"), origin(&answer));
    assert!(new != old && refuge != home);
    expect_kept(&daemon, &new, &refuge);
    // It is nobody's but that backend's: who is back finds the clients that did not come meanwhile.
    gone.turn(Mood::Well);
    eventually("the old cookie leads home", LONG, || (origin(&ask(&daemon, &old)) == home).then_some(()));
    expect_kept(&daemon, &new, &refuge);
}

#[test]
fn a_client_whose_backend_is_unhealthy_goes_on_at_another() {
    let origins = NAMES.map(FaultyOrigin::new);
    let check = "[clusters.site.health_check]\npath = \"/health\"\ninterval = \"200ms\"\nrise = 1\nfall = 2\nstatuses = \"200\"";
    let daemon = sticky(2, check, &origins);
    let (old, home) = first(&daemon);
    let sick = origins.iter().find(|origin| origin.name == home).expect("one of them");
    sick.turn(Mood::Saying(203));
    daemon.expect_log(&format!("HEALTH_CHECK_UNHEALTHY cluster=site backend={home} "));
    eventually("every shard knows", LONG, || {
        (0..16).all(|_| origin(&ask(&daemon, &old)) != home).then_some(())
    });
    let requests = sick.requests();
    for _ in 0..16 {
        let answer = ask(&daemon, &old);
        assert_ne!(origin(&answer), home);
        assert_ne!(cookie(&answer).expect("another cookie"), old);
    }
    assert_eq!(sick.requests(), requests);
}

#[test]
fn with_a_secret_file_clients_are_kept_over_a_restart_and_without_one_they_are_not() {
    let origins = NAMES.map(FaultyOrigin::new);
    let key = config_file("this is 16 bytes");
    let settings = format!("secret_file = \"{}\"", key.display());
    let (cookie, home) = first(&sticky(2, &settings, &origins));
    expect_kept(&sticky(2, &settings, &origins), &cookie, &home);
    // With as many shards as you like.
    expect_kept(&sticky(4, &settings, &origins), &cookie, &home);
    fs::write(&key, b"this is another one").expect("it can be written");
    expect_ignored(&sticky(2, &settings, &origins), &cookie);
    fs::remove_file(&key).expect("it was there");
    let (cookie, _) = first(&sticky(2, "", &origins));
    expect_ignored(&sticky(2, "", &origins), &cookie);
}

#[test]
fn clients_of_a_backend_that_drains_go_elsewhere_and_those_of_one_with_a_new_name_stay() {
    let origins = NAMES.map(FaultyOrigin::new);
    let key = config_file("this is 16 bytes");
    let daemon = |lines: [&str; 3]| {
        let cluster = format!("[clusters.site.sticky]\nsecret_file = \"{}\"", key.display());
        let origins: Vec<_> = origins.iter().zip(lines).collect();
        Daemon::site(2, "", &cluster, &origins)
    };
    let first_daemon = daemon([""; 3]);
    let cookies = NAMES.map(|name| {
        let at = |_| Some(first(&first_daemon)).filter(|(_, origin)| origin == name);
        (0..1000).find_map(at).expect("everybody serves").0
    });
    // Now it is b whose clients are known by the name of a, and a that drains.
    let second = daemon(["state = \"drain\"\nsticky_id = \"old\"", "sticky_id = \"a\"", ""]);
    expect_kept(&second, &cookies[0], "b");
    expect_kept(&second, &cookies[2], "c");
    let drained = daemon(["state = \"drain\"", "", ""]);
    let answer = ask(&drained, &cookies[0]);
    assert_ne!(origin(&answer), "a");
    assert_ne!(cookie(&answer).expect("another cookie"), cookies[0]);
    fs::remove_file(&key).expect("it was written");
}

#[test]
fn a_secret_that_is_too_short_or_missing_is_refused_at_the_start_and_by_the_check() {
    let short = config_file("15 bytes of it!");
    let missing = short.with_extension("gone");
    for (path, reason) in [(&short, "15 bytes are too few"), (&missing, "No such file")] {
        let config = config_file(&format!(
            "[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n[clusters.site]\nfrontends = [{{}}]\n\
             backends = [{{ address = \"127.0.0.1:1\" }}]\n[clusters.site.sticky]\nsecret_file = \"{}\"\n",
            path.display()
        ));
        for command in ["start", "check"] {
            let (code, out, err) = run(ringway().args([command, "-c"]).arg(&config));
            assert_eq!(code, Some(2), "{command}: {out}{err}");
            assert!(!out.contains("ready"), "{out}");
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            for text in [reason, name] {
                assert!(err.contains(text), "{command} says nothing of {text:?}: {err}");
            }
        }
        fs::remove_file(config).expect("it was written");
    }
    fs::remove_file(short).expect("it was written");
}
