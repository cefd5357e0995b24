//! Receiving.

use super::super::ops::F_NONEMPTY;
use super::*;

#[test]
fn each_buffer_has_its_own_completion() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(600));
        kit.rest();
        let recv = kit.recv(b);
        let seen: Vec<_> = (0..3).map(|_| kit.next(recv)).collect();
        assert_eq!(seen.iter().map(|seen| seen.result).collect::<Vec<_>>(), [256, 256, 88]);
        assert!(seen.iter().all(|seen| seen.more()));
        let nonempty: Vec<_> = seen.iter().map(|seen| seen.flags & F_NONEMPTY != 0).collect();
        assert_eq!(nonempty, [true, true, false]);
        let bytes: Vec<u8> = seen.into_iter().flat_map(|seen| kit.bytes(seen)).collect();
        assert_eq!(bytes, pattern(600));
    });
}

#[test]
fn an_empty_group_ends_a_receive_at_once() {
    calm(|mut kit| {
        let (_, b) = kit.pair();
        let recv =
            kit.push(Op::Recv { fd: b, group: 0, multishot: true, limit_bytes: u32::MAX, poll_first: false });
        let seen = kit.next(recv);
        assert_eq!((seen.result, seen.more()), (-libc::ENOBUFS, false));
    });
}

#[test]
fn an_empty_group_ends_a_polling_receive_when_there_is_data_and_loses_none() {
    calm(|mut kit| {
        let (a, b) = kit.pair();
        let recv = kit.recv(b);
        assert_eq!(kit.rest(), []);
        kit.send(a, b"hello");
        let seen = kit.next(recv);
        assert_eq!((seen.result, seen.more()), (-libc::ENOBUFS, false));
        kit.provide(0);
        let recv = kit.recv(b);
        let mut bytes = Vec::new();
        while bytes.len() < 5 {
            let seen = kit.next(recv);
            bytes.extend(kit.bytes(seen));
        }
        assert_eq!(bytes, b"hello");
    });
}

#[test]
fn a_group_that_runs_out_ends_the_receive_after_its_bytes() {
    calm(|mut kit| {
        let (a, b) = kit.pair();
        kit.send(a, &pattern(600));
        kit.rest();
        kit.provide(3);
        let recv = kit.recv(b);
        let data = kit.next(recv);
        assert_eq!((data.result, data.more(), data.buffer()), (256, true, Some(3)));
        let end = kit.next(recv);
        assert_eq!((end.result, end.more(), end.buffer()), (-libc::ENOBUFS, false, None));
        let mut bytes = kit.bytes(data);
        kit.provide_all_but(3);
        kit.ring.shutdown_write(a);
        let (rest, result) = kit.drain(b);
        bytes.extend(rest);
        assert_eq!((bytes, result), (pattern(600), 0));
    });
}

impl Kit {
    fn provide_all_but(&mut self, one: u16) {
        (0..GROUP_ENTRIES).filter(|id| *id != one).for_each(|id| self.provide(id));
    }
}

#[test]
fn the_end_of_the_stream_comes_after_its_bytes_and_again() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(1000));
        kit.push(Op::Close { fd: a });
        assert_eq!(kit.drain(b), (pattern(1000), 0));
        assert_eq!(kit.drain(b), (vec![], 0));
    });
}

#[test]
fn a_one_shot_receive_completes_once() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(600));
        kit.rest();
        let recv = kit.recv_once(b);
        let seen = kit.next(recv);
        assert_eq!((seen.result, seen.more()), (256, false));
        assert_eq!(kit.rest(), []);
        assert_eq!(kit.ring.in_flight(), 0);
    });
}

#[test]
fn receiving_where_nothing_is_connected_fails() {
    calm(|mut kit| {
        kit.provide_all();
        let listener = kit.listen(80, 1);
        let recv = kit.recv(listener);
        assert_eq!(kit.result(recv), -libc::ENOTCONN);
    });
}

#[test]
fn a_limited_receive_ends_with_the_completion_that_reaches_its_limit() {
    calm(|mut kit| {
        let (a, b) = kit.pair();
        kit.send(a, &pattern(600));
        kit.rest();
        (0..4).for_each(|id| kit.provide(id));
        let recv =
            kit.push(Op::Recv { fd: b, group: 0, multishot: true, limit_bytes: 500, poll_first: true });
        let mut seen = vec![kit.next(recv)];
        while seen.last().is_some_and(|seen| seen.more()) {
            seen.push(kit.next(recv));
        }
        assert_eq!(seen.iter().map(|seen| seen.result).collect::<Vec<_>>(), [256, 256]);
    });
}
