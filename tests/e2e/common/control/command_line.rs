//! Subcommands as a script runs them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::daemon::LONG;
use crate::common::wait::eventually;

/// What came of one.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The answer in JSON of one that must succeed; `words` is what was asked.
    pub(crate) fn answer(&self, words: &str) -> Value {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "ringway {words}: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("ringway {words}: {error}: {self:?}"))
    }

    /// The refusal in JSON of one that must exit with `code`.
    pub(crate) fn refusal(&self, words: &str, code: i32) -> Value {
        assert_eq!((self.code, &*self.out), (Some(code), ""), "ringway {words}: {self:?}");
        serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("ringway {words}: {error}: {self:?}"))
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it has not ended within that time; it is killed then.
pub(crate) fn run_within(command: &mut Command, within: Duration) -> Said {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Ended(command.spawn().expect("it can be run"));
    let out = reader(child.0.stdout.take().expect("piped"));
    let err = reader(child.0.stderr.take().expect("piped"));
    let status = child.wait(within);
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("a text");
    Said { code: status.code(), out: text(out), err: text(err) }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("a text");
        text
    })
}

/// One that goes on, and is read line by line. Dropping it kills it.
pub(crate) struct Running {
    child: Ended,
    lines: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Ended(command.spawn().expect("it can be run"));
        let (sender, lines) = mpsc::channel();
        let out = child.0.stdout.take().expect("piped");
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Running { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// The next line.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(LONG).expect("a line")
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        self.child.wait(within)
    }
}

/// A child that does not outlive this.
struct Ended(Child);

impl Ended {
    fn wait(&mut self, within: Duration) -> ExitStatus {
        eventually("the end of a command", within, || self.0.try_wait().expect("a child"))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
