//! One request as it is sent, and what came of it: what the client was told, and what the origin got.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::reading::{PERSONALITIES, Rest, STRICT};
use crate::variant::find;

/// How many connections each proxy gets at the same time. Most of them wait most of the time.
const CONNECTIONS: usize = 24;
/// How long a proxy may keep a client without a word: longer than any of its own deadlines.
const PATIENCE: Duration = Duration::from_secs(15);

/// The statuses a proxy answers with, in order and without interim ones, for each of the `requests`.
pub(crate) fn send_all(to: SocketAddr, requests: &[Vec<u8>]) -> Vec<Vec<u16>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut answers = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(request) = requests.get(at)
        {
            answers.push((at, statuses(&answer(to, request))));
        }
        answers
    };
    let mut answers: Vec<(usize, Vec<u16>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    answers.sort_unstable_by_key(|answer| answer.0);
    answers.into_iter().map(|answer| answer.1).collect()
}

/// Everything a proxy says until it ends the connection.
fn answer(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
    // A proxy that has refused may be gone before all is sent.
    let _ = stream.write_all(request);
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} while waiting for the end of {}", request.escape_ascii()),
    }
    said
}

fn statuses(said: &[u8]) -> Vec<u16> {
    const LINE: usize = "HTTP/1.1 200 ".len();
    let status = |line: &[u8]| {
        let version = line.starts_with(b"HTTP/1.1 ") || line.starts_with(b"HTTP/1.0 ");
        let digits = std::str::from_utf8(&line[9..12]).ok()?;
        digits.parse::<u16>().ok().filter(|status| version && *status >= 200)
    };
    said.windows(LINE).filter_map(status).collect()
}

/// What a proxy made of what the client sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The origin got this many complete requests. `rewritten`: not in the client's own lines; `misread`: some origin reads
    /// something else in them; `then`: what the proxy answered in the end if that was a refusal.
    Forwarded { requests: usize, rewritten: bool, misread: bool, then: Option<u16> },
    /// The origin got the beginning of a request, and never the end.
    Broken(Option<u16>),
    /// The origin saw nothing of it; `None`: neither did the client.
    Refused(Option<u16>),
}

impl Outcome {
    /// From what the client sent, the statuses it got, and the records of the connections to the origin.
    pub(crate) fn of(sent: &[u8], statuses: &[u16], records: &[&[u8]]) -> Outcome {
        let complete = |record: &&[u8]| PERSONALITIES.iter().map(|who| who.read(record).requests.len()).max();
        let requests = records.iter().filter_map(complete).sum();
        let last = statuses.last().copied();
        match records {
            [] => Outcome::Refused(last),
            _ if requests == 0 => Outcome::Broken(last),
            _ => Outcome::Forwarded {
                requests,
                rewritten: !has_lines_of(&records.concat(), sent),
                misread: records.iter().any(|record| misreaders(record).next().is_some()),
                then: last.filter(|status| *status >= 400),
            },
        }
    }

    /// How many requests the origin got.
    pub(crate) fn requests(&self) -> usize {
        if let Outcome::Forwarded { requests, .. } = self { *requests } else { 0 }
    }
}

/// Whether every line of the first request that was sent is there, whichever case the names of fields are written in.
fn has_lines_of(record: &[u8], sent: &[u8]) -> bool {
    let end = STRICT.read(sent).requests.first().map_or(sent.len(), |request| request.end);
    let mut record = record.to_ascii_lowercase();
    sent[..end].to_ascii_lowercase().split_inclusive(|byte| *byte == b'\n').all(|line| {
        let found = find(&record, line);
        // Another line like it must be there as well.
        found.map(|at| record.drain(at..at + line.len())).is_some()
    })
}

/// Who reads something else in what a proxy sent on one connection than the one request that it means.
///
/// The end of a request that was broken off is nobody's to find.
pub(crate) fn misreaders(record: &[u8]) -> impl Iterator<Item = &'static str> {
    let meant = STRICT.read(record);
    PERSONALITIES.iter().filter_map(move |who| {
        let read = who.read(record);
        let alike = match meant.requests.as_slice() {
            [] if meant.rest == Rest::Incomplete => read.requests.is_empty(),
            [_] => read.requests == meant.requests && read.rest == Rest::Nothing,
            _ => false,
        };
        (!alike).then_some(who.name)
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Forwarded { requests, rewritten, misread, then } => {
                match requests {
                    1 if *rewritten => write!(f, "rewritten")?,
                    1 => write!(f, "forwarded")?,
                    _ => write!(f, "{requests} requests")?,
                }
                if *misread {
                    write!(f, ", readable in two ways")?;
                }
                then.map_or(Ok(()), |status| write!(f, ", then {status}"))
            }
            Outcome::Broken(Some(status)) => write!(f, "broken off, {status}"),
            Outcome::Broken(None) => write!(f, "broken off"),
            Outcome::Refused(Some(status)) => write!(f, "{status}"),
            Outcome::Refused(None) => write!(f, "closed"),
        }
    }
}
