//! A client of the command socket: a verb goes out, its answer comes back.
//!
//! Each message is a length of 8 bytes, little-endian, that counts itself, and a protobuf message. It blocks, within
//! bounds: a command that waits for ever is worse than one that fails.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prost::Message;
use ringway_core::{Answer, ErrorCode, Verb, VerbError};
use socket2::{Domain, SockAddr, Socket, Type};

use self::wire::{Request, Response, State};
use super::exit;

mod wire;

/// How long an answer may take unless `--timeout` says otherwise: a state of 100,000 backends is loaded in a few seconds.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest message taken: a configuration of a million changes of 250 bytes.
const MESSAGE_BYTES_MAX: u64 = 256 << 20;
/// The bytes of the length before each message, which it counts.
const LENGTH_BYTES: usize = 8;
/// What is read at once.
const READ_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// Nobody is there.
    #[error("{}: {error}; {}", path.display(), remedy(error))]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It was asked, and then the connection ended.
    #[error(
        "the daemon closed the connection before its answer ({0}); whether it was done is not known, \
         ringway status says whether it still runs"
    )]
    Gone(String),
    /// It was asked, and time is over.
    #[error(
        "the daemon did not answer within {}; it may still do it, ringway status says how it stands, \
         and --timeout waits longer", told(*.0)
    )]
    Slow(Duration),
    /// What came can not be understood.
    #[error("what came back is no answer: {0}; is this the command socket of a Ringway of this version?")]
    Garbage(String),
    /// It says no.
    #[error("{0}")]
    Refused(VerbError),
    /// It says no, and does not know our own errors.
    #[error("{0}")]
    Failed(String),
}

impl ClientError {
    /// A word for scripts.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            ClientError::Unreachable { .. } => "unreachable",
            ClientError::Gone(_) => "gone",
            ClientError::Slow(_) => "timeout",
            ClientError::Garbage(_) => "garbage",
            ClientError::Refused(error) => error.code.as_str(),
            ClientError::Failed(_) => "failed",
        }
    }

    /// What the process exits with.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            ClientError::Unreachable { .. } => exit::UNREACHABLE,
            ClientError::Gone(_) | ClientError::Slow(_) | ClientError::Garbage(_) => exit::NO_ANSWER,
            ClientError::Refused(error) => exit::of(error.code),
            ClientError::Failed(_) => exit::FAILURE,
        }
    }

    /// As a refusal, which is how scripts read it.
    pub(super) fn not_found(message: impl Into<String>) -> ClientError {
        ClientError::Refused(VerbError::new(ErrorCode::NotFound, message))
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "remedy: start the daemon with daemon.command_socket set, or say where its socket is: -s PATH, -c FILE or \
             RINGWAY_SOCKET"
        }
        io::ErrorKind::ConnectionRefused => "nobody listens there: the daemon has ended; remedy: start it",
        io::ErrorKind::PermissionDenied => "remedy: be the user that the daemon runs as, or root",
        io::ErrorKind::WouldBlock => {
            "the daemon does not accept connections; remedy: try again, or see its log"
        }
        _ => "remedy: check the path with -s PATH",
    }
}

fn told(time: Duration) -> String {
    let ms = time.as_millis();
    if ms.is_multiple_of(1_000) { format!("{} s", ms / 1_000) } else { format!("{ms} ms") }
}

/// A connection to a daemon.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    timeout: Duration,
    /// What has come and was not yet a whole message.
    received: Vec<u8>,
}

impl Client {
    /// Connects to the socket `path`; connecting, sending and answering may each take `timeout`.
    pub(super) fn connect(path: &Path, timeout: Duration) -> Result<Client, ClientError> {
        let connect = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            // Bounds the wait for a full queue of the listener as well.
            socket.set_write_timeout(Some(timeout))?;
            socket.connect(&SockAddr::unix(path)?)?;
            Ok(UnixStream::from(OwnedFd::from(socket)))
        };
        let stream = connect().map_err(|error| ClientError::Unreachable { path: path.to_owned(), error })?;
        Ok(Client { stream, timeout, received: Vec::new() })
    }

    /// Asks, and waits for the last answer.
    pub(super) fn ask(&mut self, verb: &Verb) -> Result<Answer, ClientError> {
        self.send(verb)?;
        let deadline = now() + self.timeout;
        loop {
            match self.response(Some(deadline))? {
                None => return Err(ClientError::Slow(self.timeout)),
                Some(response) if response.status() == State::Processing => {}
                Some(response) => return answer(&response),
            }
        }
    }

    /// Asks, and lets [`Client::next`] read what comes.
    pub(super) fn send(&mut self, verb: &Verb) -> Result<(), ClientError> {
        let json = serde_json::to_string(verb).expect("a verb is plain data");
        let message = frame(&Request { ringway: Some(json) });
        self.stream.write_all(&message).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Slow(self.timeout),
            // It may have said why before it closed.
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => match self.response(Some(now())) {
                Ok(Some(response)) => match answer(&response) {
                    Err(refused) => refused,
                    Ok(_) => ClientError::Gone(error.to_string()),
                },
                Ok(None) | Err(_) => ClientError::Gone(error.to_string()),
            },
            _ => ClientError::Gone(error.to_string()),
        })
    }

    /// The next answer, the last or not; `None` if `wait` is over before it begins. Without `wait` it may take for ever.
    pub(super) fn next(&mut self, wait: Option<Duration>) -> Result<Option<Answer>, ClientError> {
        let deadline = wait.map(|wait| now() + wait);
        loop {
            let Some(response) = self.response(deadline)? else { return Ok(None) };
            let empty = response.content.as_ref().is_none_or(|content| content.ringway.is_none());
            if empty && response.status() == State::Processing {
                continue;
            }
            return answer(&response).map(Some);
        }
    }

    fn response(&mut self, deadline: Option<Instant>) -> Result<Option<Response>, ClientError> {
        let Some(message) = self.message(deadline)? else { return Ok(None) };
        let response =
            Response::decode(&message[..]).map_err(|error| ClientError::Garbage(error.to_string()))?;
        match State::try_from(response.status) {
            Ok(_) => Ok(Some(response)),
            Err(_) => Err(ClientError::Garbage(format!("there is no status {}", response.status))),
        }
    }

    /// A whole message; `None`: none began before the deadline.
    fn message(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, ClientError> {
        let mut chunk = vec![0; READ_BYTES];
        loop {
            if let Some(end) = self.end()? {
                let rest = self.received.split_off(end);
                let mut message = std::mem::replace(&mut self.received, rest);
                message.drain(..LENGTH_BYTES);
                return Ok(Some(message));
            }
            let begun = !self.received.is_empty();
            let wait = match deadline {
                // What is there already may be read when time is over, too.
                Some(deadline) => {
                    Some(deadline.saturating_duration_since(now()).max(Duration::from_micros(1)))
                }
                None => begun.then_some(self.timeout),
            };
            self.stream.set_read_timeout(wait).map_err(|error| ClientError::Gone(error.to_string()))?;
            match self.stream.read(&mut chunk) {
                Ok(0) if begun => return Err(ClientError::Gone("in the middle of a message".to_owned())),
                Ok(0) => return Err(ClientError::Gone("without a word".to_owned())),
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return if begun { Err(ClientError::Slow(self.timeout)) } else { Ok(None) };
                }
                Err(error) => return Err(ClientError::Gone(error.to_string())),
            }
        }
    }

    /// Where the first message ends, if all of it is there.
    fn end(&self) -> Result<Option<usize>, ClientError> {
        let Some(length) = self.received.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u64::from_le_bytes(*length);
        if !(LENGTH_BYTES as u64..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(ClientError::Garbage(format!("a message of {length} bytes")));
        }
        let length = usize::try_from(length).expect("at most a few hundred MiB");
        Ok((self.received.len() >= length).then_some(length))
    }
}

/// A message with its length.
fn frame(message: &impl Message) -> Vec<u8> {
    let length = LENGTH_BYTES + message.encoded_len();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&(length as u64).to_le_bytes());
    message.encode(&mut bytes).expect("a vector grows");
    bytes
}

fn answer(response: &Response) -> Result<Answer, ClientError> {
    if response.status() == State::Failure {
        let Some(error) = &response.ringway_error else {
            return Err(ClientError::Failed(response.message.clone()));
        };
        let error = serde_json::from_str(error);
        return Err(
            error.map_or_else(|_| ClientError::Failed(response.message.clone()), ClientError::Refused)
        );
    }
    let Some(json) = response.content.as_ref().and_then(|content| content.ringway.as_ref()) else {
        return Err(ClientError::Garbage(format!("nothing but the message {:?}", response.message)));
    };
    serde_json::from_str(json).map_err(|error| ClientError::Garbage(error.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "a person waits, in a process without an engine")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
