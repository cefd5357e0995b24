//! Sending, and what closing does to it.

use std::ptr;

use super::*;

#[test]
fn a_send_completes_when_all_its_bytes_are_taken() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let bytes = pattern(200_000);
        let send = kit.send(a, &bytes);
        // More than any window: it waits for the receiver.
        assert_eq!(kit.rest(), []);
        let recv = kit.recv(b);
        let mut received = Vec::new();
        while received.len() < bytes.len() {
            let seen = kit.next(recv);
            received.extend(kit.bytes(seen));
        }
        assert_eq!(received, bytes);
        assert_eq!(kit.result(send), 200_000);
    });
}

#[test]
fn the_pieces_of_a_message_are_sent_in_order() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let (head, body) = (&*Box::leak(pattern(300).into()), &*Box::leak(pattern(90_000).into()));
        let piece = |bytes: &'static [u8]| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let pieces = Box::leak(Box::new([piece(head), piece(&[]), piece(body)]));
        let msg = &*Box::leak(Box::new(libc::msghdr {
            msg_name: ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: pieces.as_mut_ptr(),
            msg_iovlen: pieces.len() as _,
            msg_control: ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        }));
        let send = kit.push(Op::SendMsg { fd: a, msg });
        let recv = kit.recv(b);
        let mut received = Vec::new();
        while received.len() < 90_300 {
            let seen = kit.next(recv);
            received.extend(kit.bytes(seen));
        }
        assert_eq!(received, [head, body].concat());
        assert_eq!(kit.result(send), 90_300);
    });
}

#[test]
fn half_a_connection_works_on_when_the_other_half_is_shut() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let send = kit.send(a, b"request");
        assert_eq!(kit.result(send), 7);
        kit.ring.shutdown_write(a);
        let send = kit.send(a, b"more");
        assert_eq!(kit.result(send), -libc::EPIPE);
        assert_eq!(kit.drain(b), (b"request".to_vec(), 0));
        let send = kit.send(b, b"answer");
        assert_eq!(kit.result(send), 6);
        kit.ring.close_now(b);
        assert_eq!(kit.drain(a), (b"answer".to_vec(), 0));
        kit.ring.close_now(a);
        kit.net.settle();
        assert_eq!((kit.net.open_descriptors(), kit.net.connections()), (0, 0));
    });
}

#[test]
fn sending_to_an_end_that_is_closed_fails_the_second_time() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.ring.close_now(b);
        kit.rest();
        let send = kit.send(a, b"nobody there");
        assert_eq!(kit.result(send), 12);
        kit.rest();
        // The FIN came before the reset: that is a broken pipe, and still the end of the stream for a receive.
        let send = kit.send(a, b"still nobody");
        assert_eq!(kit.result(send), -libc::EPIPE);
        assert_eq!(kit.drain(a), (vec![], 0));
        assert_eq!(kit.net.ledger().lost, 12);
    });
}

#[test]
fn closing_with_bytes_unread_resets_the_peer() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, b"unread");
        kit.send(b, b"arrived before");
        kit.rest();
        kit.ring.close_now(b);
        kit.rest();
        assert!(kit.ring.peer(a).is_err());
        // What had arrived can be read; then the error, once; then the end.
        assert_eq!(kit.drain(a), (b"arrived before".to_vec(), -libc::ECONNRESET));
        assert_eq!(kit.drain(a), (vec![], 0));
        let send = kit.send(a, b"x");
        assert_eq!(kit.result(send), -libc::EPIPE);
    });
}

#[test]
fn a_reset_cuts_a_waiting_send_short() {
    calm(|mut kit| {
        let (a, b) = kit.pair();
        let send = kit.send(a, &pattern(200_000));
        kit.rest();
        kit.ring.close_now(b);
        let taken = kit.result(send);
        assert!((1..200_000).contains(&taken), "{taken}");
        let send = kit.send(a, b"x");
        assert!([-libc::EPIPE, -libc::ECONNRESET].contains(&kit.result(send)));
    });
}

#[test]
fn closing_a_descriptor_does_not_end_what_is_in_flight_on_it() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let recv = kit.recv(b);
        let close = kit.push(Op::Close { fd: b });
        assert_eq!(kit.result(close), 0);
        let send = kit.send(a, b"late");
        assert_eq!(kit.result(send), 4);
        let mut bytes = Vec::new();
        while bytes.len() < 4 {
            let seen = kit.next(recv);
            assert!(seen.more());
            bytes.extend(kit.bytes(seen));
        }
        assert_eq!(bytes, b"late");
        // The connection ends with the operation, not with the descriptor.
        let eof = kit.recv(a);
        assert_eq!(kit.rest(), []);
        let cancel = kit.cancel(recv);
        assert_eq!(kit.result(cancel), 0);
        assert_eq!(kit.result(recv), -libc::ECANCELED);
        assert_eq!(kit.result(eof), 0);
    });
}

#[test]
fn the_lowest_free_descriptor_is_next() {
    calm(|mut kit| {
        let (a, b) = kit.pair();
        let (c, _) = kit.pair();
        assert_eq!([a, b, c], [0, 1, 2]);
        kit.ring.close_now(b);
        kit.ring.close_now(a);
        assert_eq!(kit.ring.socket(&addr(80)).expect("one is left"), a);
        assert_eq!(kit.ring.socket(&addr(80)).expect("one is left"), b);
    });
}

#[test]
fn a_descriptor_that_is_not_open_is_refused_and_counted() {
    calm(|mut kit| {
        let (a, _) = kit.pair();
        kit.ring.close_now(a);
        let close = kit.push(Op::Close { fd: a });
        assert_eq!(kit.result(close), -libc::EBADF);
        let send = kit.send(a, b"x");
        assert_eq!(kit.result(send), -libc::EBADF);
        assert_eq!(kit.net.bad_descriptors(), 2);
    });
}

#[test]
#[should_panic(expected = "closed with operations in flight")]
fn closing_at_once_under_an_operation_is_misuse() {
    let mut kit = Kit::new(SimSettings::new(1));
    let (a, _) = kit.pair();
    kit.recv(a);
    kit.enter(Wait::No);
    kit.ring.close_now(a);
}
