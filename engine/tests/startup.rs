//! The native engine in a process that is limited: where it can not start there is one error, which names the cause
//! and the remedy; where it runs out of something, it waits.
//!
//! Each test that needs a limit runs itself again as a child process, and sets the limit there.

use std::env;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{self, Command, Stdio};
use std::time::Duration;

use ringway_engine::native::{self, StartError};
use ringway_engine::uring::Settings;
use ringway_engine::{Engine, Listener, Stream};

/// Names the test that a child process is to run for its parent.
const CHILD: &str = "RINGWAY_STARTUP_CHILD";
/// Before what a child has to say, in its output.
const SAYS: &str = "child says: ";
/// The user that nothing belongs to.
const NOBODY: u32 = 65_534;

/// What `test` says when it runs in a process of its own. Returns in the parent only.
fn in_child(test: &str, say: impl FnOnce() -> String) -> String {
    if env::var(CHILD).is_ok_and(|name| name == test) {
        println!("\n{SAYS}{}", say());
        process::exit(0);
    }
    let output = Command::new(env::current_exe().expect("a test has a file"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test)
        .stdin(Stdio::null())
        .output()
        .expect("a child process");
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().find_map(|line| line.strip_prefix(SAYS));
    said.unwrap_or_else(|| panic!("the child said nothing: {output:?}")).to_owned()
}

/// What a probe with the usual sizes comes to.
fn probed() -> String {
    match native::probe(&Settings::default()) {
        Ok(()) => "started".into(),
        Err(error) => error.to_string(),
    }
}

/// From here on, `io_uring_setup` fails with this errno on this thread, as a sandbox makes it.
fn forbid_io_uring(errno: i32) {
    const LOAD_CALL_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD_CALL_NUMBER, 0, 0, 0),
        step(IF_EQUAL, 0, 1, libc::SYS_io_uring_setup as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: plain integers.
    let privileges = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(privileges, 0, "{}", io::Error::last_os_error());
    // SAFETY: the kernel copies the program, which has the length it says.
    let filter = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(filter, 0, "{}", io::Error::last_os_error());
}

/// Lowers a limit of this process.
fn limit(resource: libc::__rlimit_resource_t, to: u64) {
    let limit = libc::rlimit { rlim_cur: to, rlim_max: to };
    // SAFETY: the kernel reads the structure.
    let result = unsafe { libc::setrlimit(resource, &limit) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Gives up the privileges that would lift limits.
fn become_nobody() {
    // SAFETY: plain integers. Changing from root to another user drops all capabilities.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: plain integers.
        let result = unsafe { libc::setresgid(NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        // SAFETY: plain integers.
        let result = unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }
}

/// How many descriptors this process has open, the one that is needed to count them aside.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc is mounted").count() - 1
}

#[track_caller]
fn assert_names(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
    assert!(!text.contains('\n'), "one error is one line: {text}");
}

#[test]
fn where_nothing_is_in_the_way_probes_succeed_and_leave_nothing_open() {
    let said = in_child("where_nothing_is_in_the_way_probes_succeed_and_leave_nothing_open", || {
        let before = descriptors();
        for _ in 0..20 {
            let said = probed();
            if said != "started" {
                return said;
            }
        }
        format!("{} descriptors leaked", descriptors() - before)
    });
    assert_eq!(said, "0 descriptors leaked");
}

#[test]
fn a_seccomp_filter_that_denies_is_named_with_its_remedy() {
    let said = in_child("a_seccomp_filter_that_denies_is_named_with_its_remedy", || {
        forbid_io_uring(libc::EPERM);
        probed()
    });
    assert_names(&said, &["io_uring", "seccomp", "remedy", "io_uring_setup"]);
}

#[test]
fn an_engine_that_is_denied_says_the_same_as_the_probe() {
    let said = in_child("an_engine_that_is_denied_says_the_same_as_the_probe", || {
        forbid_io_uring(libc::EPERM);
        match native::run(&Settings::default(), |_| async {}) {
            Ok(_) => "started".into(),
            Err(error) => format!("{}: {error}", matches!(error, StartError::Forbidden)),
        }
    });
    assert_names(&said, &["true: ", "seccomp", "remedy"]);
}

#[test]
fn a_kernel_without_io_uring_is_named_with_its_remedy() {
    let said = in_child("a_kernel_without_io_uring_is_named_with_its_remedy", || {
        forbid_io_uring(libc::ENOSYS);
        probed()
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    assert_names(&said, &["io_uring", kernel.trim(), "CONFIG_IO_URING", "remedy"]);
}

#[test]
fn too_little_lockable_memory_is_named_with_its_remedy() {
    let said = in_child("too_little_lockable_memory_is_named_with_its_remedy", || {
        limit(libc::RLIMIT_MEMLOCK, 16 * 1024);
        become_nobody();
        probed()
    });
    assert_names(&said, &["RLIMIT_MEMLOCK", "16 KiB", "remedy", "LimitMEMLOCK"]);
}

#[test]
fn too_few_descriptors_are_named_with_their_remedy() {
    let said = in_child("too_few_descriptors_are_named_with_their_remedy", || {
        limit(libc::RLIMIT_NOFILE, 3);
        probed()
    });
    assert_names(&said, &["descriptors", "remedy", "LimitNOFILE"]);
}

#[test]
fn sizes_that_can_not_be_are_an_error_and_not_a_panic() {
    let settings = Settings { sq_entries: 64, cq_entries: 8, ..Settings::default() };
    assert!(native::run(&settings, |_| async {}).is_err());
}

#[test]
fn without_descriptors_accepting_waits_and_goes_on() {
    const CLIENTS: usize = 10;
    let said = in_child("without_descriptors_accepting_waits_and_goes_on", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("a bound socket");
        // All of them wait in the kernel's queue before the engine starts.
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| TcpStream::connect(addr).expect("a listening socket")).collect();
        let (counters, _) = native::run(&Settings::default(), |engine| async move {
            let listener = engine.adopt_listener(listener.into()).expect("room for one listener");
            limit(libc::RLIMIT_NOFILE, descriptors() as u64 + 2);
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept().await.expect("a lack is no error").expect("not stopped");
                let own = engine.clone();
                engine.spawn(async move {
                    own.sleep_until(own.now() + Duration::from_millis(30)).await;
                    stream.close().await;
                });
            }
            engine.counters()
        })
        .expect("io_uring");
        drop(clients);
        let waited = counters.accept_backoffs > 0;
        format!("{} accepted, waited: {waited}, spun: {}", counters.accepted, counters.turns > 1_000)
    });
    assert_eq!(said, "10 accepted, waited: true, spun: false");
}
