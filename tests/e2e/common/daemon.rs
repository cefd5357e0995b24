//! The real binary as a child process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::faulty_origin::FaultyOrigin;
use super::origin::Origin;
use super::wait::eventually;

/// Long enough for anything that happens at all, also on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// What the log of a daemon says for which the kernel has no memory to lock.
const MEMORY_IS_LOCKED: &str = "no lockable memory left";

static FILES: AtomicU32 = AtomicU32::new(0);

/// The binary under test.
pub(crate) fn ringway() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ringway"))
}

/// A daemon that is ready. Dropping it kills it, and shows its log if the test failed.
pub(crate) struct Daemon {
    child: Child,
    /// What it printed up to `ready`.
    pub(crate) start_lines: Vec<String>,
    log: Arc<Mutex<String>>,
    file: Option<PathBuf>,
}

impl Daemon {
    /// In front of `origins`, without a file, with two shards.
    pub(crate) fn before(origins: &[&Origin]) -> Daemon {
        let to = origins.iter().flat_map(|origin| ["--to".to_owned(), origin.address.to_string()]);
        let args: Vec<_> = to.collect();
        let mut command = ringway();
        command.args(["start", "--listen", "127.0.0.1:0", "--shards", "2"]).args(args);
        Daemon::spawn(command, None)
    }

    /// With this configuration file.
    pub(crate) fn configured(toml: &str) -> Daemon {
        let file = config_file(toml);
        let mut command = ringway();
        command.args(["start", "-c"]).arg(&file);
        Daemon::spawn(command, Some(file))
    }

    /// With the configuration file at this path, which stays.
    pub(crate) fn from_file(file: &Path) -> Daemon {
        let mut command = ringway();
        command.args(["start", "-c"]).arg(file);
        Daemon::spawn(command, None)
    }

    /// With one listener `main` on a port of its own, these further lines of it, and one cluster with these backends.
    pub(crate) fn tuned(listener: &str, cluster: &str, origins: &[SocketAddr]) -> Daemon {
        Daemon::configured(&tuned(listener, cluster, origins))
    }

    /// As [`Daemon::tuned`], with a listener that speaks TCP.
    pub(crate) fn relaying(listener: &str, cluster: &str, origins: &[SocketAddr]) -> Daemon {
        let listener = format!("protocol = \"tcp\"\ncluster = \"site\"\n{listener}");
        Daemon::configured(&tuned(&listener, cluster, origins).replace("[[clusters.site.frontends]]\n", ""))
    }

    /// With so many shards, one listener `main` with these further lines, and one cluster `site` in front of origins, each with
    /// further lines of its own and its name as its id.
    pub(crate) fn site(
        shards: usize,
        listener: &str,
        cluster: &str,
        origins: &[(&FaultyOrigin, &str)],
    ) -> Daemon {
        let backend = |(origin, lines): &(&FaultyOrigin, &str)| {
            let (id, address) = (&origin.name, origin.address);
            format!("[[clusters.site.backends]]\nid = \"{id}\"\naddress = \"{address}\"\n{lines}\n")
        };
        let backends: String = origins.iter().map(backend).collect();
        Daemon::configured(&format!(
            "[daemon]\nshards = {shards}\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n{listener}\n\
             [clusters.site]\n{cluster}\n[[clusters.site.frontends]]\n{backends}"
        ))
    }

    /// With this configuration file, and no more than so many descriptors.
    pub(crate) fn confined(descriptors: u32, toml: &str) -> Daemon {
        let file = config_file(toml);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors} && exec \"$@\""), "sh"]);
        command.arg(env!("CARGO_BIN_EXE_ringway")).args(["start", "-c"]).arg(&file);
        Daemon::spawn(command, Some(file))
    }

    fn spawn(mut command: Command, file: Option<PathBuf>) -> Daemon {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The kernel takes the memory of ended rings back late: where it may be locked only up to a limit, the tests
        // before this one may still have it.
        eventually("a daemon that is ready", LONG, || match Daemon::try_spawn(&mut command) {
            Ok(daemon) => Some(daemon),
            Err(log) if log.contains(MEMORY_IS_LOCKED) => None,
            Err(log) => panic!("it did not become ready; its log:\n{log}"),
        })
        .with_file(file)
    }

    fn with_file(mut self, file: Option<PathBuf>) -> Daemon {
        self.file = file;
        self
    }

    /// The daemon, or the log of one that did not become ready.
    fn try_spawn(command: &mut Command) -> Result<Daemon, String> {
        let mut child = command.spawn().expect("the binary was built");
        let log = Arc::<Mutex<String>>::default();
        let (stderr, theirs) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        let logging = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = theirs.lock().expect("no panic");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let (lines, started) = mpsc::channel();
        let stdout = child.stdout.take().expect("piped");
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut daemon = Daemon { child, start_lines: Vec::new(), log, file: None };
        loop {
            let Ok(line) = started.recv_timeout(LONG) else {
                let _ = daemon.child.kill();
                // Its end is the end of its log.
                let _ = logging.join();
                return Err(daemon.log());
            };
            daemon.start_lines.push(line);
            if daemon.start_lines.last().is_some_and(|line| line == "ready") {
                return Ok(daemon);
            }
        }
    }

    /// Where its only listener listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let mut all = self.addresses();
        let (_, address) = all.next().expect("a listener");
        assert!(all.next().is_none(), "more than one listener: name it");
        address
    }

    /// Where the listener `name` listens.
    pub(crate) fn listener(&self, name: &str) -> SocketAddr {
        self.addresses().find(|listener| listener.0 == name).expect("a listener of that name").1
    }

    /// From the lines `listener NAME on ADDRESS: ...`.
    fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.start_lines.iter().filter_map(|line| {
            let (name, rest) = line.strip_prefix("listener ")?.split_once(" on ")?;
            let (address, _) = rest.split_once(": ")?;
            Some((name, address.parse().ok()?))
        })
    }

    /// A connection to its only listener.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits for a line of the log that has `text` in it.
    pub(crate) fn expect_log(&self, text: &str) {
        eventually(&format!("{text:?} in the log"), LONG, || self.log().contains(text).then_some(()));
    }

    /// How many lines of the log have `text` in them.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Has it log how everything stands, and returns those lines. For configurations with one cluster.
    pub(crate) fn status(&self) -> String {
        let seen = self.log().len();
        self.signal(Signal::USR1);
        eventually("how everything stands", LONG, || {
            let log = self.log();
            let (_, cluster) = log[seen..].split_once(" INFO cluster ")?;
            let (_, count) = cluster.split_once(" backends available")?.0.rsplit_once(" of ")?;
            let is_whole = cluster.matches(" INFO backend ").count() == count.parse::<usize>().ok()?;
            is_whole.then(|| log[seen..].to_owned())
        })
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        eventually("the end of the daemon", within, || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// A file with this content, in the folder for such.
pub(crate) fn config_file(toml: &str) -> PathBuf {
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("ringway-{}-{number}.toml", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, toml).expect("a folder to write to");
    path
}

/// A configuration with one listener `main` and one cluster `site`, one shard, and everything in the log.
fn tuned(listener: &str, cluster: &str, origins: &[SocketAddr]) -> String {
    let backends: String = origins
        .iter()
        .map(|origin| format!("[[clusters.site.backends]]\naddress = \"{origin}\"\n"))
        .collect();
    format!(
        "[daemon]\nshards = 1\nlog_level = \"debug\"\n\
         [[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n{listener}\n\
         [clusters.site]\n{cluster}\n[[clusters.site.frontends]]\n{backends}"
    )
}

/// Runs a command to its end: its exit code, what it printed, and what it said on stderr.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.stdin(Stdio::null()).output().expect("it can be run");
    let text = |bytes| String::from_utf8(bytes).expect("a text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}
