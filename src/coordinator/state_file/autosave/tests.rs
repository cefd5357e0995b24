//! The file that follows the state.

use std::fs;

use ringway_core::Time;

use super::super::folder::Folder;
use super::super::load;
use super::super::tests::{run, state};
use super::*;

/// Waits until the file holds `state`; returns when it was seen.
async fn holds(path: &std::path::Path, state: &ConfigState) -> Time {
    let until = clock::now() + Duration::from_secs(20);
    while load(path).ok().as_ref() != Some(state) {
        assert!(clock::now() < until, "it is not saved");
        sleep(Duration::from_millis(5)).await;
    }
    clock::now()
}

#[test]
fn the_first_change_is_saved_at_once_and_many_after_it_together() {
    let folder = Folder::new();
    let path = folder.join("state");
    run(async {
        let autosave = Autosave::new(path.clone(), 1);
        autosave.committed(&state(1), 2);
        let first = holds(&path, &state(1)).await;
        let modified = || fs::metadata(&path).and_then(|found| found.modified()).expect("it is there");
        let (mut saves, mut before) = (0, modified());
        for n in 2..=40 {
            autosave.committed(&state(n), n as u64 + 1);
            sleep(Duration::from_millis(5)).await;
            saves += u32::from(modified() != before);
            before = modified();
        }
        let intervals = clock::now().since(first).as_secs() as u32 / AUTOSAVE_INTERVAL.as_secs() as u32;
        assert!(saves <= intervals + 1, "{saves} saves within {intervals} intervals");
        let last = holds(&path, &state(40)).await;
        // The pause begins with the end of the save, a little before it was seen.
        let pause = last.since(first);
        assert!(pause > AUTOSAVE_INTERVAL - Duration::from_millis(100), "after {pause:?}");
        autosave.end(&state(40), 41).await;
    });
}

#[test]
fn the_end_saves_what_is_not_saved() {
    let folder = Folder::new();
    let path = folder.join("state");
    run(async {
        let autosave = Autosave::new(path.clone(), 1);
        autosave.committed(&state(1), 2);
        holds(&path, &state(1)).await;
        autosave.committed(&state(2), 3);
        // A generation that it was not told of.
        autosave.end(&state(3), 4).await;
    });
    assert_eq!(load(&path).expect("it was saved"), state(3));
}

#[test]
fn without_a_change_nothing_is_saved() {
    let folder = Folder::new();
    run(async {
        let autosave = Autosave::new(folder.join("state"), 1);
        autosave.end(&state(1), 1).await;
    });
    assert!(folder.names().is_empty());
}

#[test]
fn the_end_waits_for_no_pause_and_for_no_file_that_can_not_be_written() {
    let folder = Folder::new();
    let path = folder.join("later/state");
    run(async {
        let autosave = Autosave::new(path.clone(), 1);
        autosave.committed(&state(1), 2);
        sleep(Duration::from_millis(50)).await;
        let begun = clock::now();
        fs::create_dir(folder.join("later")).expect("there is room");
        autosave.end(&state(1), 2).await;
        assert!(clock::now().since(begun) < RETRY_INTERVAL);
        assert_eq!(load(&path).expect("it was saved at last"), state(1));
        let nowhere = Autosave::new(folder.join("nowhere/state"), 1);
        nowhere.committed(&state(1), 2);
        nowhere.end(&state(1), 2).await;
    });
    assert_eq!(folder.names(), ["later"]);
}
