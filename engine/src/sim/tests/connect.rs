//! Connecting.

use super::*;

#[test]
fn connecting_where_nobody_listens_is_refused() {
    calm(|mut kit| {
        let (fd, connect) = kit.connect(addr(81));
        assert_eq!(kit.result(connect), -libc::ECONNREFUSED);
        assert!(kit.ring.now() < Time::from_nanos(10_000_000));
        kit.ring.close_now(fd);
        kit.net.settle();
        assert_eq!(kit.net.connections(), 0);
    });
}

#[test]
fn a_black_hole_answers_nothing_until_the_kernel_gives_up() {
    calm(|mut kit| {
        kit.net.black_hole(addr(81));
        let (_, connect) = kit.connect(addr(81));
        assert_eq!(kit.result(connect), -libc::ETIMEDOUT);
        assert_eq!(kit.ring.now().as_millis() / 1000, 127);
    });
}

#[test]
fn a_connect_can_be_given_up() {
    calm(|mut kit| {
        kit.net.black_hole(addr(81));
        let (fd, connect) = kit.connect(addr(81));
        kit.rest();
        let cancel = kit.cancel(connect);
        assert_eq!(kit.result(cancel), 0);
        assert_eq!(kit.result(connect), -libc::ECANCELED);
        kit.ring.close_now(fd);
        kit.net.settle();
        assert_eq!((kit.net.open_descriptors(), kit.net.connections()), (0, 0));
    });
}

#[test]
fn a_full_backlog_keeps_requests_waiting_until_there_is_room() {
    calm(|mut kit| {
        let listener = kit.listen(80, 1);
        let (_, first) = kit.connect(addr(80));
        assert_eq!(kit.result(first), 0);
        let (_, second) = kit.connect(addr(80));
        assert_eq!(kit.rest(), []);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        assert!(kit.result(accept) >= 0);
        assert_eq!(kit.result(second), 0);
        assert!(kit.ring.now().as_millis() >= 1000);
    });
}

#[test]
fn the_unspecified_address_listens_everywhere() {
    calm(|mut kit| {
        let socket = kit.net.listen(SocketAddr::from(([0, 0, 0, 0], 0)));
        let port = socket.local_addr().expect("it listens").port();
        let (_, connect) = kit.connect(addr(port));
        assert_eq!(kit.result(connect), 0);
        let (_, connect) = kit.connect(SocketAddr::from(([0u16; 8], port)));
        assert_eq!(kit.result(connect), -libc::ECONNREFUSED);
    });
}

#[test]
fn bytes_sent_before_the_accept_are_there_after_it() {
    calm(|mut kit| {
        kit.provide_all();
        let listener = kit.listen(80, 16);
        let (client, connect) = kit.connect(addr(80));
        assert_eq!(kit.result(connect), 0);
        let send = kit.send(client, &pattern(700));
        assert_eq!(kit.result(send), 700);
        kit.push(Op::Close { fd: client });
        kit.rest();
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        let fd = kit.result(accept);
        assert_eq!(kit.drain(fd), (pattern(700), 0));
    });
}
