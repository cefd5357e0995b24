//! One file of the audit log, over a real folder.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::coordinator::state_file::folder::Folder;

const SECOND: Duration = Duration::from_secs(1);

fn writer(path: &Path) -> (Writer, Arc<Wishes>) {
    let wishes = Arc::new(Wishes::default());
    let writer = Writer::open(path.to_owned(), Arc::clone(&wishes)).expect("it can be written");
    (writer, wishes)
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).expect("it is there")
}

#[test]
fn what_is_there_stays_and_others_may_not_read_it() {
    let folder = Folder::new();
    let path = folder.join("audit.log");
    for line in ["one\n", "two\n"] {
        let (mut writer, _) = writer(&path);
        writer.take(line);
        assert!(writer.flush(clock::now()));
    }
    assert_eq!(content(&path), "one\ntwo\n");
    // What the umask of the process leaves of it.
    let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!(mode & !0o640, 0, "{mode:o}");
    assert_eq!(mode & 0o600, 0o600, "{mode:o}");
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew_within_a_second() {
    let folder = Folder::new();
    let (path, moved) = (folder.join("audit.log"), folder.join("audit.log.1"));
    let (mut writer, wishes) = writer(&path);
    let start = clock::now();
    let mut say = |line, now| {
        writer.take(line);
        assert!(writer.flush(now));
    };
    say("1\n", start);
    fs::rename(&path, &moved).expect("it can be moved");
    say("2\n", start + SECOND / 2);
    say("3\n", start + 2 * SECOND);
    assert_eq!((content(&moved), content(&path)), ("1\n2\n".to_owned(), "3\n".to_owned()));
    fs::rename(&path, &moved).expect("it can be moved");
    wishes.reopen();
    say("4\n", start + 2 * SECOND);
    assert_eq!((content(&moved), content(&path)), ("3\n".to_owned(), "4\n".to_owned()));
    wishes.reopen();
    say("5\n", start + 2 * SECOND);
    fs::remove_file(&path).expect("it can be removed");
    say("6\n", start + 4 * SECOND);
    assert_eq!(content(&path), "6\n");
}

#[test]
fn while_its_folder_is_gone_the_old_file_takes_the_lines() {
    let folder = Folder::new();
    let (inner, outer) = (folder.join("log"), folder.join("old"));
    fs::create_dir(&inner).expect("a folder");
    let (mut writer, _) = writer(&inner.join("audit.log"));
    let start = clock::now();
    fs::rename(&inner, &outer).expect("it can be moved");
    writer.take("1\n");
    assert!(writer.flush(start + 2 * SECOND));
    assert_eq!(content(&outer.join("audit.log")), "1\n");
    fs::create_dir(&inner).expect("a folder");
    writer.take("2\n");
    assert!(writer.flush(start + 4 * SECOND));
    assert_eq!(content(&inner.join("audit.log")), "2\n");
}

#[test]
fn lines_that_could_not_be_written_are_written_later_once_and_whole() {
    let folder = Folder::new();
    let (path, moved) = (folder.join("audit.log"), folder.join("audit.log.1"));
    let (mut writer, wishes) = writer(&path);
    let start = clock::now();
    // A descriptor that can not be written to.
    writer.file = File::open(&path).expect("it is there");
    writer.take("one\n");
    assert!(!writer.flush(start) && writer.fails);
    writer.take("two\n");
    assert!(!writer.flush(start) && writer.fails);
    assert_eq!(content(&path), "");
    // The disk took one line and a half, and the file was moved away then.
    writer.written = 6;
    fs::rename(&path, &moved).expect("it can be moved");
    wishes.reopen();
    assert!(writer.flush(start) && !writer.fails);
    assert_eq!(content(&path), "two\n");
    assert!(writer.waiting.is_empty());
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    let open = |path: &Path| Writer::open(path.to_owned(), Arc::default()).expect_err("no file").to_string();
    for path in [Path::new("/dev/null"), &*folder.join("."), &*folder.join("no/such/folder")] {
        let error = open(path);
        assert!(error.starts_with(&format!("audit log {}: ", path.display())), "{error}");
    }
    assert!(open(Path::new("/dev/null")).contains("not a regular file"));
}
