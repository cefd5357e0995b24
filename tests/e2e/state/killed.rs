//! `kill -9` of the daemon while it saves: whatever the moment, the file is a whole one.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::FaultyOrigin;
use crate::common::control::{Controlled, Folder, change, framed, site, wire::Ask};
use crate::common::now;

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

/// Changes and saves until it is killed: the last count that it was told to be saved.
fn saving(daemon: &Controlled, from: u64, during: Duration) -> u64 {
    let mut verbs = daemon.verbs();
    let (mut saved, mut count) = (from, from);
    let end = now() + during;
    while now() < end {
        count = count % 1000 + 1;
        verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": count }))]);
        verbs.done(&json!({ "verb": "state_save" }));
        saved = count;
    }
    // It is killed in the middle of one more.
    let next = count % 1000 + 1;
    verbs.apply(&[change("backend_update", "site", "a", json!({ "weight": next }))]);
    let save = framed(Ask::Ringway(json!({ "verb": "state_save" }).to_string()));
    std::io::Write::write_all(&mut &daemon.channel().stream, &save).expect("the daemon takes it");
    saved
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
    let since = now();
    let mut at = counted(&daemon.configuration());
    let mut kills = 0;
    while kills < times && now() - since < within {
        let (during, moment) = (random.next(30), Duration::from_micros(random.next(8000)));
        let saved = saving(&daemon, at, Duration::from_millis(during));
        let pause = now();
        while now() - pause < moment {
            std::hint::spin_loop();
        }
        let folder = daemon.end(Signal::KILL);
        kills += 1;
        let text = fs::read_to_string(folder.state()).expect("a file, and a text");
        assert!(text.lines().last().is_some_and(|line| line.starts_with("{\"end\":")), "kill {kills}");
        daemon = folder.start();
        assert_eq!(daemon.how()["clusters"], CLUSTERS + 1, "kill {kills}: it started by the state file");
        at = counted(&daemon.configuration());
        let next = saved % 1000 + 1;
        assert!(at == saved || at == next, "kill {kills}: {at} was left, {saved} was said to be saved");
    }
    let names: Vec<_> = fs::read_dir(daemon.folder().file("")).expect("a folder").flatten().collect();
    assert!(names.len() < 10 + kills, "what was half-written does not pile up without bounds: {names:?}");
    println!("{kills} kills in {:?}", now() - since);
}

#[test]
fn a_daemon_that_is_killed_while_it_saves_leaves_a_file_that_loads() {
    killed_while_saving(0x5EED, 200, Duration::from_secs(8));
}

#[test]
#[ignore = "a minute"]
fn two_hundred_daemons_that_are_killed_while_they_save_leave_files_that_load() {
    killed_while_saving(0xC0FFEE, 200, Duration::from_secs(600));
}
