//! Inputs by chance: mostly well-formed, with what attackers vary.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use crate::heads;

/// Bytes and pieces that mean something to some parser.
const SPICES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\x7f",
    b"\x80",
    b"\xff",
    b":",
    b",",
    b";",
    b"=",
    b"\"",
    b"\\",
    b"/",
    b"//",
    b"?",
    b"#",
    b"@",
    b"%",
    b"%0d%0a",
    b"*",
    b"0",
    b"-",
    b"+",
    b"0x",
    b"\r\n\r\n",
    b"\r\n ",
    b"{",
    b"HTTP/1.1",
    b"chunked",
    b"close",
    b"[",
    b"]",
    b".",
];

pub(crate) fn pick<'a, T: ?Sized>(rng: &mut SmallRng, choices: &[&'a T]) -> &'a T {
    choices[rng.random_range(0..choices.len())]
}

pub(crate) fn one_in(rng: &mut SmallRng, many: u32) -> bool {
    rng.random_range(0..many) == 0
}

/// Up to `max` bytes out of `alphabet`.
pub(crate) fn word(rng: &mut SmallRng, alphabet: &[u8], max: usize) -> Vec<u8> {
    (0..rng.random_range(0..=max)).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect()
}

/// Any bytes at all.
pub(crate) fn noise(rng: &mut SmallRng) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..200)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// One input in three as it is, one in ten noise, the others spoilt in up to four places.
pub(crate) fn spoil(rng: &mut SmallRng, mut input: Vec<u8>) -> Vec<u8> {
    match rng.random_range(0..30) {
        0..10 => return input,
        10..13 => return noise(rng),
        _ => {}
    }
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=input.len());
        let end = (at + rng.random_range(0..12)).min(input.len());
        match rng.random_range(0..6) {
            0 | 1 => drop(input.splice(at..at, pick(rng, SPICES).iter().copied())),
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].to_vec();
                let to = rng.random_range(0..=input.len());
                input.splice(to..to, again);
            }
            4 if at < input.len() => input[at] = rng.random(),
            4 => input.push(rng.random()),
            _ => input.truncate(at.max(input.len() / 2)),
        }
    }
    input
}

/// A chunked body, with what stands before it in the input of its target.
pub(crate) fn chunked(rng: &mut SmallRng) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..rng.random_range(0..5) {
        let data = word(rng, b"ab\r\n0;", 20);
        if data.is_empty() {
            continue;
        }
        let size = match rng.random_range(0..8) {
            0 => format!("{:X}", data.len()),
            1 => format!("{:016x}", data.len()),
            2 => format!("{:x}", data.len() + 1),
            3 => pick(rng, &["7fffffffffffffff", "8000000000000000", "fffffffffffffffff", "-1", "", "0x1"])
                .to_string(),
            _ => format!("{:x}", data.len()),
        };
        body.extend_from_slice(size.as_bytes());
        body.extend_from_slice(
            pick(rng, &["", "", "", "", ";", ";a", ";a=b", " ;a", "; a=\"\r\n\"", ";a\tb"]).as_bytes(),
        );
        if one_in(rng, 60) {
            body.push(b';');
            body.resize(body.len() + rng.random_range(1000..1040), b'e');
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(&data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(pick(rng, &["0", "0", "0", "00", "0;last", "0 "]).as_bytes());
    body.extend_from_slice(b"\r\n");
    let trailers = [
        "X-A: b\r\n",
        "X-A:\r\n",
        "x:\t\u{e9} \r\n",
        "Content-Length: 5\r\n",
        "transfer-encoding: chunked\r\n",
        "Host: a\r\n",
        "Expect: 1\r\n",
        "X A: b\r\n",
        ": b\r\n",
        "no colon\r\n",
        " folded: a\r\n",
        "X: a\rb\r\n",
        "X: a\n",
        "Connection: x\r\n",
    ];
    let trailers_max = if one_in(rng, 100) { 80 } else { 3 };
    for _ in 0..rng.random_range(0..=trailers_max) {
        let trailer = if one_in(rng, 3) { pick(rng, &trailers) } else { trailers[0] };
        body.extend_from_slice(trailer.as_bytes());
    }
    if one_in(rng, 100) {
        body.extend_from_slice(b"X: ");
        body.resize(body.len() + rng.random_range(8100..8200), b'v');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"\r\n");
    body.extend_from_slice(pick(rng, &["", "GET / HTTP/1.1\r\n", "0\r\n\r\n"]).as_bytes());
    let mut input = rng.random::<[u8; 8]>().to_vec();
    input.extend(spoil(rng, body));
    input
}

/// Something that arrives in pieces, with what stands before it in the input of its target.
pub(crate) fn split(rng: &mut SmallRng) -> Vec<u8> {
    let kind: u8 = rng.random_range(0..3);
    let message = match kind {
        0 => heads::request(rng),
        1 => heads::response(rng),
        _ => chunked(rng).split_off(8),
    };
    let mut input = vec![kind];
    input.extend(rng.random::<[u8; 8]>());
    input.extend(message);
    input
}

/// The value of an Accept field.
pub(crate) fn accept(rng: &mut SmallRng) -> Vec<u8> {
    let ranges = [
        "text/html",
        "text/plain",
        "application/json",
        "*/*",
        "text/*",
        "application/*",
        "*",
        "image/png",
        "TEXT/Html",
        "application/vnd.api+json",
        "application/xhtml+xml",
        "text/html;level=1",
        "a/b;c=\"d,e;q=0\"",
        "",
        "text",
    ];
    let qualities = [
        "",
        "",
        "",
        ";q=1",
        ";q=0",
        ";q=0.5",
        "; q=0.501",
        ";Q=.2",
        ";q=1.0",
        ";q=2",
        ";q=",
        ";q=0.5;x=y",
        " ; q=0.9 ",
        ";x=\"q=0.1\";q=0.3",
        ";q=\"0.5\"",
    ];
    let mut list = Vec::new();
    for member in 0..rng.random_range(0..6) {
        if member > 0 {
            list.extend_from_slice(pick(rng, &[",", ", ", " ,\t", ",,"]).as_bytes());
        }
        list.extend_from_slice(pick(rng, &ranges).as_bytes());
        list.extend_from_slice(pick(rng, &qualities).as_bytes());
    }
    spoil(rng, list)
}

/// How a connection that announces itself begins.
pub(crate) fn proxy_header(rng: &mut SmallRng) -> Vec<u8> {
    let mut input = if one_in(rng, 2) { proxy_line(rng) } else { proxy_block(rng) };
    input.extend_from_slice(b"GET / HTTP/1.1\r\n");
    spoil(rng, input)
}

fn proxy_line(rng: &mut SmallRng) -> Vec<u8> {
    let addresses = [
        "192.0.2.1",
        "0.0.0.0",
        "255.255.255.255",
        "256.0.0.1",
        "01.2.3.4",
        "1.2.3",
        "::1",
        "2001:db8::1",
        "::ffff:192.0.2.1",
        "1:2:3:4:5:6:7:8",
        "::",
        "2001:DB8::A",
        "fe80::1%1",
        "",
    ];
    let ports = ["0", "1", "80", "65535", "65536", "080", "+1", ""];
    let family = pick(rng, &["TCP4", "TCP4", "TCP6", "TCP6", "UNKNOWN", "UDP4", ""]);
    let address = |rng: &mut SmallRng| match family {
        "TCP4" if !one_in(rng, 8) => addresses[rng.random_range(0..3)],
        "TCP6" if !one_in(rng, 8) => addresses[rng.random_range(6..12)],
        _ => pick(rng, &addresses),
    };
    let (from, to) = (address(rng), address(rng));
    let (from_port, to_port) = (ports[rng.random_range(0..5)], pick(rng, &ports));
    let end = pick(rng, &["\r\n", "\r\n", "\r\n", "\n", " \r\n"]);
    if family == "UNKNOWN" && one_in(rng, 2) {
        return format!("PROXY UNKNOWN{end}").into_bytes();
    }
    format!("PROXY {family} {from} {to} {from_port} {to_port}{end}").into_bytes()
}

fn proxy_block(rng: &mut SmallRng) -> Vec<u8> {
    let mut block = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    block.push([0x21, 0x21, 0x21, 0x20, 0x11, 0x22][rng.random_range(0..6)]);
    let (family, addresses) =
        [(0x11, 12), (0x11, 12), (0x21, 36), (0x21, 36), (0x31, 216), (0, 0), (0x12, 12), (0x41, 12)]
            [rng.random_range(0..8)];
    block.push(family);
    let mut rest = vec![0; addresses];
    rng.fill_bytes(&mut rest);
    for _ in 0..rng.random_range(0..3) {
        let value = word(rng, b"abc", 8);
        rest.extend([rng.random_range(1..6), 0, value.len() as u8]);
        rest.extend(value);
    }
    let announced = if one_in(rng, 8) { rng.random_range(0..5000) } else { rest.len() as u16 };
    block.extend(announced.to_be_bytes());
    block.extend(rest);
    block
}
