//! Sockets in a folder of their own.

use std::os::unix::net::UnixListener as StdListener;

use ringway_core::Verb;
use tokio::task::spawn_local;

use super::*;
use crate::doors::command::testing::{Client, Desk, own, run};
use crate::doors::command::wire::ResponseStatus;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("ringway-door-{}-{name}", std::process::id()));
        fs::create_dir(&folder).expect("a new folder");
        Folder(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("command.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn connect(path: &Path) -> Client {
    Client { stream: UnixStream::connect(path).await.expect("somebody listens") }
}

#[test]
fn the_file_is_its_owners_alone_and_goes_with_the_socket() {
    let folder = Folder::new("mode");
    run(async {
        let path = folder.socket();
        let socket = CommandSocket::bind(&path).expect("a socket");
        let metadata = fs::symlink_metadata(&path).expect("a file");
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        drop(socket);
        assert!(!path.exists());
    });
}

#[test]
fn what_a_dead_process_left_is_replaced() {
    let folder = Folder::new("stale");
    run(async {
        let path = folder.socket();
        drop(StdListener::bind(&path).expect("a socket"));
        assert!(path.exists());
        let _socket = CommandSocket::bind(&path).expect("nobody listens any more");
        drop(UnixStream::connect(&path).await.expect("somebody listens"));
    });
}

#[test]
fn a_socket_that_somebody_listens_on_is_left_alone() {
    let folder = Folder::new("live");
    run(async {
        let path = folder.socket();
        let first = CommandSocket::bind(&path).expect("a socket");
        let error = CommandSocket::bind(&path).expect_err("it is taken");
        assert!(matches!(error, SocketError::Taken { .. }), "{error}");
        drop(UnixStream::connect(&path).await.expect("the first one still listens"));
        drop(first);
    });
}

#[test]
fn the_file_of_another_is_not_removed() {
    let folder = Folder::new("other");
    run(async {
        let path = folder.socket();
        let socket = CommandSocket::bind(&path).expect("a socket");
        fs::remove_file(&path).expect("it is there");
        let _other = StdListener::bind(&path).expect("another one");
        drop(socket);
        assert!(path.exists());
    });
}

#[test]
fn what_is_no_socket_is_not_touched() {
    let folder = Folder::new("file");
    run(async {
        let path = folder.socket();
        fs::write(&path, "precious").expect("a file");
        let error = CommandSocket::bind(&path).expect_err("something is there");
        assert!(matches!(error, SocketError::InTheWay { .. }), "{error}");
        assert_eq!(fs::read(&path).expect("a file"), b"precious");
        let long = folder.0.join("x".repeat(120));
        let error = CommandSocket::bind(&long).expect_err("too long");
        assert!(error.to_string().contains("at most 107 bytes"), "{error}");
        let nowhere = folder.0.join("no/where");
        assert!(matches!(CommandSocket::bind(&nowhere), Err(SocketError::Io { .. })));
    });
}

#[test]
fn root_and_the_own_user_may_enter_and_nobody_else() {
    assert!(may_enter(0, 1000) && may_enter(1000, 1000) && may_enter(0, 0));
    assert!(!may_enter(1001, 1000) && !may_enter(1000, 0));
}

#[test]
fn a_verb_carries_who_asked() {
    let folder = Folder::new("who");
    run(async {
        let path = folder.socket();
        let (hub, mut asks) = Hub::new(crate::coordinator::Events::new());
        let serving = spawn_local(CommandSocket::bind(&path).expect("a socket").serve(hub));
        for session in 1..=2 {
            let mut client = connect(&path).await;
            let answer = spawn_local(async move { client.ask(own(&Verb::Status)).await });
            let ask = asks.recv().await.expect("a verb");
            let expected = Actor {
                uid: effective_uid(),
                gid: rustix::process::getegid().as_raw(),
                pid: i32::try_from(std::process::id()).expect("a small number"),
                session,
            };
            assert_eq!(ask.actor, expected);
            ask.answer(Err(VerbError::new(ErrorCode::Stopping, "it ends")));
            assert_eq!(answer.await.expect("an answer").status(), ResponseStatus::Failure);
        }
        serving.abort();
        assert!(serving.await.expect_err("it was told to").is_cancelled());
        assert!(!path.exists(), "the file goes when serving ends");
    });
}

#[test]
fn a_thousand_idle_clients_are_beside_the_point_and_one_too_many_is_told() {
    let folder = Folder::new("many");
    raise_descriptors();
    run(async {
        let path = folder.socket();
        let desk = Desk::done();
        spawn_local(CommandSocket::bind(&path).expect("a socket").serve(desk.hub.clone()));
        let mut clients = Vec::new();
        for _ in 0..SESSIONS_MAX - 1 {
            clients.push(connect(&path).await);
        }
        let mut last = connect(&path).await;
        assert_eq!(last.ask(own(&Verb::Status)).await.status(), ResponseStatus::Ok);
        let mut refused = connect(&path).await;
        let response = refused.response().await.expect("a reason");
        assert!(response.message.contains("no more can be"), "{response:?}");
        assert_eq!(refused.response().await, None);
        drop(clients.pop());
        // The room that it left is found within a moment.
        let again = async {
            loop {
                let mut client = connect(&path).await;
                client.send(&crate::doors::command::testing::message(own(&Verb::Status))).await;
                if client.response().await.expect("an answer").status() == ResponseStatus::Ok {
                    break;
                }
            }
        };
        again.await;
    });
}

/// Two for each client.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = SESSIONS_MAX as u64 * 2 + 500;
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("the hard limit is higher");
    }
}
