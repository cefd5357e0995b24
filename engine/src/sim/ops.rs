//! Operations in flight and what the kernel does when it looks at one.

use super::clock::Event;
use super::faults::Fault;
use super::files::Kind;
use super::memory;
use super::settings::{CANCEL_RACE_NS, LATE_MAX_NS, LATE_MIN_NS, MULTISHOT_ROUNDS};
use super::tcp::Stage;
use super::world::World;
use crate::slab::Key;
use crate::uring::ring::{Completion, Op, Ready};

/// There is more to receive (`IORING_CQE_F_SOCK_NONEMPTY`).
pub(super) const F_NONEMPTY: u32 = 4;

/// How a cancelled operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With nothing more.
    Plain,
    /// With what it waits for, if that is there by then.
    Racing,
}

/// An operation between its submission and its final completion.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) ring: usize,
    pub(super) user_data: u64,
    pub(super) op: Op,
    /// The file, held.
    file: Option<Key>,
    /// Bytes sent so far.
    done: usize,
    /// Bytes received so far.
    received: usize,
    /// Whether the kernel has looked at it before.
    tried: bool,
    /// Whether an [`Event::Attempt`] is on its way.
    scheduled: bool,
    ending: Option<Ending>,
}

/// What came of looking at an operation.
enum Step {
    /// Nothing: it waits.
    Wait,
    /// There is more to do, but others come first.
    Again,
    /// Its final completion: result and flags.
    Done(i32, u32),
}

impl Step {
    fn error(code: i32) -> Step {
        Step::Done(-code, 0)
    }
}

impl World {
    /// Takes an operation from a ring's submission queue.
    pub(super) fn submit(&mut self, ring: usize, user_data: u64, op: Op) {
        let fd = match op {
            Op::Accept { fd, .. } | Op::Recv { fd, .. } | Op::Send { fd, .. } => Some(fd),
            Op::SendMsg { fd, .. } | Op::Connect { fd, .. } | Op::Poll { fd, .. } => Some(fd),
            Op::Cancel { .. } | Op::Close { .. } | Op::Wakeups => None,
        };
        let file = fd.and_then(|fd| self.files.lookup(fd));
        if fd.is_some() && file.is_none() {
            self.bad_descriptors += 1;
            return self.post(ring, user_data, -libc::EBADF, 0);
        }
        if let Some(file) = file {
            self.files.hold(file);
        }
        let flight = Flight {
            ring,
            user_data,
            op,
            file,
            done: 0,
            received: 0,
            tried: false,
            scheduled: false,
            ending: None,
        };
        let key = self.flights.insert(flight).expect("fewer operations than a slab has room for");
        self.rings[ring].in_flight += 1;
        if !matches!(op, Op::Cancel { .. } | Op::Close { .. }) {
            self.rings[ring].targets.insert(user_data, key);
        }
        if matches!(op, Op::Wakeups) {
            self.rings[ring].wakeups = Some(key);
        } else if self.dice.coin() {
            self.attempt_in(key, 0);
        } else {
            self.wake(key, 0);
        }
    }

    /// Has the kernel look at an operation after `delay`, if it will not do so anyway.
    pub(super) fn attempt_in(&mut self, key: Key, delay: u64) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        if std::mem::replace(&mut flight.scheduled, true) {
            return;
        }
        let late = if self.hits(Fault::Late) { self.dice.between(LATE_MIN_NS, LATE_MAX_NS) } else { 0 };
        self.clock.at(self.clock.now() + delay + late, Event::Attempt(key), &mut self.dice);
    }

    /// Looks at an operation.
    pub(super) fn attempt(&mut self, key: Key) {
        let Some(flight) = self.flights.get_mut(key) else { return };
        flight.scheduled = false;
        let (op, ending) = (flight.op, flight.ending);
        let first = !std::mem::replace(&mut flight.tried, true);
        let kind = flight.file.map(|file| self.files.kind(file));
        let step = match (op, kind) {
            _ if ending == Some(Ending::Plain) => Step::Wait,
            (Op::Accept { .. }, Some(Kind::Listener(listener))) => self.accept(key, listener),
            (Op::Accept { .. }, _) => Step::error(libc::EINVAL),
            (Op::Recv { .. }, Some(Kind::Stream(link, end))) => self.recv(key, link, end, first),
            (Op::Recv { .. }, _) => Step::error(libc::ENOTCONN),
            (Op::Send { .. } | Op::SendMsg { .. }, Some(Kind::Stream(link, end))) => {
                self.send(key, link, end)
            }
            (Op::Send { .. } | Op::SendMsg { .. }, _) => Step::error(libc::EPIPE),
            (Op::Poll { ready, .. }, Some(Kind::Stream(link, end))) => self.poll(link, end, ready),
            (Op::Poll { .. }, _) => Step::Done(libc::POLLHUP.into(), 0),
            (Op::Connect { .. }, _) => self.connect(key, first),
            (Op::Cancel { target }, _) => self.cancel(key, target),
            (Op::Close { fd }, _) => Step::Done(if self.close(fd) { 0 } else { -libc::EBADF }, 0),
            // It waits for the bell, which asks for no attempt.
            (Op::Wakeups, _) => Step::Wait,
        };
        match step {
            Step::Done(result, flags) => self.finish(key, result, flags),
            Step::Again => self.wake(key, 0),
            Step::Wait if ending.is_some() => self.finish_cancelled(key),
            Step::Wait => self.enlist(key),
        }
    }

    /// Puts an operation where whoever has something for it finds it.
    fn enlist(&mut self, key: Key) {
        let flight = self.flights.get(key).expect("just looked at");
        let Some(file) = flight.file else { return };
        let receives = matches!(flight.op, Op::Recv { .. } | Op::Poll { ready: Ready::Readable, .. });
        match self.files.kind(file) {
            Kind::Listener(listener) => self.listeners[listener].waiters.push(key),
            Kind::Stream(link, end) if receives => self.link(link).ends[end].readers.push(key),
            Kind::Stream(link, end) => self.link(link).ends[end].writers.push(key),
            Kind::Fresh | Kind::Pipe(_) => {}
        }
    }

    fn delist(&mut self, file: Key, key: Key) {
        match self.files.kind(file) {
            Kind::Listener(listener) => self.listeners[listener].waiters.retain(|other| *other != key),
            Kind::Stream(link, end) => {
                let end = &mut self.link(link).ends[end];
                end.readers.retain(|other| *other != key);
                end.writers.retain(|other| *other != key);
            }
            Kind::Fresh | Kind::Pipe(_) => {}
        }
    }

    /// Ends an operation. What it held is let go before anybody can know.
    fn finish(&mut self, key: Key, result: i32, flags: u32) {
        let Flight { ring, user_data, .. } = self.forget_flight(key);
        self.post(ring, user_data, result, flags);
    }

    fn finish_cancelled(&mut self, key: Key) {
        let done = self.flights.get(key).expect("it is in flight").done;
        // A send that was cancelled half way says how far it came.
        self.finish(key, if done > 0 { done as i32 } else { -libc::ECANCELED }, 0);
    }

    /// Takes an operation out without a word.
    pub(super) fn forget_flight(&mut self, key: Key) -> Flight {
        let flight = self.flights.remove(key).expect("an operation ends once");
        if let Some(file) = flight.file {
            self.delist(file, key);
            self.let_go(file);
        }
        let ring = &mut self.rings[flight.ring];
        ring.in_flight -= 1;
        if ring.targets.get(&flight.user_data) == Some(&key) {
            ring.targets.remove(&flight.user_data);
        }
        if ring.wakeups == Some(key) {
            ring.wakeups = None;
        }
        flight
    }

    fn post(&mut self, ring: usize, user_data: u64, result: i32, flags: u32) {
        let now = self.clock.now();
        self.rings[ring].completions.post(Completion { user_data, result, flags }, now);
    }

    /// Posts a completion of a multishot operation that could go on. What it says if that was its last one instead:
    /// there is no room to say that more will come, or so chance has it.
    fn post_more(&mut self, key: Key, result: i32, flags: u32) -> Option<Step> {
        let flight = self.flights.get(key).expect("it is in flight");
        let (ring, user_data) = (flight.ring, flight.user_data);
        let last = flight.ending == Some(Ending::Racing) && self.dice.coin();
        if last || self.rings[ring].completions.is_full() || self.hits(Fault::MultishotEnds) {
            return Some(Step::Done(result, flags));
        }
        self.post(ring, user_data, result, flags | Completion::F_MORE);
        None
    }

    /// Tells a ring's engine that another thread has rung.
    pub(super) fn answer_bell(&mut self, ring: usize) {
        let Some(key) = self.rings[ring].wakeups else { return };
        if !self.rings[ring].bell.answer() {
            return;
        }
        if let Some(Step::Done(result, flags)) = self.post_more(key, 1, 0) {
            self.finish(key, result, flags);
        }
    }

    fn accept(&mut self, key: Key, listener: usize) -> Step {
        let flight = self.flights.get(key).expect("just looked at");
        let Op::Accept { multishot, .. } = flight.op else { return Step::Wait };
        for _ in 0..MULTISHOT_ROUNDS {
            // The kernel takes a descriptor before it looks for a connection.
            let none_left = !self.files.has_room();
            let waiting = !self.listeners[listener].queue.is_empty();
            if none_left || waiting && self.hits(Fault::NoDescriptors) {
                return Step::error(libc::EMFILE);
            }
            let Some(link) = self.listeners[listener].queue.pop_front() else { return Step::Wait };
            let fd = self.files.insert(Kind::Stream(link, 1));
            if !multishot {
                return Step::Done(fd, 0);
            }
            if let Some(last) = self.post_more(key, fd, 0) {
                return last;
            }
        }
        Step::Again
    }

    fn recv(&mut self, key: Key, link: Key, end: usize, first: bool) -> Step {
        let flight = self.flights.get(key).expect("just looked at");
        let Op::Recv { group, multishot, limit_bytes, poll_first, .. } = flight.op else { return Step::Wait };
        let limit = if self.settings.limits_multishot { limit_bytes as usize } else { usize::MAX };
        let groups = self.rings[flight.ring].groups.clone();
        for round in 0..MULTISHOT_ROUNDS {
            let readable = self.link(link).is_readable(end);
            let blind = first && round == 0 && !poll_first;
            if !readable && !blind {
                return Step::Wait;
            }
            // The buffer is chosen before the socket is tried.
            if groups.is_empty(group) || readable && self.hits(Fault::NoBuffers) {
                return Step::error(libc::ENOBUFS);
            }
            if !readable {
                return Step::Wait;
            }
            let arrived = self.link(link).wires[1 - end].arrived;
            if arrived == 0 {
                return Step::error(self.link(link).no_bytes(end));
            }
            let most = if arrived > 1 && self.hits(Fault::TinyRecv) { 1 } else { arrived };
            let wire = &mut self.link(link).wires[1 - end];
            let (id, count) = groups.fill(group, &mut wire.bytes, most);
            self.was_read(link, end, count);
            let more = if self.link(link).is_readable(end) { F_NONEMPTY } else { 0 };
            let flags = Completion::F_BUFFER | u32::from(id) << 16 | more;
            let flight = self.flights.get_mut(key).expect("just looked at");
            flight.received += count;
            if !multishot || flight.received >= limit {
                return Step::Done(count as i32, flags);
            }
            if let Some(last) = self.post_more(key, count as i32, flags) {
                return last;
            }
        }
        Step::Again
    }

    /// So many of the bytes that had arrived at this end were taken.
    pub(super) fn was_read(&mut self, link: Key, end: usize, count: usize) {
        self.ledger.received += count as u64;
        let me = self.link(link);
        me.wires[1 - end].arrived -= count;
        let latency = me.latency;
        if me.wires[1 - end].is_writable() && !me.ends[1 - end].writers.is_empty() {
            self.wake_writers(link, 1 - end, latency);
        }
    }

    fn poll(&mut self, link: Key, end: usize, ready: Ready) -> Step {
        let connection = self.link(link);
        let over = connection.ends[end].reset || matches!(connection.stage, Stage::Failed(_));
        let (is_ready, event) = match ready {
            Ready::Readable => (connection.is_readable(end), libc::POLLIN),
            Ready::Writable => {
                let shut = connection.ends[end].fin_sent;
                let there = connection.stage == Stage::Established;
                (over || there && (shut || connection.wires[end].is_writable()), libc::POLLOUT)
            }
        };
        let event = if over { event | libc::POLLERR } else { event };
        if is_ready { Step::Done(event.into(), 0) } else { Step::Wait }
    }

    fn send(&mut self, key: Key, link: Key, end: usize) -> Step {
        let flight = self.flights.get(key).expect("just looked at");
        let (op, done) = (flight.op, flight.done);
        let total = memory::send_len(&op);
        if let Some(code) = self.link(link).refuses_bytes(end) {
            return if done > 0 { Step::Done(done as i32, 0) } else { Step::error(code) };
        }
        if self.link(link).stage == Stage::Connecting {
            return Step::Wait;
        }
        let room = self.link(link).wires[end].space().min(total - done);
        let short = room > 0 && self.hits(Fault::ShortSend);
        let count = if short { self.dice.up_to(room) } else { room };
        if count > 0 {
            memory::take_bytes(&op, done, count, &mut self.link(link).wires[end].bytes);
            self.transmit_bytes(link, end, count);
        }
        let done = done + count;
        if short || done == total {
            return Step::Done(done as i32, 0);
        }
        self.flights.get_mut(key).expect("just looked at").done = done;
        Step::Wait
    }

    fn connect(&mut self, key: Key, first: bool) -> Step {
        let flight = self.flights.get(key).expect("just looked at");
        let (Op::Connect { addr, .. }, Some(file)) = (flight.op, flight.file) else { return Step::Wait };
        let link = match self.files.kind(file) {
            Kind::Stream(link, 0) => link,
            Kind::Stream(..) => return Step::error(libc::EISCONN),
            Kind::Listener(_) | Kind::Pipe(_) => return Step::error(libc::EISCONN),
            Kind::Fresh => {
                let Some(to) = memory::address(addr) else { return Step::error(libc::EAFNOSUPPORT) };
                let link = self.new_link(to);
                self.files.set_kind(file, Kind::Stream(link, 0));
                self.send_syn(link);
                return Step::Wait;
            }
        };
        match self.link(link).stage {
            Stage::Connecting if first => Step::error(libc::EALREADY),
            Stage::Connecting => Step::Wait,
            Stage::Established if first => Step::error(libc::EISCONN),
            Stage::Established => Step::Done(0, 0),
            Stage::Failed(code) => Step::error(code),
        }
    }

    fn cancel(&mut self, key: Key, target: u64) -> Step {
        let ring = self.flights.get(key).expect("just looked at").ring;
        let Some(target) = self.rings[ring].targets.get(&target).copied() else {
            return Step::error(libc::ENOENT);
        };
        let racing = self.hits(Fault::CancelWithData);
        let first = !racing && self.hits(Fault::CancelFirst);
        let (low, high) = CANCEL_RACE_NS.into_inner();
        let flight = self.flights.get_mut(target).expect("targets are in flight");
        if flight.ending.is_some() {
            return Step::error(libc::EALREADY);
        }
        flight.ending = Some(if racing { Ending::Racing } else { Ending::Plain });
        if first {
            self.finish_cancelled(target);
        } else if racing {
            let delay = self.dice.between(low, high);
            self.attempt_in(target, delay);
            if self.dice.coin() {
                return Step::error(libc::EALREADY);
            }
        } else {
            self.wake(target, 0);
        }
        Step::Done(0, 0)
    }
}
