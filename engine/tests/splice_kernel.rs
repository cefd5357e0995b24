//! Splicing on the real kernel where it differs from what one would think: blocking sockets, signals, urgent bytes,
//! pipes that may not grow.
//!
//! Each test changes something of its whole process, and so runs itself again as a child.

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{self, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringway_engine::native::{self, Native};
use ringway_engine::uring::{Report, Settings};
use ringway_engine::{Deadline, Engine, Mode, Out, SpliceError, Spliced, Stream};

/// Names the test that a child process is to run.
const CHILD: &str = "RINGWAY_SPLICE_CHILD";
/// How long a receiver may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pipes are counted by user: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Runs `body` in a process of its own, which must live to its end.
fn in_child(test: &str, body: impl FnOnce()) {
    if env::var(CHILD).is_ok_and(|name| name == test) {
        body();
        process::exit(0);
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = Command::new(env::current_exe().expect("a test has a file"));
    child.args(["--exact", test, "--nocapture", "--test-threads", "1"]).env(CHILD, test);
    let output = child.output().expect("a child process");
    assert!(output.status.success(), "{output:?}");
}

type NativeStream = <Native as Engine>::Stream;

/// An end outside the engine and the one that is to go into it.
fn pair() -> (TcpStream, OwnedFd) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let outside = TcpStream::connect(listener.local_addr().expect("a bound socket")).expect("it listens");
    let (inside, _) = listener.accept().expect("it waits");
    (outside, inside.into())
}

/// Runs `body` with two streams, between which it may splice; both are non-blocking only if splicing makes them so.
fn run<T: 'static, F: Future<Output = T> + 'static>(
    settings: &Settings,
    from: OwnedFd,
    to: OwnedFd,
    body: impl FnOnce(Native, NativeStream, NativeStream) -> F + 'static,
) -> (T, Report) {
    native::run(settings, |engine| async move {
        let from = engine.adopt_stream(from).expect("a slot");
        let to = engine.adopt_stream(to).expect("a slot");
        body(engine, from, to).await
    })
    .unwrap_or_else(|error| panic!("{error}"))
}

/// The process dies if the engine's thread is blocked for this long.
fn alarm(seconds: u32) {
    // SAFETY: a plain integer; the default action of the signal ends the process.
    unsafe { libc::alarm(seconds) };
}

#[test]
fn nothing_to_receive_and_nobody_to_take_it_block_no_thread() {
    in_child("nothing_to_receive_and_nobody_to_take_it_block_no_thread", || {
        alarm(30);
        let ((mut source, from), (sink, to)) = (pair(), pair());
        let writer = std::thread::spawn(move || {
            std::thread::park();
            // More than all buffers hold; the end of the engine breaks it off.
            let _ = source.write_all(&vec![7; 64 << 20]);
        });
        let go = writer.thread().clone();
        run(&Settings::default(), from, to, move |engine, from, to| async move {
            from.set_deadline(Deadline::Recv, engine.now() + Duration::from_millis(50));
            assert!(matches!(from.splice(&to, 1 << 20, PATIENCE).await, Err(SpliceError::Recv(_))));
            from.set_deadline(Deadline::Recv, ringway_core::Time::NEVER);
            go.unpark();
            loop {
                match from.splice(&to, u64::MAX, Duration::from_millis(200)).await {
                    Ok(_) => {}
                    Err(SpliceError::Send(error)) => {
                        break assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        drop(sink);
        writer.join().expect("it does not panic");
    });
}

#[test]
fn a_receiver_that_is_gone_raises_no_signal() {
    in_child("a_receiver_that_is_gone_raises_no_signal", || {
        alarm(30);
        // SAFETY: the default action; nothing else in this process depends on it.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let ((mut source, from), (sink, to)) = (pair(), pair());
        drop(sink);
        let ((), report) = run(&Settings::default(), from, to, move |_, from, to| async move {
            loop {
                source.write_all(&[7; 1000]).expect("room");
                match from.splice(&to, u64::MAX, PATIENCE).await {
                    Ok(_) => {}
                    Err(SpliceError::Send(error)) => {
                        break assert!(
                            matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET)),
                            "{error}"
                        );
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert!(to.send(Out::Static(b"x")).await.is_err());
        });
        assert_eq!(report.counters.pipes, 0);
    });
}

#[test]
fn urgent_bytes_do_not_make_it_spin() {
    in_child("urgent_bytes_do_not_make_it_spin", || {
        alarm(30);
        for end_at_once in [false, true] {
            urgent(end_at_once);
        }
    });
}

fn urgent(end_at_once: bool) {
    let ((mut source, from), (mut sink, to)) = (pair(), pair());
    source.write_all(b"before").expect("room");
    // SAFETY: one byte is read from where it is pointed to.
    unsafe { libc::send(source.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    source.write_all(b"after").expect("room");
    let end = move || source.shutdown(std::net::Shutdown::Write).expect("a connection");
    let mut later = Some(end);
    if end_at_once && let Some(end) = later.take() {
        end();
    }
    let reader = std::thread::spawn(move || {
        let mut all = [0; 11];
        sink.read_exact(&mut all).expect("all but the urgent byte");
        if let Some(end) = later {
            end();
        }
        assert_eq!(sink.read(&mut [0]).expect("a connection"), 0);
        all
    });
    let (turns, _) = run(&Settings::default(), from, to, move |engine, from, to| async move {
        from.set_mode(Mode::Body);
        loop {
            match from.splice(&to, u64::MAX, PATIENCE).await.expect("a connection") {
                Spliced::Moved(_) => {}
                Spliced::End => break,
                Spliced::Unavailable => match from.recv().await.expect("a connection") {
                    Some(chunk) => to.send(Out::Chunk(chunk)).await.expect("room"),
                    None => break,
                },
            }
        }
        engine.counters().turns
    });
    assert!(turns < 50, "{turns} turns");
    assert_eq!(&reader.join().expect("it does not panic"), b"beforeafter");
}

#[test]
fn without_room_for_pipes_bytes_are_copied() {
    in_child("without_room_for_pipes_bytes_are_copied", || {
        alarm(30);
        drop_privileges(65_533);
        // All that one user may have, unless the limit was raised on this machine.
        let limit = std::fs::read_to_string("/proc/sys/fs/pipe-user-pages-soft").expect("/proc is mounted");
        let mib = limit.trim().parse::<usize>().expect("a number") * 4096 / (1 << 20);
        let hogs: Vec<_> = (0..mib + 1).map(|_| std::io::pipe().expect("a descriptor")).collect();
        for (_, hog) in &hogs {
            // SAFETY: plain integers. The last ones may fail …
            unsafe { libc::fcntl(hog.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
        }
        // … and these, of 64 KiB, take what is left.
        let _rest: Vec<_> = (0..20).map(|_| std::io::pipe().expect("a descriptor")).collect();
        let ((mut source, from), (_sink, to)) = (pair(), pair());
        source.write_all(b"bytes").expect("room");
        let ((), report) = run(&Settings::default(), from, to, move |_, from, to| async move {
            assert_eq!(
                from.splice(&to, u64::MAX, PATIENCE).await.expect("a connection"),
                Spliced::Unavailable
            );
            assert_eq!(&*from.recv().await.expect("a connection").expect("bytes"), b"bytes");
        });
        assert_eq!(report.counters.pipes, 0);
    });
}

/// Whoever is privileged may go beyond the limits of pipes: from here on it is another user, who has nothing.
fn drop_privileges(user: u32) {
    // SAFETY: plain integers. Changing from root to another user drops all capabilities.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: plain integers.
        let result = unsafe { libc::setresuid(user, user, user) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
fn pipes_that_may_not_grow_do_as_well() {
    in_child("pipes_that_may_not_grow_do_as_well", || {
        alarm(60);
        // More than `fs.pipe-max-size`.
        drop_privileges(65_534);
        const TOTAL: usize = 8 << 20;
        let ((mut source, from), (mut sink, to)) = (pair(), pair());
        let writer = std::thread::spawn(move || {
            let _ = source.write_all(&vec![7; TOTAL]);
        });
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            sink.read_to_end(&mut all).expect("a connection");
            all.len()
        });
        let settings = Settings { pipe_bytes: 64 << 20, ..Settings::default() };
        run(&settings, from, to, move |engine, from, to| async move {
            from.set_mode(Mode::Body);
            while let Spliced::Moved(_) = from.splice(&to, u64::MAX, PATIENCE).await.expect("a connection") {}
            assert_eq!(engine.counters().bytes_spliced, TOTAL as u64);
        });
        writer.join().expect("it does not panic");
        assert_eq!(reader.join().expect("it does not panic"), TOTAL);
    });
}
