//! Cancelling.

use super::*;

#[test]
fn cancelling_what_is_not_there_says_so() {
    calm(|mut kit| {
        let cancel = kit.cancel(999);
        assert_eq!(kit.result(cancel), -libc::ENOENT);
    });
}

#[test]
fn a_cancelled_receive_ends_once_and_leaves_later_bytes_in_the_socket() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let recv = kit.recv(b);
        let cancel = kit.cancel(recv);
        assert_eq!(kit.result(cancel), 0);
        assert_eq!(kit.result(recv), -libc::ECANCELED);
        kit.send(a, b"later");
        kit.rest();
        let again = kit.cancel(recv);
        assert_eq!(kit.result(again), -libc::ENOENT);
        kit.ring.close_now(a);
        assert_eq!(kit.drain(b), (b"later".to_vec(), 0));
    });
}

#[test]
fn the_end_of_a_cancelled_operation_comes_after_the_cancel() {
    calm(|mut kit| {
        let (_, b) = kit.pair();
        let recv = kit.recv(b);
        let cancel = kit.cancel(recv);
        let order: Vec<_> = kit.rest().into_iter().map(|seen| seen.user_data).collect();
        assert_eq!(order, [cancel, recv]);
    });
}

#[test]
fn a_send_cancelled_half_way_says_how_far_it_came() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        let send = kit.send(a, &pattern(200_000));
        kit.rest();
        let cancel = kit.cancel(send);
        assert_eq!(kit.result(cancel), 0);
        let taken = kit.result(send) as usize;
        assert!((4 * 1024..=64 * 1024).contains(&taken), "{taken}");
        kit.ring.close_now(a);
        assert_eq!(kit.drain(b), (pattern(200_000)[..taken].to_vec(), 0));
    });
}

#[test]
fn a_second_cancel_is_too_late() {
    seeds(100, |seed| {
        let faults = Faults::none().with(Fault::Late, 0.5);
        let mut kit = Kit::new(SimSettings { faults, ..SimSettings::new(seed) });
        let (_, b) = kit.pair();
        let recv = kit.recv(b);
        kit.rest();
        let cancels = [kit.cancel(recv), kit.cancel(recv)];
        let mut results = cancels.map(|cancel| kit.result(cancel));
        results.sort_unstable();
        assert!(results == [-libc::EALREADY, 0] || results == [-libc::ENOENT, 0], "{results:?}");
        assert_eq!(kit.result(recv), -libc::ECANCELED);
    });
}

#[test]
fn accepts_and_wake_ups_can_be_cancelled() {
    calm(|mut kit| {
        let listener = kit.listen(80, 1);
        for target in [kit.push(Op::Accept { fd: listener, multishot: true }), kit.push(Op::Wakeups)] {
            let cancel = kit.cancel(target);
            assert_eq!(kit.result(cancel), 0);
            assert_eq!(kit.result(target), -libc::ECANCELED);
        }
        assert_eq!(kit.ring.in_flight(), 0);
        kit.ring.close_now(listener);
    });
}
