//! Waiting, and who ends it.

use super::*;

#[test]
fn a_wait_with_nothing_to_wait_for_ends_at_its_time() {
    calm(|mut kit| {
        let until = kit.ring.now() + Duration::from_secs(3600);
        kit.enter(Wait::Until(until));
        assert_eq!(kit.ring.now(), until);
        kit.enter(Wait::Until(Time::ZERO));
        assert!(kit.ring.now() < until + Duration::from_millis(1));
    });
}

#[test]
fn time_goes_on_without_waiting() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.send(a, b"x");
        kit.recv(b);
        while kit.seen.len() < 2 {
            kit.enter(Wait::No);
        }
    });
}

#[test]
fn another_thread_ends_a_wait() {
    let mut kit = Kit::new(SimSettings::new(1));
    let wakeups = kit.push(Op::Wakeups);
    for _ in 0..100 {
        let unpark = kit.ring.unpark();
        let other = std::thread::spawn(move || unpark.unpark());
        let seen = kit.next(wakeups);
        assert!(seen.more() && seen.result > 0);
        other.join().expect("it only rings");
    }
}

#[test]
fn ringing_before_the_wait_counts_once() {
    calm(|mut kit| {
        let unpark = kit.ring.unpark();
        unpark.unpark();
        unpark.unpark();
        let wakeups = kit.push(Op::Wakeups);
        assert!(kit.next(wakeups).more());
        assert_eq!(kit.rest(), []);
    });
}

#[test]
#[should_panic(expected = "nothing can ever happen")]
fn a_wait_that_nothing_can_end_is_a_stall() {
    let settings = SimSettings { patience: Duration::from_millis(20), ..SimSettings::new(1) };
    let mut kit = Kit::new(settings);
    let (_, b) = kit.pair();
    kit.recv(b);
    kit.enter(Wait::Until(Time::NEVER));
}

#[test]
#[should_panic(expected = "simulation spins")]
fn a_loop_that_never_ends_is_told() {
    let mut kit = Kit::new(SimSettings { turns_max: 1000, ..SimSettings::new(1) });
    loop {
        kit.enter(Wait::No);
    }
}

#[test]
fn a_full_submission_queue_submits() {
    let mut kit = Kit::new(SimSettings { sq_entries: 4, ..SimSettings::new(1) });
    let (_, b) = kit.pair();
    for pushed in 1..=7 {
        kit.recv(b);
        assert_eq!(kit.ring.in_flight(), pushed / 4 * 4);
    }
}

#[test]
fn two_rings_share_a_host() {
    seeds(100, |seed| {
        let mut kit = Kit::new(SimSettings::new(seed));
        kit.provide_all();
        let mut other = SimRing::new(&kit.net);
        let [a, b] = kit.net.pair(addr(80));
        let (a, b) = (other.adopt(a), kit.ring.adopt(b));
        other.push(1, Op::Send { fd: a, bytes: b"hello".as_ptr(), len: 5 });
        other.enter(Wait::No).expect("works on");
        let recv = kit.recv(b);
        let mut bytes = Vec::new();
        while bytes.len() < 5 {
            let seen = kit.next(recv);
            bytes.extend(kit.bytes(seen));
        }
        assert_eq!(bytes, b"hello");
        let mut seen = Vec::with_capacity(8);
        other.reap(&mut seen);
        assert_eq!(seen, [Completion { user_data: 1, result: 5, flags: 0 }]);
        drop(kit);
        other.close_now(a);
    });
}

#[test]
fn a_ring_that_is_dropped_lets_go_of_everything() {
    calm(|mut kit| {
        kit.provide_all();
        let (a, b) = kit.pair();
        kit.recv(b);
        kit.enter(Wait::No);
        kit.ring.close_now(a);
        kit.push(Op::Close { fd: b });
        let Kit { net, ring, buffers, mut memory, .. } = kit;
        drop(ring);
        memory[0].fill(1);
        net.settle();
        assert!(memory[0].iter().all(|byte| *byte == 1));
        buffers.provide(0, 0, memory[0].as_mut_ptr(), 1);
    });
}
