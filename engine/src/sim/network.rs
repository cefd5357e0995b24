//! The network a simulated host talks to itself over: what is sent, when it arrives, and what that changes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ringway_core::Address;

use super::clock::Event;
use super::faults::Fault;
use super::files::Kind;
use super::settings::SYN_RETRIES;
use super::tcp::{Link, Listener, Segment, Stage};
use super::world::World;
use crate::slab::Key;

/// The first port that connecting sockets get, as on Linux.
pub(super) const EPHEMERAL_PORTS: u16 = 32_768;
const SECOND_NS: u64 = 1_000_000_000;

impl World {
    /// Something of a connection happens.
    pub(super) fn on_network(&mut self, event: Event) {
        let link = match event {
            Event::Attempt(_) => return,
            Event::Arrive(link, ..) | Event::Syn(link, _) | Event::SynAck(link) => link,
            Event::Refused(link) | Event::Break(link, _) => link,
        };
        self.link(link).events -= 1;
        match event {
            Event::Attempt(_) => {}
            Event::Arrive(_, from) => self.arrive(link, from),
            Event::Syn(_, repeated) => self.syn(link, repeated),
            Event::SynAck(_) => self.syn_ack(link),
            Event::Refused(_) => self.fail(link, libc::ECONNREFUSED),
            Event::Break(_, end) => self.reset(link, end),
        }
        self.forget_if_over(link);
    }

    pub(super) fn link(&mut self, link: Key) -> &mut Link {
        self.links.get_mut(link).expect("a connection lives while something names it")
    }

    fn on_link(&mut self, delay: u64, link: Key, event: Event) {
        self.link(link).events += 1;
        self.clock.at(self.clock.now() + delay, event, &mut self.dice);
    }

    // Listening

    pub(super) fn listen(&mut self, addr: Address, backlog: usize) -> i32 {
        let addr = match addr {
            Address::Ip(mut addr) if addr.port() == 0 => {
                addr.set_port(self.port());
                Address::Ip(addr)
            }
            addr => addr,
        };
        if let Address::Unix(path) = &addr {
            self.paths.insert(Arc::clone(path));
        }
        let listener = self.listeners.len();
        let before = self.bound.insert(addr.clone(), listener);
        assert!(before.is_none(), "{addr} is listened on already");
        self.listeners.push(Listener {
            addr,
            open: true,
            queue: Default::default(),
            reserved: 0,
            backlog,
            waiters: Vec::new(),
        });
        self.files.insert(Kind::Listener(listener))
    }

    fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(EPHEMERAL_PORTS);
        port
    }

    fn listener_at(&self, addr: SocketAddr) -> Option<usize> {
        let any: IpAddr = match addr.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let anywhere = Address::Ip(SocketAddr::new(any, addr.port()));
        self.bound.get(&Address::Ip(addr)).or_else(|| self.bound.get(&anywhere)).copied()
    }

    // Connecting

    /// A new connection on its way from nothing to `to`.
    pub(super) fn new_link(&mut self, to: SocketAddr) -> Key {
        let ip: IpAddr = if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let from = SocketAddr::new(ip, self.port());
        self.link_between([Some(from), Some(to)])
    }

    fn link_between(&mut self, addrs: [Option<SocketAddr>; 2]) -> Key {
        let (low, high) = self.settings.window_bytes.clone().into_inner();
        let mut window = || self.dice.between(low as u64, high as u64) as usize;
        let windows = [window(), window()];
        let (low, high) = self.settings.latency.clone().into_inner();
        let latency = self.dice.between(low.as_nanos() as u64, high.as_nanos() as u64);
        let mut link = Link::new(addrs, latency, windows);
        link.ends[0].attached = true;
        self.links.insert(link).expect("fewer connections than a slab has room for")
    }

    pub(super) fn send_syn(&mut self, link: Key) {
        let delay = self.travel_time(link);
        self.on_link(delay, link, Event::Syn(link, 0));
    }

    fn syn(&mut self, link: Key, repeated: u32) {
        let Link { ends: [client, server], .. } = self.link(link);
        let (true, Some(to)) = (client.attached, server.addr) else { return };
        if repeated > SYN_RETRIES {
            return self.fail(link, libc::ETIMEDOUT);
        }
        let listener = self.listener_at(to);
        let swallowed = self.black_holes.contains(&to)
            || listener.is_some_and(|listener| {
                let listener = &self.listeners[listener];
                listener.queue.len() + listener.reserved >= listener.backlog
            });
        if swallowed {
            return self.on_link(SECOND_NS << repeated, link, Event::Syn(link, repeated + 1));
        }
        let delay = self.travel_time(link);
        let Some(listener) = listener else { return self.on_link(delay, link, Event::Refused(link)) };
        self.listeners[listener].reserved += 1;
        self.link(link).listener = Some(listener);
        self.on_link(delay, link, Event::SynAck(link));
    }

    fn syn_ack(&mut self, link: Key) {
        let me = self.link(link);
        if !me.ends[0].attached {
            if let Some(listener) = me.listener.take() {
                self.listeners[listener].reserved -= 1;
            }
            return;
        }
        me.stage = Stage::Established;
        self.transmit(link, 0, Segment::Established);
        self.wake_writers(link, 0, 0);
        self.wake_readers(link, 0);
    }

    fn fail(&mut self, link: Key, code: i32) {
        self.link(link).stage = Stage::Failed(code);
        self.wake_writers(link, 0, 0);
        self.wake_readers(link, 0);
    }

    /// A connection to a UNIX socket, made on the spot; a descriptor, or an errno.
    pub(super) fn connect_unix(&mut self, to: &Path) -> Result<i32, i32> {
        if !self.files.has_room() || self.hits(Fault::NoDescriptors) {
            return Err(libc::EMFILE);
        }
        let Some(listener) = self.bound.get(&Address::Unix(Arc::from(to))).copied() else {
            return Err(if self.paths.contains(to) { libc::ECONNREFUSED } else { libc::ENOENT });
        };
        if self.listeners[listener].queue.len() >= self.listeners[listener].backlog {
            return Err(libc::EAGAIN);
        }
        let link = self.link_between([None, None]);
        let me = self.link(link);
        me.stage = Stage::Established;
        me.ends[1].attached = true;
        self.listeners[listener].queue.push_back(link);
        self.wake_acceptors(listener);
        let fd = self.files.insert(Kind::Stream(link, 0));
        let file = self.files.lookup(fd).expect("just opened");
        self.files.set_nonblocking(file);
        Ok(fd)
    }

    /// Takes a connection from a listener's queue.
    pub(super) fn accept_now(&mut self, fd: i32) -> Option<i32> {
        let Kind::Listener(listener) = self.files.kind(self.files.lookup(fd)?) else { return None };
        let link = self.listeners[listener].queue.pop_front()?;
        Some(self.files.insert(Kind::Stream(link, 1)))
    }

    /// Both ends of a connection that is there already.
    pub(super) fn pair(&mut self, to: SocketAddr) -> [i32; 2] {
        let link = self.new_link(to);
        let me = self.link(link);
        me.stage = Stage::Established;
        me.ends[1].attached = true;
        [0, 1].map(|end| self.files.insert(Kind::Stream(link, end)))
    }

    // Established

    /// One way, this time.
    fn travel_time(&mut self, link: Key) -> u64 {
        let least = self.link(link).latency;
        least + self.dice.between(0, least)
    }

    /// Sends a segment from an end to the other one.
    pub(super) fn transmit(&mut self, link: Key, from: usize, segment: Segment) {
        let at = self.clock.now() + self.travel_time(link);
        let me = self.link(link);
        let wire = &mut me.wires[from];
        wire.last_at = at.max(wire.last_at);
        wire.segments.push_back(segment);
        me.events += 1;
        let at = wire.last_at;
        self.clock.at(at, Event::Arrive(link, from), &mut self.dice);
    }

    /// Sends bytes, already on the wire, in one segment or two.
    pub(super) fn transmit_bytes(&mut self, link: Key, from: usize, count: usize) {
        self.ledger.sent += count as u64;
        let first = if self.dice.coin() { count } else { self.dice.up_to(count) };
        self.transmit(link, from, Segment::Bytes(first));
        if first < count {
            self.transmit(link, from, Segment::Bytes(count - first));
        }
        if self.hits(Fault::Reset) {
            for end in 0..2 {
                let delay = self.travel_time(link);
                // Not before the end exists: the connection's first segment may still be on its way to it.
                let exists = self.link(link).wires[1 - end].last_at.saturating_sub(self.clock.now());
                self.on_link(delay.max(exists + 1), link, Event::Break(link, end));
            }
        }
    }

    fn arrive(&mut self, link: Key, from: usize) {
        let to = 1 - from;
        let me = self.link(link);
        let segment = me.wires[from].segments.pop_front().expect("as many arrivals as segments");
        let (attached, reset) = (me.ends[to].attached, me.ends[to].reset);
        match segment {
            Segment::Bytes(count) if attached && !reset => {
                me.wires[from].arrived += count;
                self.wake_readers(link, to);
            }
            Segment::Bytes(count) => {
                me.wires[from].lose(count);
                self.ledger.lost += count as u64;
                self.transmit(link, to, Segment::Rst);
            }
            Segment::Fin if attached && !reset => {
                me.ends[to].fin_received = true;
                self.wake_readers(link, to);
            }
            Segment::Fin => {}
            Segment::Rst => self.reset(link, to),
            Segment::Established => {
                let listener = me.listener.take().expect("a connection comes from a place kept for it");
                self.listeners[listener].reserved -= 1;
                if self.listeners[listener].open {
                    self.link(link).ends[to].attached = true;
                    self.listeners[listener].queue.push_back(link);
                    self.wake_acceptors(listener);
                } else {
                    self.transmit(link, to, Segment::Rst);
                }
            }
        }
    }

    /// This end learns that the connection is no more.
    fn reset(&mut self, link: Key, end: usize) {
        let me = &mut self.link(link).ends[end];
        if me.reset || !me.attached {
            return;
        }
        me.reset = true;
        me.error = Some(if me.fin_received { libc::EPIPE } else { libc::ECONNRESET });
        self.wake_readers(link, end);
        self.wake_writers(link, end, 0);
    }

    /// Tells the other end that nothing more will come.
    pub(super) fn finish_sending(&mut self, link: Key, end: usize) {
        let connection = self.link(link);
        let established = connection.stage == Stage::Established;
        let me = &mut connection.ends[end];
        if established && !me.reset && !std::mem::replace(&mut me.fin_sent, true) {
            self.transmit(link, end, Segment::Fin);
            self.wake_writers(link, end, 0);
        }
    }

    /// Nobody holds this end any more.
    pub(super) fn detach(&mut self, link: Key, end: usize) {
        let connection = self.link(link);
        let established = connection.stage == Stage::Established;
        let unread = std::mem::take(&mut connection.wires[1 - end].arrived);
        connection.wires[1 - end].lose(unread);
        let me = &mut connection.ends[end];
        me.attached = false;
        let (reset, fin_sent, abortive) = (me.reset, me.fin_sent, me.abortive);
        self.ledger.lost += unread as u64;
        if established && !reset {
            if unread > 0 || abortive {
                self.transmit(link, end, Segment::Rst);
            } else if !fin_sent {
                self.transmit(link, end, Segment::Fin);
            }
        }
        self.forget_if_over(link);
    }

    pub(super) fn local_addr(&self, fd: i32) -> Option<SocketAddr> {
        match self.files.kind(self.files.lookup(fd)?) {
            Kind::Fresh | Kind::Pipe(_) => None,
            Kind::Stream(link, end) => self.links.get(link)?.ends[end].addr,
            Kind::Listener(listener) => self.listeners.get(listener)?.addr.ip(),
        }
    }

    fn forget_if_over(&mut self, link: Key) {
        if self.link(link).is_over() {
            let link = self.links.remove(link).expect("just looked at");
            let left: usize = link.wires.iter().map(|wire| wire.bytes.len()).sum();
            assert_eq!(left, 0, "the simulation has lost track of {left} bytes");
        }
    }
}
