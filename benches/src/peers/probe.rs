//! One request by hand: whether a port answers as it should, before any load is put on it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::wrk::HOST;

/// How long an answer may take on a loaded machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What a correct answer looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Length of the body.
    pub(crate) body_bytes: usize,
    /// Whether the connection is closed after each answer.
    pub(crate) close: bool,
}

/// Asks a port of this machine twice, on one connection where connections are kept.
///
/// The error says in words what was wrong with the answer.
pub(crate) fn ask(port: u16, expected: Expected) -> Result<(), String> {
    let mut stream = connect(port)?;
    exchange(&mut stream, expected).map_err(|reason| format!("first request: {reason}"))?;
    if expected.close {
        stream = connect(port)?;
    }
    exchange(&mut stream, expected).map_err(|reason| format!("second request: {reason}"))
}

fn connect(port: u16) -> Result<BufReader<TcpStream>, String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).map_err(|error| error.to_string())?;
    Ok(BufReader::new(stream))
}

fn exchange(stream: &mut BufReader<TcpStream>, expected: Expected) -> Result<(), String> {
    let connection = if expected.close { "Connection: close\r\n" } else { "" };
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{connection}\r\n");
    stream.get_mut().write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let length = read_head(stream)?;
    if length != expected.body_bytes {
        return Err(format!("the body has {length} bytes instead of {}", expected.body_bytes));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).map_err(|error| format!("the body is cut short: {error}"))
}

/// Reads an answer's head; gives the length of its body.
fn read_head(stream: &mut impl BufRead) -> Result<usize, String> {
    let mut line = String::new();
    stream.read_line(&mut line).map_err(|error| error.to_string())?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(format!("the answer begins with {:?}", line.trim_end()));
    }
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line).map_err(|error| error.to_string())?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    length.ok_or_else(|| "the answer has no Content-Length".to_owned())
}

#[cfg(test)]
mod tests {
    use super::read_head;

    #[test]
    fn a_good_head_gives_the_length_of_its_body_and_stops_before_it() {
        let mut answer: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(read_head(&mut answer), Ok(5));
        assert_eq!(answer, b"hello");
    }

    #[test]
    fn another_status_is_refused_with_its_line() {
        let mut answer: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\n";
        assert!(read_head(&mut answer).unwrap_err().contains("503"));
    }

    #[test]
    fn a_head_without_length_is_refused() {
        let mut answer: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(read_head(&mut answer).unwrap_err().contains("Content-Length"));
    }
}
