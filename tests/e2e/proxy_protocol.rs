//! The PROXY protocol, in from proxies before us and out to backends.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Client, Daemon, LONG, Origin, Response, eventually, now, read_head, rest};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
/// Takes headers from clients of these tests.
const TAKES: &str = "proxy_protocol = true\ntrusted_proxies = [\"127.0.0.1\"]";

/// A version 2 header with these two bytes behind the signature, and this behind the length.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([command, family]);
    header.extend((block.len() as u16).to_be_bytes());
    header.extend(block);
    header
}

/// The same as [`V1`], in version 2, with an extension that nobody knows.
fn v2_tcp4() -> Vec<u8> {
    v2(
        0x21,
        0x11,
        &[
            &[192, 0, 2, 7, 198, 51, 100, 1][..],
            &40000u16.to_be_bytes(),
            &443u16.to_be_bytes(),
            &[0xE0, 0, 1, 5],
        ]
        .concat(),
    )
}

/// From 2001:db8::7 to 2001:db8::1.
fn v2_tcp6() -> Vec<u8> {
    let address = |last: u8| [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[last]].concat();
    v2(
        0x21,
        0x21,
        &[address(7), address(1), 40000u16.to_be_bytes().to_vec(), 443u16.to_be_bytes().to_vec()].concat(),
    )
}

/// Each header that may come, and whose connection it then is.
fn headers() -> [(&'static str, Vec<u8>, &'static str); 6] {
    [
        ("v1", V1.to_vec(), "192.0.2.7"),
        ("v1 for IPv6", b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n".to_vec(), "2001:db8::7"),
        ("v1 unknown", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        ("v2", v2_tcp4(), "192.0.2.7"),
        ("v2 for IPv6", v2_tcp6(), "2001:db8::7"),
        ("v2 local", v2(0x20, 0, &[]), "127.0.0.1"),
    ]
}

/// Whom an echoing origin was told of.
fn told(answer: &Response) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    let line = answer.text().lines().find_map(|line| line.strip_prefix("x-forwarded-for: "));
    line.expect("a client is told of")
}

fn expect_refused(daemon: &Daemon, count: usize) {
    let line = "PROXY protocol header refused";
    eventually("the refusals in the log", LONG, || {
        (daemon.log().matches(line).count() == count).then_some(())
    });
}

#[test]
fn the_client_is_who_the_header_says() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(TAKES, "", &[origin.address]);
    for (what, header, client) in headers() {
        // In one segment, in two, and byte by byte.
        let whole = [&header[..], GET].concat();
        assert_eq!(told(&daemon.client().ask(&whole)), client, "{what}");
        let mut apart = daemon.client();
        apart.send(&header);
        rest(Duration::from_millis(20));
        assert_eq!(told(&apart.ask(GET)), client, "{what} first");
        let mut slow = daemon.client();
        for byte in whole {
            slow.send([byte]);
        }
        assert_eq!(told(&slow.answer()), client, "{what} byte by byte");
        // It holds for the connection, not for its first request.
        assert_eq!(told(&slow.ask(GET)), client, "{what} again");
    }
}

#[test]
fn the_client_behind_the_proxy_is_not_trusted_for_being_behind_it() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(TAKES, "", &[origin.address]);
    let forged = "GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n";
    assert_eq!(told(&daemon.client().send(V1).ask(forged)), "192.0.2.7");
}

#[test]
fn a_connection_without_a_right_header_is_closed_without_a_word() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned(TAKES, "", &[origin.address]);
    let short = v2(0x21, 0x11, &[0; 8]);
    let bad: [(&str, &[u8]); 8] = [
        ("no header at all", GET),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0"),
        ("a bad address", b"PROXY TCP4 192.0.2.256 198.51.100.1 40000 443\r\n"),
        ("a bad port", b"PROXY TCP4 192.0.2.7 198.51.100.1 040000 443\r\n"),
        ("a bare line feed", b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\n"),
        ("another protocol", b"PROXY UDP4 192.0.2.7 198.51.100.1 40000 443\r\n"),
        ("another version", &[SIGNATURE, &[0x31, 0x11, 0, 0]].concat()),
        ("no room for addresses", &short),
    ];
    for (what, bytes) in bad {
        let mut client = daemon.client();
        client.send(bytes).send(GET);
        println!("{what}");
        client.expect_closed();
    }
    expect_refused(&daemon, bad.len());
    let mut client = daemon.client();
    client.send(&V1[..20]).finish();
    client.expect_closed();
    expect_refused(&daemon, bad.len() + 1);
    assert_eq!(origin.requests(), 0);
    assert_eq!(told(&daemon.client().send(V1).ask(GET)), "192.0.2.7", "it serves on");
}

#[test]
fn a_header_that_does_not_come_in_time_is_not_waited_for() {
    let origin = Origin::echo("one");
    let timeouts = "timeouts = { proxy_header = \"300ms\" }";
    let daemon = Daemon::tuned(&format!("{TAKES}\n{timeouts}"), "", &[origin.address]);
    let start = now();
    let mut silent = daemon.client();
    let mut slow = daemon.client();
    for byte in &V1[..10] {
        slow.send([*byte]);
        rest(Duration::from_millis(40));
    }
    slow.expect_closed();
    silent.expect_closed();
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    expect_refused(&daemon, 2);
}

#[test]
fn a_peer_that_is_not_trusted_is_closed_whatever_it_says() {
    let origin = Origin::echo("one");
    for listener in [TAKES, "proxy_protocol = true\ntrusted_proxies = [\"192.0.2.0/24\"]"] {
        let daemon = Daemon::tuned(listener, "", &[origin.address]);
        let mut client = Client::connect_from("127.0.0.2", daemon.address());
        client.send(V1).send(GET);
        client.expect_closed();
        expect_refused(&daemon, 1);
    }
    assert_eq!(origin.requests(), 0);
}

#[test]
fn a_header_that_was_not_asked_for_is_no_request() {
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("trusted_proxies = [\"127.0.0.1\"]", "", &[origin.address]);
    let answer = daemon.client().send(V1).ask(GET);
    assert_eq!(answer.status, 400);
    assert_eq!(origin.requests(), 0);
}

#[test]
fn on_a_tcp_listener_the_header_ends_here() {
    let origin = Origin::raw(|mut stream| {
        let mut word = [0; 5];
        stream.read_exact(&mut word)?;
        stream.write_all(&word)
    });
    let daemon = Daemon::relaying(TAKES, "", &[origin.address]);
    for (what, header, _) in headers() {
        println!("{what}");
        let mut client = daemon.client();
        assert_eq!(client.send([&header[..], b"hello"].concat()).read_exact(5), b"hello");
        let mut client = daemon.client();
        client.send(&header);
        rest(Duration::from_millis(20));
        assert_eq!(client.send("hello").read_exact(5), b"hello");
    }
    let mut client = daemon.client();
    client.send("hello, this is no header");
    client.expect_closed();
    expect_refused(&daemon, 1);
}

/// What an origin was told at the start of each connection: source and destination; and the targets of the requests behind
/// it, if it was asked for any.
type Told = Arc<Mutex<Vec<(String, Vec<String>)>>>;

/// Reads the header of each connection, then answers requests, or says hello where there is no HTTP.
fn telling(told: &Told, http: bool) -> Origin {
    let told = Arc::clone(told);
    Origin::raw(move |mut out| {
        let mut from = BufReader::new(out.try_clone()?);
        let at = {
            let header = read_proxy_header(&mut from)?;
            let mut told = told.lock().expect("no panic");
            told.push((header, Vec::new()));
            told.len() - 1
        };
        if !http {
            return out.write_all(b"hello");
        }
        loop {
            let request = read_head(&mut from)?;
            told.lock().expect("no panic")[at].1.push(request.target().to_owned());
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
    })
}

/// `source destination`, with their ports.
fn read_proxy_header(from: &mut impl Read) -> std::io::Result<String> {
    let mut start = [0; 12];
    from.read_exact(&mut start)?;
    if start == SIGNATURE {
        let mut rest = [0; 4];
        from.read_exact(&mut rest)?;
        let [command, family, high, low] = rest;
        assert_eq!(command, 0x21);
        let mut block = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        from.read_exact(&mut block)?;
        let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
        Ok(match family {
            0x11 => {
                let ip = |at: usize| <[u8; 4]>::try_from(&block[at..at + 4]).expect("four bytes");
                let [source, destination] =
                    [(0, 8), (4, 10)].map(|(at, port_at)| SocketAddrV4::new(ip(at).into(), port(port_at)));
                format!("{source} {destination}")
            }
            0x21 => {
                let ip = |at: usize| <[u8; 16]>::try_from(&block[at..at + 16]).expect("sixteen bytes");
                let [source, destination] =
                    [(0, 32), (16, 34)].map(|(at, port_at)| SocketAddr::from((ip(at), port(port_at))));
                format!("{source} {destination}")
            }
            other => panic!("family {other}"),
        })
    } else {
        let mut line = start.to_vec();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            from.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).expect("a text");
        let words: Vec<_> = line.trim_end().split(' ').collect();
        let [proxy, family, source, destination, source_port, destination_port] = words[..] else {
            panic!("{line:?}");
        };
        assert_eq!(proxy, "PROXY");
        let end = |ip: &str, port: &str| {
            SocketAddr::new(ip.parse().expect("an address"), port.parse().expect("a port"))
        };
        let (source, destination) = (end(source, source_port), end(destination, destination_port));
        assert_eq!(family, if source.is_ipv4() { "TCP4" } else { "TCP6" });
        Ok(format!("{source} {destination}"))
    }
}

#[test]
fn backends_are_told_whose_connection_it_is() {
    for version in ["v1", "v2"] {
        let told = Told::default();
        let origin = telling(&told, true);
        let cluster = format!("send_proxy = \"{version}\"");
        let daemon = Daemon::tuned("", &cluster, &[origin.address]);
        let mut clients = [daemon.client(), Client::connect_from("127.0.0.9", daemon.address())];
        for n in 0..3 {
            for (who, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.get(&format!("/{who}/{n}")).text(), "ok");
            }
        }
        let ends = clients.each_ref().map(|client| format!("{} {}", client.local(), daemon.address()));
        let told = told.lock().expect("no panic");
        let mut requests = 0;
        for (header, targets) in &*told {
            let who = ends
                .iter()
                .position(|end| end == header)
                .unwrap_or_else(|| panic!("{header} is none of {ends:?}"));
            assert!(
                targets.iter().all(|target| target.starts_with(&format!("/{who}/"))),
                "{version}: {told:?}"
            );
            requests += targets.len();
        }
        assert_eq!(requests, 6);
    }
}

#[test]
fn a_body_follows_the_header_and_the_head() {
    let origin = Origin::raw(|mut out| {
        let mut from = BufReader::new(out.try_clone()?);
        read_proxy_header(&mut from)?;
        let length =
            read_head(&mut from)?.header("content-length").map(|length| length.parse().expect("a number"));
        let mut body = vec![0; length.expect("a length")];
        from.read_exact(&mut body)?;
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
        out.write_all(&body)
    });
    for version in ["v1", "v2"] {
        let daemon = Daemon::tuned("", &format!("send_proxy = \"{version}\""), &[origin.address]);
        for len in [5, 3000, 200_000] {
            let body = vec![b'x'; len];
            let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n");
            let answer = daemon.client().send(head).ask(&body);
            assert!(answer.status == 200 && answer.body == body, "{version}, {len} bytes: {}", answer.status);
        }
    }
}

#[test]
fn backends_of_a_tcp_listener_are_told_as_well() {
    for version in ["v1", "v2"] {
        let told = Told::default();
        let origin = telling(&told, false);
        let daemon = Daemon::relaying("", &format!("send_proxy = \"{version}\""), &[origin.address]);
        let mut client = daemon.client();
        assert_eq!(client.read_exact(5), b"hello");
        let expected = format!("{} {}", client.local(), daemon.address());
        assert_eq!(told.lock().expect("no panic")[0].0, expected, "{version}");
    }
}

#[test]
fn what_one_proxy_says_is_passed_on_to_the_next() {
    for version in ["v1", "v2"] {
        for (header, expected) in [
            (V1.to_vec(), "192.0.2.7:40000 198.51.100.1:443"),
            (v2_tcp6(), "[2001:db8::7]:40000 [2001:db8::1]:443"),
        ] {
            let told = Told::default();
            let (http, tcp) = (telling(&told, true), telling(&told, false));
            let cluster = format!("send_proxy = \"{version}\"");
            let daemon = Daemon::tuned(TAKES, &cluster, &[http.address]);
            assert_eq!(daemon.client().send(&header).ask(GET).text(), "ok");
            let daemon = Daemon::relaying(TAKES, &cluster, &[tcp.address]);
            assert_eq!(daemon.client().send(&header).read_exact(5), b"hello");
            let told = told.lock().expect("no panic");
            let headers: Vec<_> = told.iter().map(|told| told.0.as_str()).collect();
            assert_eq!(headers, [expected; 2], "{version}");
        }
    }
}
