//! A daemon's end of the command socket, for tests: a thread that says what it is told to.

use std::fs;
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};

use super::wire::Content;
pub(in crate::cli) use super::wire::State;
use super::*;

/// A socket at which `serve` handles the first connection.
pub(in crate::cli) struct Server {
    /// Where it listens.
    pub(in crate::cli) path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(in crate::cli) fn new(name: &str, serve: impl FnOnce(UnixStream) + Send + 'static) -> Server {
        let path = std::env::temp_dir().join(format!("ringway-{}-{name}.sock", std::process::id()));
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let thread = thread::spawn(move || serve(listener.accept().expect("a client").0));
        Server { path, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let outcome = self.thread.take().expect("only here").join();
        if !thread::panicking() {
            outcome.expect("the server is content");
        }
    }
}

/// The verb that was asked.
pub(in crate::cli) fn asked(stream: &mut UnixStream) -> Verb {
    let mut length = [0; 8];
    stream.read_exact(&mut length).expect("a length");
    let mut message = vec![0; usize::try_from(u64::from_le_bytes(length)).expect("small") - 8];
    stream.read_exact(&mut message).expect("a message");
    let request = Request::decode(&message[..]).expect("a request");
    serde_json::from_str(&request.ringway.expect("our field")).expect("a verb")
}

/// An answer, or only words.
pub(in crate::cli) fn reply(state: State, answer: Option<&Answer>) -> Vec<u8> {
    let json = answer.map(|answer| serde_json::to_string(answer).expect("plain data"));
    let content = json.map(|json| Content { ringway: Some(json) });
    frame(&Response { status: state.into(), message: "words".to_owned(), content, ringway_error: None })
}

/// A refusal, with or without our own error.
pub(in crate::cli) fn refusal(error: Option<&VerbError>) -> Vec<u8> {
    let ringway_error = error.map(|error| serde_json::to_string(error).expect("plain data"));
    let message = "it can not be".to_owned();
    frame(&Response { status: State::Failure.into(), message, content: None, ringway_error })
}

/// Waits until the client has gone.
pub(in crate::cli) fn drained(mut stream: UnixStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}
