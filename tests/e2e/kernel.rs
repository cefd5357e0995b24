//! What the daemon asks of the kernel while it works.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Daemon, LONG, Origin, eventually, thread_id, thread_names, tool};

/// Runs `observe` while clients ask and ask again over connections that stay; it is given the number of answers so far.
fn under_load<T>(daemon: &Daemon, observe: impl FnOnce(&AtomicU64) -> T) -> T {
    const CLIENTS: usize = 4;
    let (ends, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = daemon.client();
                    while !ends.load(Ordering::Relaxed) {
                        assert_eq!(client.get("/").status, 200);
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let observed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| observe(&answers)));
        ends.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("every request is answered");
        }
        observed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn more(answers: &AtomicU64, n: u64) {
    let goal = answers.load(Ordering::Relaxed) + n;
    eventually("answers", LONG, || (answers.load(Ordering::Relaxed) >= goal).then_some(()));
}

#[test]
fn a_shard_under_load_enters_the_ring_and_does_nothing_else() {
    if !tool("strace") {
        return println!("skipped: strace is not installed");
    }
    let origin = Origin::echo("one");
    let daemon = Daemon::tuned("", "", &[origin.address]);
    let summary = under_load(&daemon, |answers| {
        more(answers, 200);
        let shard = thread_id(daemon.pid(), "shard-0");
        match Trace::start(shard) {
            Some(trace) => {
                more(answers, 2000);
                Some(trace.end())
            }
            None => None,
        }
    });
    let Some(summary) = summary else {
        return println!("skipped: strace may not attach here");
    };
    let calls = |name: &str| -> u64 {
        // % time, seconds, microseconds per call, calls, errors where there were some, name
        let lines = summary.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut found = lines.filter(|columns| columns.last() == Some(&name) && columns.len() >= 5);
        found.next().map_or(0, |columns| columns[3].parse().expect("a number of calls"))
    };
    let (all, enters) = (calls("total"), calls("io_uring_enter"));
    assert!(all >= 500, "too few calls to judge:\n{summary}");
    assert!(enters * 100 >= all * 99, "{enters} of {all} calls are io_uring_enter:\n{summary}");
}

/// `strace -c` of one thread.
struct Trace {
    child: std::process::Child,
    file: PathBuf,
}

impl Trace {
    /// `None`: it may not attach.
    fn start(thread: u32) -> Option<Trace> {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("strace-{thread}.txt"));
        let mut child = Command::new("strace")
            .args(["-c", "-p", &thread.to_string(), "-o"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is installed");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        if said.any(|line| line.contains("attached")) {
            return Some(Trace { child, file });
        }
        let _ = child.wait();
        None
    }

    fn end(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
        let _ = self.child.wait();
        let summary = fs::read_to_string(&self.file).expect("strace wrote its summary");
        let _ = fs::remove_file(&self.file);
        summary
    }
}

#[test]
fn no_operation_makes_the_kernel_start_a_worker_thread() {
    let origin = Origin::echo("one");
    let daemon = Daemon::before(&[&origin]);
    under_load(&daemon, |answers| {
        for _ in 0..10 {
            more(answers, 100);
            // Connections come and go, cleanly and in the middle of a request.
            assert_eq!(daemon.client().get("/").status, 200);
            daemon.client().send("GET / HT");
            let names = thread_names(daemon.pid());
            assert!(!names.iter().any(|name| name.starts_with("iou-")), "{names:?}");
            assert!(names.iter().any(|name| name == "shard-1"), "{names:?}");
        }
    });
}
