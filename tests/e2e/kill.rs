//! `kill -9` of an origin process under load.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::common::{Client, Daemon, LONG, Origin, eventually};

/// What turns [`origin_process`] into an origin: its name, and where it listens.
const ORIGIN: &str = "RINGWAY_E2E_ORIGIN";

/// Not a test of its own: the process that [`OriginProcess`] starts and kills.
#[test]
#[ignore = "an origin process of another test"]
fn origin_process() {
    let Ok(origin) = env::var(ORIGIN) else { return };
    let (name, address) = origin.split_once('@').expect("name@address");
    let origin = Origin::echo_at(address, String::leak(name.to_owned()));
    println!("\norigin on {}", origin.address);
    // Until it is killed, or whoever started it is gone.
    let _ = std::io::stdin().read_line(&mut String::new());
}

struct OriginProcess {
    child: Child,
    address: SocketAddr,
}

impl OriginProcess {
    fn start(name: &str, address: &str) -> OriginProcess {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "kill::origin_process", "--ignored", "--nocapture"])
            .env(ORIGIN, format!("{name}@{address}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| line.strip_prefix("origin on ")?.parse().ok()).next();
        OriginProcess { child, address: address.expect("it says where it listens") }
    }

    fn kill(mut self) -> SocketAddr {
        self.end();
        self.address
    }

    fn end(&mut self) {
        // SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for OriginProcess {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Default)]
struct Seen {
    ends: AtomicBool,
    a: AtomicU64,
    b: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Seen {
    fn errors(&self) -> MutexGuard<'_, Vec<String>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `n` more answers of an origin.
    fn more(&self, what: &str, of: &AtomicU64, n: u64) {
        let goal = of.load(Ordering::Relaxed) + n;
        eventually(what, LONG, || {
            assert_eq!(*self.errors(), [""; 0], "waiting for {what}");
            (of.load(Ordering::Relaxed) >= goal).then_some(())
        });
    }

    fn request(&self, client: &mut Client) {
        match client.try_get("/") {
            Ok(answer) => match (answer.status, answer.header("origin")) {
                (200, Some("a")) => drop(self.a.fetch_add(1, Ordering::Relaxed)),
                (200, Some("b")) => drop(self.b.fetch_add(1, Ordering::Relaxed)),
                _ => self.errors().push(format!("{answer:?}")),
            },
            Err(error) => self.errors().push(error.to_string()),
        }
    }
}

#[test]
fn nobody_sees_that_one_of_two_origins_was_killed_and_it_serves_again_when_it_is_back() {
    const CLIENTS: usize = 4;
    let (a, b) = (OriginProcess::start("a", "127.0.0.1:0"), OriginProcess::start("b", "127.0.0.1:0"));
    let daemon = Daemon::tuned("", "", &[a.address, b.address]);
    let seen = Seen::default();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = daemon.client();
                while !seen.ends.load(Ordering::Relaxed) && seen.errors().is_empty() {
                    seen.request(&mut client);
                }
            });
        }
        // However this ends, the clients end with it.
        let _ends = Ends(&seen.ends);
        seen.more("answers of a", &seen.a, 100);
        seen.more("answers of b", &seen.b, 100);
        let address = a.kill();
        seen.more("answers of b while a is dead", &seen.b, 500);
        let _a = OriginProcess::start("a", &address.to_string());
        seen.more("answers of a, which is back", &seen.a, 100);
        seen.more("answers of b beside it", &seen.b, 100);
    });
    assert_eq!(*seen.errors(), [""; 0]);
}

struct Ends<'s>(&'s AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
