//! Pipes, and moving bytes between them and connections.

use super::*;
use crate::uring::ring::{Pipe, Ready};

/// A connection whose both ends may be spliced, and a pipe.
fn spliceable(kit: &mut Kit, pipe_bytes: u32) -> (i32, i32, Pipe) {
    let (a, b) = kit.pair();
    for fd in [a, b] {
        kit.ring.set_nonblocking(fd).expect("an open socket");
    }
    (a, b, kit.ring.pipe(pipe_bytes).expect("a descriptor is left"))
}

fn poll(kit: &mut Kit, fd: i32, ready: Ready) -> u64 {
    kit.push(Op::Poll { fd, ready })
}

/// What a plain call came to: how much, or which errno.
fn code(result: std::io::Result<u64>) -> i64 {
    result.map_or_else(|error| -i64::from(error.raw_os_error().expect("an errno")), |count| count as i64)
}

fn splice(kit: &mut Kit, from: i32, to: i32, max: u64) -> i64 {
    code(kit.ring.splice(from, to, max))
}

const AGAIN: i64 = -(libc::EAGAIN as i64);

#[test]
fn bytes_go_through_a_pipe_in_order() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b, pipe) = spliceable(&mut kit, 1 << 16);
        let (c, d) = kit.pair();
        kit.ring.set_nonblocking(c).expect("an open socket");
        assert_eq!(splice(&mut kit, b, pipe.write, 100), AGAIN);
        let send = kit.send(a, &pattern(3000));
        assert_eq!(kit.result(send), 3000);
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, 1000), 1000);
        assert_eq!(splice(&mut kit, b, pipe.write, u64::MAX), 2000);
        assert_eq!(splice(&mut kit, pipe.read, c, 2999), 2999);
        assert_eq!(splice(&mut kit, pipe.read, c, 10), 1);
        assert_eq!(splice(&mut kit, pipe.read, c, 10), AGAIN);
        kit.ring.close_now(c);
        assert_eq!(kit.drain(d), (pattern(3000), 0));
    });
}

#[test]
fn a_pipe_takes_no_more_than_it_has_room_for() {
    calm(|mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 700);
        kit.send(a, &pattern(2000));
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, u64::MAX), 700);
        assert_eq!(splice(&mut kit, b, pipe.write, u64::MAX), AGAIN);
        kit.ring.close_now(pipe.read);
        kit.ring.close_now(pipe.write);
        kit.ring.close_now(a);
        kit.ring.close_now(b);
        kit.net.settle();
        assert_eq!((kit.net.open_descriptors(), kit.net.connections()), (0, 0));
    });
}

#[test]
fn the_end_and_a_reset_are_told() {
    calm(|mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 4096);
        kit.ring.close_now(a);
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, 10), 0);
        let (a, b, pipe) = spliceable(&mut kit, 4096);
        kit.ring.reset_on_close(a);
        kit.ring.close_now(a);
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, 10), -i64::from(libc::ECONNRESET));
    });
}

#[test]
fn a_receiver_that_is_gone_takes_nothing() {
    calm(|mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 4096);
        let (c, d) = kit.pair();
        kit.ring.set_nonblocking(c).expect("an open socket");
        kit.send(a, &pattern(100));
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, 100), 100);
        kit.ring.reset_on_close(d);
        kit.ring.close_now(d);
        kit.rest();
        assert_eq!(splice(&mut kit, pipe.read, c, 100), -i64::from(libc::ECONNRESET));
        assert_eq!(splice(&mut kit, pipe.read, c, 100), -i64::from(libc::EPIPE));
    });
}

#[test]
fn a_full_receiver_polls_writable_when_it_has_been_read_from() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b, _) = spliceable(&mut kit, 1 << 20);
        let writable = poll(&mut kit, a, Ready::Writable);
        assert_eq!(kit.result(writable), i32::from(libc::POLLOUT));
        let send = kit.send(a, &pattern(100_000));
        kit.rest();
        let writable = poll(&mut kit, a, Ready::Writable);
        assert!(!kit.rest().iter().any(|seen| seen.user_data == writable), "it is full");
        let mut taken = 0;
        while taken < 100_000 {
            let recv = kit.recv_once(b);
            let completion = kit.next(recv);
            taken += kit.bytes(completion).len();
        }
        assert_eq!(kit.result(send), 100_000);
        assert_eq!(kit.result(writable), i32::from(libc::POLLOUT));
    });
}

#[test]
fn a_poll_tells_of_bytes_of_the_end_and_of_a_cancel() {
    calm(|mut kit| {
        let (a, b, _) = spliceable(&mut kit, 4096);
        let readable = poll(&mut kit, b, Ready::Readable);
        assert_eq!(kit.rest(), []);
        let cancel = kit.cancel(readable);
        assert_eq!(kit.result(cancel), 0);
        assert_eq!(kit.result(readable), -libc::ECANCELED);
        kit.send(a, b"x");
        let readable = poll(&mut kit, b, Ready::Readable);
        assert_eq!(kit.result(readable), i32::from(libc::POLLIN));
        kit.ring.close_now(a);
        kit.rest();
        let readable = poll(&mut kit, b, Ready::Readable);
        assert_eq!(kit.result(readable), i32::from(libc::POLLIN));
    });
}

#[test]
#[should_panic(expected = "the thread hangs")]
fn a_blocking_socket_would_hang_the_thread() {
    let mut kit = Kit::new(SimSettings::new(1));
    let (_, b) = kit.pair();
    let pipe = kit.ring.pipe(4096).expect("a descriptor is left");
    let _ = kit.ring.splice(b, pipe.write, 1);
}

#[test]
fn faults_shorten_postpone_and_refuse() {
    always(Fault::ShortSplice, |mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 1 << 16);
        kit.send(a, &pattern(3000));
        kit.rest();
        let moved = splice(&mut kit, b, pipe.write, u64::MAX);
        assert!((1..=3000).contains(&moved));
        assert!((1..=moved).contains(&splice(&mut kit, pipe.read, b, u64::MAX)));
    });
    always(Fault::SpliceAgain, |mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 1 << 16);
        kit.send(a, &pattern(3000));
        kit.rest();
        assert_eq!(splice(&mut kit, b, pipe.write, u64::MAX), AGAIN);
        kit.net.set_faults(Faults::none());
        assert_eq!(splice(&mut kit, b, pipe.write, u64::MAX), 3000);
    });
    always(Fault::NoPipe, |mut kit| {
        assert!(kit.ring.pipe(4096).is_err());
        assert_eq!(kit.net.open_descriptors(), 0);
    });
    always(Fault::SmallPipe, |mut kit| {
        let (a, b, pipe) = spliceable(&mut kit, 1 << 16);
        kit.send(a, &pattern(20_000));
        kit.rest();
        assert!(splice(&mut kit, b, pipe.write, u64::MAX) <= 4096);
    });
}

#[test]
fn unix_sockets_have_a_name_space_of_their_own() {
    calm(|mut kit| {
        kit.provide_all();
        let path = std::path::Path::new("/run/app.sock");
        let code = |result: std::io::Result<i32>| result.expect_err("refused").raw_os_error();
        assert_eq!(code(kit.ring.connect_unix(path)), Some(libc::ENOENT));
        let listener = kit.net.listen_unix(path, 1);
        let client = kit.ring.connect_unix(path).expect("a place in the backlog");
        assert_eq!(code(kit.ring.connect_unix(path)), Some(libc::EAGAIN));
        let server = kit.net.accept(&listener).expect("it waits");
        let server = kit.ring.adopt(server);
        assert!(kit.ring.local(client).is_err() && kit.ring.peer(server).is_err());
        let send = kit.send(client, b"hello");
        assert_eq!(kit.result(send), 5);
        kit.ring.close_now(client);
        assert_eq!(kit.drain(server), (b"hello".to_vec(), 0));
        drop(listener);
        assert_eq!(code(kit.ring.connect_unix(path)), Some(libc::ECONNREFUSED));
        drop(kit.net.listen_unix(path, 1));
    });
}
