//! Accepting.

use super::*;

/// Connects `count` times, and waits until all wait to be accepted.
fn clients(kit: &mut Kit, port: u16, count: usize) -> Vec<i32> {
    let clients: Vec<_> = (0..count).map(|_| kit.connect(addr(port))).collect();
    for (_, connect) in &clients {
        assert_eq!(kit.result(*connect), 0);
    }
    kit.seen = kit.rest();
    clients.into_iter().map(|(fd, _)| fd).collect()
}

#[test]
fn an_accept_goes_on_from_connection_to_connection() {
    calm(|mut kit| {
        kit.provide_all();
        let listener = kit.listen(80, 16);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        for _ in 0..3 {
            let client = clients(&mut kit, 80, 1)[0];
            let seen = kit.next(accept);
            assert!(seen.more());
            let from = kit.ring.peer(seen.result).expect("connected");
            assert!(from.port() >= 32_768);
            let send = kit.send(client, b"hello");
            assert_eq!(kit.result(send), 5);
            kit.ring.shutdown_write(client);
            assert_eq!(kit.drain(seen.result), (b"hello".to_vec(), 0));
        }
    });
}

#[test]
fn an_accept_goes_on_when_its_listening_descriptor_is_closed() {
    calm(|mut kit| {
        let listener = kit.listen(80, 16);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        kit.enter(Wait::No);
        let close = kit.push(Op::Close { fd: listener });
        assert_eq!(kit.result(close), 0);
        let (_, connect) = kit.connect(addr(80));
        assert_eq!(kit.result(connect), 0);
        assert!(kit.result(accept) >= 0);
        let cancel = kit.cancel(accept);
        assert_eq!(kit.result(cancel), 0);
        kit.rest();
        let (_, connect) = kit.connect(addr(80));
        assert_eq!(kit.result(connect), -libc::ECONNREFUSED);
    });
}

#[test]
fn an_accept_without_descriptors_ends_and_leaves_the_connections_waiting() {
    calm(|mut kit| {
        let listener = kit.listen(80, 16);
        let clients = clients(&mut kit, 80, 4);
        kit.net.set_descriptors_max(kit.net.open_descriptors() + 2);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        assert!(kit.next(accept).more());
        assert!(kit.next(accept).more());
        let end = kit.next(accept);
        assert_eq!((end.result, end.more()), (-libc::EMFILE, false));
        assert!(kit.ring.socket(&addr(80)).is_err());
        kit.net.set_descriptors_max(100);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        assert!(kit.next(accept).more());
        assert!(kit.next(accept).more());
        assert_eq!(kit.net.open_descriptors(), 1 + 2 * clients.len());
    });
}

#[test]
fn a_completion_queue_that_runs_over_ends_an_accept_with_a_good_result() {
    seeds(100, |seed| {
        let mut kit = Kit::new(SimSettings { cq_entries: 8, ..SimSettings::new(seed) });
        let listener = kit.listen(80, 16);
        clients(&mut kit, 80, 12);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        while kit.ring.overflows() == 0 {
            kit.ring.enter(Wait::No).expect("works on");
        }
        kit.ring.reap({
            kit.seen.reserve(64);
            &mut kit.seen
        });
        assert_eq!(kit.seen.len(), 8);
        assert!(kit.seen.drain(..).all(|seen| seen.more()));
        kit.enter(Wait::No);
        let last = kit.seen.remove(0);
        assert!((last.user_data, last.more()) == (accept, false) && last.result > 0);
        assert_eq!(kit.rest(), []);
        assert_eq!(kit.ring.overflows(), 1);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        for _ in 0..3 {
            assert!(kit.next(accept).more());
        }
    });
}

#[test]
fn closing_a_listener_resets_who_waits_there() {
    calm(|mut kit| {
        kit.provide_all();
        let listener = kit.listen(80, 16);
        let client = clients(&mut kit, 80, 1)[0];
        kit.ring.close_now(listener);
        assert_eq!(kit.drain(client), (vec![], -libc::ECONNRESET));
        kit.ring.close_now(client);
        kit.net.settle();
        assert_eq!((kit.net.open_descriptors(), kit.net.connections()), (0, 0));
    });
}

#[test]
fn accepting_where_nobody_listens_fails() {
    calm(|mut kit| {
        let (a, _) = kit.pair();
        let accept = kit.push(Op::Accept { fd: a, multishot: true });
        assert_eq!(kit.result(accept), -libc::EINVAL);
    });
}

#[test]
fn who_was_reset_while_waiting_is_accepted_without_a_peer() {
    always(Fault::Reset, |mut kit| {
        kit.provide_all();
        let listener = kit.listen(80, 16);
        let client = clients(&mut kit, 80, 1)[0];
        kit.send(client, b"breaks the connection");
        kit.rest();
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        let fd = kit.result(accept);
        let error = kit.ring.peer(fd).expect_err("it was reset");
        assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
        assert_eq!(kit.drain(fd).1, -libc::ECONNRESET);
    });
}
