//! Who owns a receive buffer.

use super::super::settings::POISON;
use super::*;

#[test]
fn buffers_are_taken_in_the_order_they_were_provided() {
    calm(|mut kit| {
        [5, 2, 9].into_iter().for_each(|id| kit.provide(id));
        let (a, b) = kit.pair();
        kit.send(a, &pattern(600));
        kit.rest();
        let recv = kit.recv(b);
        assert_eq!([0; 3].map(|_| kit.next(recv).buffer()), [Some(5), Some(2), Some(9)]);
    });
}

#[test]
fn a_buffer_that_was_given_back_holds_nothing() {
    let mut kit = Kit::new(SimSettings::new(1));
    kit.memory[0].fill(7);
    kit.provide(0);
    assert!(kit.memory[0].iter().all(|byte| *byte == POISON));
}

#[test]
#[should_panic(expected = "buffer 3 of group 0 provided while the kernel owns it")]
fn providing_a_buffer_twice_is_misuse() {
    let mut kit = Kit::new(SimSettings::new(1));
    kit.provide(3);
    kit.provide(3);
}

#[test]
#[should_panic(expected = "buffer 64 is out of range")]
fn a_buffer_beyond_the_group_is_misuse() {
    let mut kit = Kit::new(SimSettings::new(1));
    let bytes = kit.memory[0].as_mut_ptr();
    kit.buffers.provide(0, GROUP_ENTRIES, bytes, 1);
}

#[test]
#[should_panic(expected = "group 1, which does not exist")]
fn a_group_that_was_not_set_up_is_misuse() {
    let mut kit = Kit::new(SimSettings::new(1));
    let bytes = kit.memory[0].as_mut_ptr();
    kit.buffers.provide(1, 0, bytes, 1);
}

#[test]
#[should_panic(expected = "was written to while the kernel owned it")]
fn writing_to_a_buffer_of_the_kernel_is_misuse() {
    let mut kit = Kit::new(SimSettings::new(1));
    kit.provide(0);
    kit.memory[0][0] = 1;
    let (a, b) = kit.pair();
    kit.send(a, b"x");
    let recv = kit.recv(b);
    kit.next(recv);
}

#[test]
fn a_group_has_a_power_of_two_of_places() {
    let mut ring = SimRing::new(&Net::new(SimSettings::new(1)));
    for wrong in [0, 3, 65_535] {
        assert!(ring.buffer_groups(&[wrong]).is_err());
    }
}

#[test]
fn buffers_that_never_came_home_are_counted() {
    let mut kit = Kit::new(SimSettings::new(1));
    kit.provide_all();
    let (a, b) = kit.pair();
    kit.send(a, &pattern(600));
    kit.rest();
    let recv = kit.recv(b);
    let [one, ..] = [0; 3].map(|_| kit.next(recv));
    kit.bytes(one);
    let Kit { net, ring, .. } = kit;
    drop(ring);
    assert_eq!(net.buffers_missing(), 2);
}
