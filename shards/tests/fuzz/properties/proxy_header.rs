//! A PROXY protocol header is refused or understood however it arrives, and what is written is understood again.

use ringway_shards::proxy_protocol::{
    HEADER_BYTES_MAX, Header, LINE_BYTES_MAX, Parsed, Version, parse, write,
};

use super::wire;

/// `data` is how a connection begins.
pub(crate) fn check(data: &[u8]) {
    let whole = parse(data);
    // The first byte that settles it, and that nothing behind it matters.
    let settled = (0..=data.len()).find(|&len| parse(&data[..len]) != Ok(Parsed::Partial));
    match (whole, settled) {
        (Ok(Parsed::Partial), None) => {
            assert!(data.len() < HEADER_BYTES_MAX, "waiting for what will be refused")
        }
        (Ok(Parsed::Complete(header)), Some(len)) => {
            assert_eq!(parse(&data[..len]), whole, "what follows is not looked at");
            assert_eq!(header.header_len, len, "complete with its last byte");
            assert_eq!(header.source.is_some(), header.destination.is_some());
            assert!(len <= HEADER_BYTES_MAX);
            if data.starts_with(b"PROXY ") {
                check_line(&data[..len], &header);
            }
            check_written(&header);
        }
        (Err(error), Some(len)) => {
            assert!(parse(&data[..len]).is_err(), "once refused, for ever refused");
            assert!(!error.to_string().is_empty());
        }
        _ => panic!("{whole:?}, settled after {settled:?} bytes"),
    }
}

/// Version 1 by the letter.
fn check_line(line: &[u8], header: &Header) {
    assert!(line.len() <= LINE_BYTES_MAX && wire::find(line, b"\r\n") == Some(line.len() - 2));
    let text = std::str::from_utf8(&line[..line.len() - 2]).ok();
    let words: Vec<_> = text.unwrap_or("PROXY UNKNOWN").split(' ').collect();
    match words[..] {
        ["PROXY", "TCP4" | "TCP6", source, destination, source_port, destination_port] => {
            for (address, ip, port) in
                [(header.source, source, source_port), (header.destination, destination, destination_port)]
            {
                let address = address.expect("an address");
                let ip: std::net::IpAddr = ip.parse().expect("the standard library reads it too");
                assert_eq!((address.ip(), address.port().to_string().as_str()), (ip.to_canonical(), port));
                assert_eq!(ip.is_ipv4(), words[1] == "TCP4");
            }
        }
        ["PROXY", "UNKNOWN", ..] => assert_eq!(header.source, None),
        _ => panic!("{words:?}"),
    }
}

/// What we tell of the same connection is understood as the same.
fn check_written(header: &Header) {
    let (Some(source), Some(destination)) = (header.source, header.destination) else { return };
    for version in [Version::V1, Version::V2] {
        let mut out = Vec::new();
        write(version, source, destination, &mut out);
        let again = Header { header_len: out.len(), ..*header };
        assert_eq!(parse(&out), Ok(Parsed::Complete(again)), "{version:?}: {}", out.escape_ascii());
    }
}
