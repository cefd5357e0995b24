//! State files in real folders, and a process that is killed while it writes them.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use ringway_core::{Change, ClusterId};

use super::folder::Folder;
use super::*;

/// A state of so many clusters with a backend each.
pub(super) fn state(clusters: usize) -> ConfigState {
    let mut state = ConfigState::new();
    for n in 0..clusters {
        let cluster = ClusterId::parse(&format!("cluster-{n}")).expect("a name");
        let backend = ringway_core::BackendId::parse("one").expect("a name");
        let address = format!("10.{}.{}.{}:80", n >> 16, n >> 8 & 255, n & 255);
        let set = [("address".to_owned(), address.into())].into_iter().collect();
        let changes = [
            Change::ClusterAdd { cluster: cluster.clone(), set: ringway_core::change::Keys::new() },
            Change::BackendAdd { cluster, backend, set },
        ];
        for change in &changes {
            let mutation = state.resolve(change).expect("it is right");
            state.apply(&mutation).expect("it is new");
        }
    }
    state
}

/// On a runtime as the coordinator's.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio_uring::start(future)
}

#[test]
fn what_was_saved_is_loaded() {
    let folder = Folder::new();
    let path = folder.join("state");
    for clusters in [0, 1, 100] {
        let state = state(clusters);
        let saved = run(save(state.clone(), 7, &path)).expect("it can be written");
        assert_eq!(saved.count, state.changes().count());
        assert_eq!(load(&path).expect("it was saved"), state);
    }
    let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "{mode:o}");
    assert_eq!(folder.names(), ["state"]);
}

#[test]
fn the_thread_goes_on_while_a_state_is_saved() {
    let folder = Folder::new();
    let (path, state) = (folder.join("state"), state(300));
    let turns = run(async {
        let mut turns = 0;
        let mut saving = std::pin::pin!(save(state, 1, &path));
        loop {
            tokio::select! {
                biased;
                saved = &mut saving => break saved.map(|_| turns).expect("it can be written"),
                () = tokio::task::yield_now() => turns += 1,
            }
        }
    });
    assert!(turns > 0, "it was waited for");
}

#[test]
fn saves_at_the_same_time_end_with_the_last_one() {
    let folder = Folder::new();
    let path = folder.join("state");
    let states: Vec<_> = (1..=20).map(state).collect();
    run(async {
        let tasks: Vec<_> = states
            .iter()
            .map(|state| {
                let (state, path) = (state.clone(), path.clone());
                tokio::task::spawn_local(async move { save(state, 1, &path).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("it does not panic").expect("it can be written");
        }
    });
    assert_eq!(load(&path).expect("it was saved"), states[19]);
    assert_eq!(folder.names(), ["state"]);
}

#[test]
fn a_save_that_nobody_waits_for_is_done_before_the_next() {
    let folder = Folder::new();
    let path = folder.join("state");
    let (large, small) = (state(300), state(1));
    run(async {
        let mut given_up = Box::pin(save(large, 1, &path));
        tokio::select! {
            biased;
            _ = &mut given_up => {}
            () = tokio::task::yield_now() => {}
        }
        drop(given_up);
        save(small.clone(), 2, &path).await.expect("it can be written");
    });
    assert_eq!(load(&path).expect("it was saved"), small);
}

#[test]
fn what_can_not_be_written_is_told_and_the_old_file_stays() {
    let folder = Folder::new();
    let path = folder.join("no/such/folder/state");
    let error = run(save(state(1), 1, &path)).expect_err("there is no such folder").to_string();
    assert!(error.starts_with(&format!("state file {}: it can not be written: ", path.display())), "{error}");
}

/// Why `content` is not taken.
fn refusal(content: &[u8]) -> (usize, String) {
    let folder = Folder::new();
    let path = folder.join("state");
    fs::write(&path, content).expect("there is room");
    match load(&path) {
        Err(StateError::Content { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let mut text = Vec::new();
    file::write(&state(3), 1, &mut text);
    for length in 0..text.len() {
        let lines = text[..length].iter().filter(|byte| **byte == b'\n').count() + 1;
        let (line, reason) = refusal(&text[..length]);
        assert!((1..=lines).contains(&line), "{length} bytes: line {line}: {reason}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_line() {
    let mut text = Vec::new();
    file::write(&state(3), 1, &mut text);
    let text = String::from_utf8(text).expect("it is text");
    let mut lines: Vec<_> = text.lines().collect();
    let first = lines.iter().position(|line| line.contains("cluster-0")).expect("it is there");
    let second = lines.iter().position(|line| line.contains("cluster-1")).expect("it is there");
    lines[second] = lines[first];
    let (line, reason) = refusal(format!("{}\n", lines.join("\n")).as_bytes());
    assert_eq!(line, second + 1, "{reason}");
    assert!(reason.contains("cluster-0"), "{reason}");
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = Folder::new();
    for path in [folder.join("."), folder.join("nothing"), "/dev/zero".into()] {
        let error = load(&path).expect_err("it is no file");
        assert!(matches!(error, StateError::Read { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn the_newer_file_is_the_one_that_was_written_later() {
    let folder = Folder::new();
    let (state, config) = (folder.join("state"), folder.join("config"));
    assert!(!is_newer_than(&state, &config));
    let at = |path: &Path, seconds| {
        let file = File::options().create(true).append(true).open(path).expect("there is room");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("it is ours");
    };
    at(&state, 100);
    assert!(!is_newer_than(&state, &config));
    for (config_written, newer) in [(99, true), (100, false), (101, false)] {
        at(&config, config_written);
        assert_eq!(is_newer_than(&state, &config), newer, "{config_written}");
    }
    fs::remove_file(&state).expect("it is there");
    assert!(!is_newer_than(&state, &config));
}

/// Where the process that is killed has its texts, and saves to.
const KILLED_IN: &str = "RINGWAY_TEST_KILLED_IN";

/// The process that is killed: not a test by itself. What is saved is made beforehand, so that most of its time is spent
/// where it must not matter when it ends.
#[test]
#[ignore = "run by `a_file_always_loads_whenever_its_writer_is_killed`"]
fn replaces_until_it_is_killed() {
    let Some(folder) = std::env::var_os(KILLED_IN).map(PathBuf::from) else { return };
    let texts = ["small", "large"].map(|name| fs::read(folder.join(name)).expect("it was made"));
    loop {
        for text in &texts {
            replace(&folder.join("state"), text).expect("it can be written");
        }
    }
}

#[test]
fn a_file_always_loads_whenever_its_writer_is_killed() {
    let seed = 5;
    let mut random = StdRng::seed_from_u64(seed);
    let folder = Folder::new();
    let path = folder.join("state");
    let texts = [("small", 10), ("large", 4000)].map(|(name, clusters)| {
        run(save(state(clusters), 1, &folder.join(name))).expect("it can be written");
        load(&folder.join(name)).expect("it was saved");
        fs::read(folder.join(name)).expect("it was saved")
    });
    let name = concat!(module_path!(), "::replaces_until_it_is_killed");
    let (_, name) = name.split_once("::").expect("a test's name has no crate");
    let mut leftovers = 0;
    for round in 0..50 {
        let _ = fs::remove_file(&path);
        let mut child = Command::new(std::env::current_exe().expect("it is there"))
            .args(["--exact", name, "--ignored"])
            .env(KILLED_IN, folder.join("."))
            .stdout(Stdio::null())
            .spawn()
            .expect("this test can be started");
        // From its first save on, at any moment of the next ones.
        while !path.exists() {
            assert_eq!(child.try_wait().expect("it is ours"), None, "it has ended by itself");
            pause(Duration::from_millis(1));
        }
        pause(Duration::from_micros(random.random_range(0..20_000)));
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        // One of the two that load.
        let found = fs::read(&path).expect("it is there");
        let length = found.len();
        assert!(texts.contains(&found), "seed {seed}, round {round}: {length} bytes of neither state");
        leftovers += folder.names().iter().filter(|name| name.ends_with(".saving")).count();
    }
    assert!(leftovers > 0, "seed {seed}: it was never killed in the middle of a save");
    run(save(state(1), 2, &path)).expect("it can be written");
    assert_eq!(folder.names(), ["large", "small", "state"], "what the killed have left is removed");
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
