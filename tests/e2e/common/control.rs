//! A daemon that takes commands: its folder, its socket, and every way to talk to it.

mod channel;
mod command_line;
mod events;
mod sozu;
mod verbs;
pub(crate) mod wire;

use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

pub(crate) use channel::{Channel, framed};
pub(crate) use command_line::{Running, Said, run_within};
pub(crate) use events::{Events, Record, about};
pub(crate) use sozu::Sozu;
pub(crate) use verbs::{Verbs, change};

use super::client::{Client, Response};
use super::daemon::{Daemon, LONG, ringway};
use super::faulty_origin::FaultyOrigin;
use super::wait::{eventually, now};

static FOLDERS: AtomicU32 = AtomicU32::new(0);
static ADDRESSES: AtomicU32 = AtomicU32::new(0);

/// Where everything of one daemon lies: its configuration, its socket, its state file. Only its owner may look into it, and
/// dropping it removes it.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// An empty one; its path is short, because the kernel takes no more than 107 bytes for a socket.
    pub(crate) fn new() -> Folder {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringway-{}-{number}", std::process::id()));
        // Of a process that had the same number and was killed.
        let _ = fs::remove_dir_all(&path);
        DirBuilder::new().mode(0o700).create(&path).expect("a folder to write to");
        Folder { path }
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.file("ringway.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.file("ringway.sock")
    }

    /// The state file of configurations that name one.
    pub(crate) fn state(&self) -> PathBuf {
        self.file("ringway.state")
    }

    /// Writes the configuration file: two shards unless `daemon` says otherwise, the socket, these further lines of `[daemon]`,
    /// and the rest.
    pub(crate) fn configure(&self, daemon: &str, rest: &str) -> &Folder {
        let shards = if daemon.contains("shards = ") { "" } else { "shards = 2\n" };
        let socket = self.socket();
        let text = format!("[daemon]\n{shards}command_socket = \"{}\"\n{daemon}\n{rest}", socket.display());
        fs::write(self.config(), text).expect("a folder to write to");
        self
    }

    /// A daemon by what was configured.
    pub(crate) fn start(self) -> Controlled {
        let daemon = Daemon::from_file(&self.config());
        Controlled { daemon, folder: self }
    }

    /// How a daemon ends that is not to start: its exit code, and what it said.
    pub(crate) fn start_refused(&self) -> Said {
        let config = self.config();
        run_within(ringway().args(["start", "-c"]).arg(config), LONG)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A daemon with a command socket.
pub(crate) struct Controlled {
    daemon: Daemon,
    folder: Folder,
}

impl Deref for Controlled {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl DerefMut for Controlled {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}

impl Controlled {
    /// With these further lines of `[daemon]`, and the rest of the file.
    pub(crate) fn of(daemon: &str, rest: &str) -> Controlled {
        let folder = Folder::new();
        folder.configure(daemon, rest);
        folder.start()
    }

    /// With [`site`] as the rest of the file.
    pub(crate) fn before(origins: &[&FaultyOrigin]) -> Controlled {
        Controlled::of("", &site("", origins))
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A client that speaks verbs.
    pub(crate) fn verbs(&self) -> Verbs {
        Verbs::connect(&self.folder.socket())
    }

    /// A client that speaks the Sozu protocol.
    pub(crate) fn sozu(&self) -> Sozu {
        Sozu::connect(&self.folder.socket())
    }

    /// A connection on which anything can be sent.
    pub(crate) fn channel(&self) -> Channel {
        Channel::connect(&self.folder.socket()).expect("the daemon accepts")
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> Events {
        self.events_since(None, &[])
    }

    /// What happens, or happened since this number, of these kinds or of all.
    pub(crate) fn events_since(&self, since: Option<u64>, kinds: &[&str]) -> Events {
        Events::subscribe(&self.folder.socket(), since, kinds)
    }

    /// A subcommand, its words separated by blanks, on this daemon.
    pub(crate) fn cli(&self, words: &str) -> Said {
        self.cli_words(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// A subcommand on this daemon.
    pub(crate) fn cli_words(&self, words: &[&str]) -> Said {
        run_within(ringway().args(words).arg("--socket").arg(self.folder.socket()), LONG)
    }

    /// What a subcommand answers in JSON. It must succeed.
    pub(crate) fn json(&self, words: &str) -> Value {
        self.cli(&format!("{words} --json")).answer(words)
    }

    /// Why a subcommand is refused, in JSON; it must exit with `code`.
    pub(crate) fn refusal(&self, words: &str, code: i32) -> Value {
        self.cli(&format!("{words} --json")).refusal(words, code)
    }

    /// How it stands.
    pub(crate) fn how(&self) -> Value {
        self.verbs().done(&json!({ "verb": "status" }))
    }

    /// The running configuration, as changes.
    pub(crate) fn configuration(&self) -> Vec<Value> {
        let answer = self.verbs().done(&json!({ "verb": "configuration" }));
        answer["changes"].as_array().expect("changes").clone()
    }

    /// The hash of the configuration.
    ///
    /// # Panics
    /// When one of the `shards` shards serves by another one.
    pub(crate) fn hash(&self, shards: usize) -> u64 {
        let answer = self.verbs().done(&json!({ "verb": "hashes" }));
        let theirs = answer["shards"].as_object().expect("shards");
        assert_eq!(theirs.len(), shards, "{answer}");
        assert!(theirs.values().all(|hash| *hash == answer["state"]), "{answer}");
        answer["state"].as_u64().expect("a hash")
    }

    /// Where a listener really listens now.
    pub(crate) fn listens(&self, name: &str) -> SocketAddr {
        let answer = self.verbs().done(&json!({ "verb": "listeners" }));
        let all = answer["listeners"].as_array().expect("listeners");
        let one = all.iter().find(|listener| listener["listener"] == name);
        let address = one.and_then(|listener| listener["address"].as_str()?.parse().ok());
        address.unwrap_or_else(|| panic!("no listener {name} in {answer}"))
    }

    /// Waits until every shard runs, and serves by the configuration.
    pub(crate) fn expect_all_running(&self) {
        eventually("every shard runs by the configuration", LONG, || {
            let how = self.how();
            let shards = how["shards"].as_array().expect("shards");
            let well =
                |shard: &Value| shard["state"] == "running" && shard["state_hash"] == how["state_hash"];
            shards.iter().all(well).then_some(())
        });
    }

    /// Ends it with `signal`, and leaves its folder for another.
    pub(crate) fn end(mut self, signal: Signal) -> Folder {
        self.daemon.signal(signal);
        self.daemon.wait(LONG);
        self.folder
    }
}

/// A listener `main` and a cluster `site` with these further lines, in front of origins by their names. At least one.
pub(crate) fn site(cluster: &str, origins: &[&FaultyOrigin]) -> String {
    let backend = |origin: &&FaultyOrigin| {
        format!("[[clusters.site.backends]]\nid = \"{}\"\naddress = \"{}\"\n", origin.name, origin.address)
    };
    let backends: String = origins.iter().map(backend).collect();
    format!(
        "[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n\
         [clusters.site]\n{cluster}\n[[clusters.site.frontends]]\n{backends}"
    )
}

/// An address that nobody listens on and nobody else is given: in a network of our own.
pub(crate) fn free_address() -> SocketAddr {
    let number = ADDRESSES.fetch_add(1, Ordering::Relaxed);
    let [_, _, process, _] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 90, process, 1 + (number % 250) as u8);
    let socket = TcpListener::bind((own, 0)).expect("an address of this machine");
    socket.local_addr().expect("bound")
}

/// What a host is answered at `address`, on a connection of its own.
pub(crate) fn ask(address: SocketAddr, host: &str) -> Response {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    Client::connect(address).ask(request)
}

/// The origins of `count` answers, on that many connections, so that every shard gives some; `-` where it was none.
pub(crate) fn origins(address: SocketAddr, count: usize) -> Vec<String> {
    let origin = |_| {
        let answer = Client::connect(address).get("/");
        answer.header("origin").map_or_else(|| "-".to_owned(), str::to_owned)
    };
    (0..count).map(origin).collect()
}

/// Whether connections to `address` are refused.
pub(crate) fn is_refused(address: SocketAddr) -> bool {
    // A shard closes its socket a turn after it has confirmed the change.
    let deadline = now() + Duration::from_secs(2);
    loop {
        let tried = Client::try_connect(address);
        if tried.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        if now() > deadline {
            return false;
        }
    }
}

/// The permissions of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

/// A moment that is long for a shard, and short for a test.
pub(crate) const MOMENT: Duration = Duration::from_millis(100);
