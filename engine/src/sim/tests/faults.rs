//! What goes wrong when it is asked to, and that nothing is lost by it.

use super::*;

#[test]
fn a_short_send_says_how_much_was_taken() {
    always(Fault::ShortSend, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let bytes = pattern(3000);
        let mut sent = 0;
        while sent < bytes.len() {
            let send = kit.send(a, &bytes[sent..]);
            let taken = kit.result(send);
            assert!(taken > 0);
            sent += taken as usize;
        }
        assert!(kit.net.injected().of(Fault::ShortSend) > 0);
        kit.ring.close_now(a);
        assert_eq!(kit.drain(b), (bytes, 0));
    });
}

#[test]
fn tiny_receives_give_single_bytes() {
    always(Fault::TinyRecv, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(40));
        kit.rest();
        let recv = kit.recv(b);
        let results: Vec<_> = (0..40).map(|_| kit.result(recv)).collect();
        assert_eq!(results, [1; 40]);
    });
}

#[test]
fn a_receive_may_find_no_buffers_where_there_are() {
    always(Fault::NoBuffers, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, b"hello");
        let recv = kit.recv(b);
        assert_eq!(kit.result(recv), -libc::ENOBUFS);
        kit.net.set_faults(Faults::none());
        kit.ring.close_now(a);
        assert_eq!(kit.drain(b), (b"hello".to_vec(), 0));
    });
}

#[test]
fn a_cancelled_receive_may_deliver_bytes() {
    let delivered = std::cell::Cell::new([0; 3]);
    always(Fault::CancelWithData, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let recv = kit.recv(b);
        kit.rest();
        let send = kit.send(a, b"hello");
        let cancel = kit.cancel(recv);
        assert!([0, -libc::EALREADY].contains(&kit.result(cancel)));
        kit.next(send);
        let mut bytes = Vec::new();
        let [mut with_end, mut before_end, mut none] = delivered.get();
        loop {
            let seen = kit.next(recv);
            if seen.buffer().is_some() {
                bytes.extend(kit.bytes(seen));
                (with_end, before_end) =
                    (with_end + u32::from(!seen.more()), before_end + u32::from(seen.more()));
            } else {
                assert_eq!(seen.result, -libc::ECANCELED);
                none += 1;
            }
            if !seen.more() {
                break;
            }
        }
        delivered.set([with_end, before_end, none]);
        kit.net.set_faults(Faults::none());
        kit.ring.close_now(a);
        let (rest, result) = kit.drain(b);
        bytes.extend(rest);
        assert_eq!((bytes.as_slice(), result), (&b"hello"[..], 0));
    });
    assert!(delivered.get().iter().all(|count| *count > 0), "{delivered:?}");
}

#[test]
fn a_cancelled_accept_may_deliver_a_connection() {
    let delivered = std::cell::Cell::new(0);
    always(Fault::CancelWithData, |mut kit| {
        let listener = kit.listen(80, 16);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        let (client, _) = kit.connect(addr(80));
        kit.cancel(accept);
        let seen = kit.rest();
        let fds = seen.iter().filter(|seen| seen.user_data == accept && seen.result >= 0);
        delivered.set(delivered.get() + fds.map(|seen| kit.ring.close_now(seen.result)).count());
        kit.ring.close_now(client);
        kit.ring.close_now(listener);
        assert_eq!(kit.net.open_descriptors(), 0);
    });
    assert!((1..100).contains(&delivered.get()), "{delivered:?}");
}

#[test]
fn the_target_of_a_cancel_may_end_first() {
    always(Fault::CancelFirst, |mut kit| {
        let (_, b) = kit.pair();
        let recv = kit.recv(b);
        let cancel = kit.cancel(recv);
        let order: Vec<_> = kit.rest().into_iter().map(|seen| seen.user_data).collect();
        assert_eq!(order, [recv, cancel]);
    });
}

#[test]
fn a_completion_may_come_long_after_the_close() {
    always(Fault::Late, |mut kit| {
        let (_, b) = kit.pair();
        let recv = kit.recv(b);
        kit.rest();
        kit.cancel(recv);
        let from = kit.ring.now();
        kit.next(recv);
        assert!(kit.ring.now().since(from) >= Duration::from_millis(2));
    });
}

#[test]
fn a_multishot_may_end_with_a_good_result() {
    always(Fault::MultishotEnds, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(2000));
        let recv = kit.recv(b);
        let seen = kit.next(recv);
        assert!(seen.result > 0 && !seen.more());
        let listener = kit.listen(80, 1);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        kit.connect(addr(80));
        let seen = kit.next(accept);
        assert!(seen.result > 0 && !seen.more());
        let wakeups = kit.push(Op::Wakeups);
        kit.ring.unpark().unpark();
        assert!(!kit.next(wakeups).more());
        let mut bytes = kit.memory[0][..256].to_vec();
        kit.ring.close_now(a);
        let (rest, result) = kit.drain(b);
        bytes.truncate(2000 - rest.len());
        assert_eq!(([bytes, rest].concat(), result), (pattern(2000), 0));
    });
}

#[test]
fn descriptors_may_run_out() {
    always(Fault::NoDescriptors, |mut kit| {
        assert_eq!(kit.ring.socket(&addr(80)).expect_err("none left").raw_os_error(), Some(libc::EMFILE));
        let listener = kit.listen(80, 1);
        let accept = kit.push(Op::Accept { fd: listener, multishot: true });
        assert_eq!(kit.rest(), []);
        kit.net.set_faults(Faults::none());
        kit.connect(addr(80));
        kit.net.set_faults(Faults::none().with(Fault::NoDescriptors, 1.0));
        assert_eq!(kit.result(accept), -libc::EMFILE);
    });
}

#[test]
fn a_broken_connection_is_reset_at_both_ends() {
    always(Fault::Reset, |mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, &pattern(3000));
        let (_, at_a) = kit.drain(a);
        let (bytes, at_b) = kit.drain(b);
        assert_eq!((at_a, at_b), (-libc::ECONNRESET, -libc::ECONNRESET));
        assert!(pattern(3000).starts_with(&bytes));
        kit.ring.close_now(a);
        kit.ring.close_now(b);
        kit.net.settle();
        let ledger = kit.net.ledger();
        assert_eq!(ledger.sent, ledger.received + ledger.lost);
        assert_eq!(kit.net.connections(), 0);
    });
}

#[test]
fn a_turn_may_do_only_some_of_its_work() {
    always(Fault::PartialBatch, |mut kit| {
        let cancels: Vec<_> = (0..64).map(|_| kit.cancel(999)).collect();
        let mut turns = 0;
        while kit.seen.len() < cancels.len() {
            kit.enter(Wait::Until(Time::NEVER));
            turns += 1;
        }
        assert!(turns >= 64 / super::super::settings::PARTIAL_BATCH_MAX, "{turns}");
    });
}

#[test]
fn a_wait_may_end_with_nothing() {
    always(Fault::SpuriousWake, |mut kit| {
        let (_, b) = kit.pair();
        kit.recv(b);
        kit.enter(Wait::Until(Time::NEVER));
        assert_eq!(kit.seen, []);
    });
}

/// Bytes both ways over some connections, under whatever the seed draws. What both runs of a seed must share.
fn storm(seed: u64) -> (u64, u64, super::super::Ledger) {
    let mut kit = Kit::new(SimSettings::faulty(seed));
    kit.provide_all();
    for _ in 0..3 {
        let (a, b) = kit.pair();
        for (from, to) in [(a, b), (b, a)] {
            let bytes = pattern(500 + seed as usize % 2000);
            let mut sent = 0;
            while sent < bytes.len() {
                let send = kit.send(from, &bytes[sent..]);
                match kit.result(send) {
                    taken if taken > 0 => sent += taken as usize,
                    error => {
                        assert!([-libc::EPIPE, -libc::ECONNRESET].contains(&error), "{error}");
                        break;
                    }
                }
            }
            kit.ring.shutdown_write(from);
            let (received, result) = kit.drain(to);
            assert!(bytes.starts_with(&received));
            let unbroken = kit.net.injected().of(Fault::Reset) == 0;
            assert!(received == bytes && result == 0 || !unbroken, "{result}");
        }
        kit.push(Op::Close { fd: a });
        kit.push(Op::Close { fd: b });
        kit.rest();
    }
    kit.net.settle();
    let ledger = kit.net.ledger();
    assert_eq!(ledger.sent, ledger.received + ledger.lost);
    assert_eq!((kit.ring.in_flight(), kit.net.open_descriptors(), kit.net.connections()), (0, 0, 0));
    assert_eq!(kit.net.bad_descriptors(), 0);
    (kit.net.trace(), kit.net.now().as_nanos(), ledger)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let runs: Vec<_> = (0..300).map(storm).collect();
    seeds(300, |seed| assert_eq!(storm(seed), runs[seed as usize]));
    let mut traces: Vec<_> = runs.iter().map(|(trace, ..)| *trace).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), runs.len());
}
