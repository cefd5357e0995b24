//! `kill -9` of the daemon while it saves: whatever the moment, the file is a whole one.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::control::wire::{Ask, Status};
use crate::common::control::{Channel, Controlled, Folder, change, site};
use crate::common::{FaultyOrigin, LONG, now, rest};

/// Makes files large enough to be caught half-written: some 150 KB.
const CLUSTERS: usize = 2000;

/// Where the next random number comes from (splitmix64).
struct Seed(u64);

impl Seed {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

/// The weight of the backend `a`, which counts the changes.
fn counted(changes: &[Value]) -> u64 {
    let backend = changes.iter().find(|change| change["backend"] == "a").expect("a backend");
    backend["set"]["weight"].as_u64().unwrap_or(100)
}

/// Files beside those that are meant to be there: what is being written, or was when a daemon was killed.
fn others(folder: &Folder) -> BTreeSet<PathBuf> {
    let known = [folder.config(), folder.socket(), folder.state()];
    let files = fs::read_dir(folder.file("")).expect("a folder").flatten();
    files.map(|file| file.path()).filter(|path| !known.contains(path)).collect()
}

/// Changes and saves, in turn, until the daemon is gone: the last count that it was told to be saved.
fn saving(mut channel: Channel, from: u64) -> u64 {
    let mut done = |verb: Value| {
        let sent = channel.send(Ask::Ringway(verb.to_string()));
        let answer = sent.and_then(|()| channel.next()).ok().flatten();
        answer.is_some_and(|answer| answer.status() == Status::Ok)
    };
    let mut saved = from;
    loop {
        let next = saved % 1000 + 1;
        let weight = change("backend_update", "site", "a", json!({ "weight": next }));
        if !done(json!({ "verb": "apply", "changes": [weight] })) || !done(json!({ "verb": "state_save" })) {
            return saved;
        }
        saved = next;
    }
}

/// Kills the daemon at a random moment while it saves; every other time at one when a file is half-written, or just was.
fn killed(daemon: Controlled, random: &mut Seed, aims: bool) -> Folder {
    let left = others(daemon.folder());
    rest(Duration::from_millis(random.next(20)));
    if aims {
        let deadline = now() + LONG;
        while others(daemon.folder()).is_subset(&left) {
            assert!(now() < deadline, "it does not save any more");
        }
    }
    let (since, moment) = (now(), Duration::from_micros(random.next(if aims { 200 } else { 5000 })));
    while now() - since < moment {
        std::hint::spin_loop();
    }
    daemon.end(Signal::KILL)
}

/// Kills so many daemons, or as many as that time allows, each at another moment; every next one starts by what was left.
fn killed_while_saving(seed: u64, times: usize, within: Duration) {
    println!("seed {seed}");
    let mut random = Seed(seed);
    let origin = FaultyOrigin::new("a");
    let folder = Folder::new();
    let lines =
        format!("log_level = \"warn\"\nload_state = true\nstate_file = \"{}\"", folder.state().display());
    folder.configure(&lines, &site("", &[&origin]));
    let mut daemon = folder.start();
    let clusters: Vec<_> =
        (0..CLUSTERS).map(|n| change("cluster_add", &format!("cluster-{n}"), "", json!({}))).collect();
    daemon.verbs().apply(&clusters);
    daemon.json("state save");
    let since = now();
    let mut at = counted(&daemon.configuration());
    let (mut kills, mut half) = (0, 0);
    while kills < times && now() - since < within {
        let channel = daemon.channel();
        let left = others(daemon.folder());
        let client = thread::spawn(move || saving(channel, at));
        let folder = killed(daemon, &mut random, kills % 2 == 1);
        let saved = client.join().expect("no panic");
        kills += 1;
        half += usize::from(!others(&folder).is_subset(&left));
        let text = fs::read_to_string(folder.state()).expect("a file, and a text");
        assert!(text.lines().last().is_some_and(|line| line.starts_with("{\"end\":")), "kill {kills}");
        daemon = folder.start();
        assert_eq!(daemon.how()["clusters"], CLUSTERS + 1, "kill {kills}: it started by the state file");
        at = counted(&daemon.configuration());
        let next = saved % 1000 + 1;
        assert!(at == saved || at == next, "kill {kills}: {at} was left, {saved} was said to be saved");
    }
    assert!(others(daemon.folder()).len() <= 1, "what was half-written does not pile up");
    println!("{kills} kills in {:?}, {half} of them left a file half-written", now() - since);
    assert!(half > 0, "none of the moments was one that matters");
}

#[test]
fn a_daemon_that_is_killed_while_it_saves_leaves_a_file_that_loads() {
    killed_while_saving(0x5EED, 200, Duration::from_secs(6));
}

#[test]
#[ignore = "a minute"]
fn two_hundred_daemons_that_are_killed_while_they_save_leave_files_that_load() {
    killed_while_saving(0xC0FFEE, 200, Duration::from_secs(600));
}
