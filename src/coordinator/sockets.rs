//! The listening sockets: one per shard and listener. The coordinator makes them, and keeps each as long as its listener is
//! active, so that a shard that takes the place of another goes on with the same socket and what waits in its queue.
//!
//! The sockets of one listener share its address by `SO_REUSEPORT`; the kernel spreads connections over them. That
//! option would also let a second daemon of the same user take half of the connections without a word, so the address
//! is first claimed without it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use ringway_core::config;
use ringway_core::state::{ConfigState, Touched};
use ringway_core::{ListenerName, Time};
use socket2::{Domain, Protocol, Socket, Type};

use super::error::listen_cause;
use super::limits::{LISTEN_BACKLOG, SOCKETS_LINGER};

/// The sockets of one listener.
#[derive(Debug)]
pub(super) struct Listening {
    /// Where they listen, with the port the kernel chose where none was given.
    pub(super) address: SocketAddr,
    /// One for each shard, blocking, as the engine wants them.
    pub(super) sockets: Vec<OwnedFd>,
}

impl Listening {
    /// Listens on `address`, with a socket for each of `shards` shards.
    ///
    /// # Errors
    /// What the kernel says; `AddrInUse` also where only sockets of this user listen.
    pub(super) fn open(address: SocketAddr, shards: usize) -> io::Result<Listening> {
        if address.port() != 0 {
            claim(address)?;
        }
        Listening::open_claimed(address, shards)
    }

    /// As [`Listening::open`], on an address that this process has already.
    ///
    /// # Errors
    /// What the kernel says.
    fn open_claimed(address: SocketAddr, shards: usize) -> io::Result<Listening> {
        // A port of 0 is chosen once, and never one that is in use: the others then share it.
        let first = shared(address)?;
        let local = first.local_addr()?;
        let address = local.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        let mut sockets = vec![first];
        for _ in 1..shards {
            sockets.push(shared(address)?);
        }
        for socket in &sockets {
            socket.listen(LISTEN_BACKLOG)?;
        }
        Ok(Listening { address, sockets: sockets.into_iter().map(OwnedFd::from).collect() })
    }
}

/// Fails if anybody listens on `address`, whether willing to share it or not.
fn claim(address: SocketAddr) -> io::Result<()> {
    unbound(address)?.bind(&address.into())
}

fn shared(address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(address)?;
    socket.set_reuse_port(true)?;
    // Inherited by every accepted socket, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A socket that is closed on exec, may follow on connections that are still closing, and means by `[::]` IPv6 alone,
/// whatever `net.ipv6.bindv6only` says.
fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// What the coordinator keeps of a listener.
#[derive(Debug)]
struct Held {
    /// Where shards know it, once it was active.
    slot: Option<u32>,
    /// With the port the kernel chose where none was given.
    address: SocketAddr,
    /// What makes it the listener that it is; another one may have its name.
    identity: Identity,
    sockets: Sockets,
}

/// What a listener can not change: its address as configured, and its protocol.
type Identity = (SocketAddr, config::Protocol);

fn identity(listener: &config::Listener) -> Identity {
    (listener.address, listener.protocol)
}

#[derive(Debug)]
enum Sockets {
    /// One for each shard.
    Listening(Vec<OwnedFd>),
    /// Nobody listens, but the address stays the listener's: one that is bound and does no more.
    Claimed { _bound: OwnedFd },
}

/// The sockets of a listener that is about to be.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) name: ListenerName,
    pub(super) address: SocketAddr,
    identity: Identity,
    sockets: Sockets,
}

impl Opened {
    /// Another descriptor of the socket that is for this shard, if the listener is active.
    ///
    /// # Errors
    /// When there is no descriptor to be had.
    pub(super) fn socket(&self, shard: u16) -> Option<io::Result<OwnedFd>> {
        self.sockets.of(shard)
    }
}

impl Sockets {
    fn of(&self, shard: u16) -> Option<io::Result<OwnedFd>> {
        match self {
            Sockets::Listening(sockets) => sockets.get(usize::from(shard)).map(OwnedFd::try_clone),
            Sockets::Claimed { .. } => None,
        }
    }

    fn are_listening(&self) -> bool {
        matches!(self, Sockets::Listening(sockets) if !sockets.is_empty())
    }
}

/// The sockets of all listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    held: BTreeMap<ListenerName, Held>,
    /// Addresses that were given up, until the shards have certainly closed their sockets.
    former: Vec<(SocketAddr, Time)>,
}

/// A listener's socket can not be made.
#[derive(Debug, thiserror::Error)]
#[error("listener \"{listener}\" can not listen on {address}: {}", listen_cause(*.address, .error))]
pub(crate) struct ListenError {
    /// The listener.
    pub(crate) listener: ListenerName,
    /// Where it should listen.
    pub(crate) address: SocketAddr,
    /// What the kernel says.
    pub(crate) error: io::Error,
}

impl Listeners {
    /// Where a listener really listens.
    pub(super) fn address(&self, name: &ListenerName) -> Option<SocketAddr> {
        self.held.get(name).map(|held| held.address)
    }

    /// Makes what the step from one configuration to another needs: sockets of listeners that become active, the claim to the
    /// address of those that are new and not active. A listener that takes the address of one that goes has its sockets, and
    /// who waits in their queues.
    ///
    /// # Errors
    /// The first that can not be had; none is kept then.
    pub(super) fn open_new(
        &self,
        next: &ConfigState,
        touched: &Touched,
        shards: usize,
        now: Time,
    ) -> Result<Vec<Opened>, ListenError> {
        let mut opened = Vec::new();
        for name in &touched.listeners {
            let Some(known) = next.listener(name) else { continue };
            let listener = &known.listener;
            let identity = identity(listener);
            let held = self.held.get(name).filter(|held| held.identity == identity);
            let is_ready = held.is_some_and(|held| held.sockets.are_listening() || !listener.active);
            if is_ready {
                continue;
            }
            let address = held.map_or(listener.address, |held| held.address);
            let failed = |error| ListenError { listener: name.clone(), address, error };
            let (address, sockets) = if listener.active {
                self.listening_on(name, address, next, shards, now).map_err(failed)?
            } else {
                let (address, bound) = bound(address).map_err(failed)?;
                (address, Sockets::Claimed { _bound: bound })
            };
            opened.push(Opened { name: name.clone(), address, identity, sockets });
        }
        Ok(opened)
    }

    /// Sockets that listen on `address` for the listener of this name: those that do already, or new ones.
    fn listening_on(
        &self,
        name: &ListenerName,
        address: SocketAddr,
        next: &ConfigState,
        shards: usize,
        now: Time,
    ) -> io::Result<(SocketAddr, Sockets)> {
        let goes = |name, held: &Held| {
            next.listener(name).is_none_or(|known| identity(&known.listener) != held.identity)
        };
        let own = self.held.iter().filter(|(known, held)| *known == name || goes(known, held));
        let mut own = own.map(|(_, held)| held);
        let former = self.former.iter().filter(|(_, until)| now < *until).map(|(address, _)| *address);
        let is_own = own.clone().map(|held| held.address).chain(former).any(|known| overlap(known, address));
        let listens = own.find_map(|held| match &held.sockets {
            Sockets::Listening(sockets) if held.address == address && !sockets.is_empty() => Some(sockets),
            _ => None,
        });
        if let Some(sockets) = listens {
            let sockets = sockets.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
            return Ok((address, Sockets::Listening(sockets)));
        }
        let listening = match is_own {
            true => Listening::open_claimed(address, shards),
            false => Listening::open(address, shards),
        };
        listening.map(|Listening { address, sockets }| (address, Sockets::Listening(sockets)))
    }

    /// Follows the configuration `to`: keeps what was opened for it, closes what it does not have or does not want active.
    /// `slots`: where shards know those that were opened.
    pub(super) fn follow(
        &mut self,
        to: &ConfigState,
        opened: Vec<Opened>,
        slots: &[(u32, ListenerName)],
        now: Time,
    ) {
        let mut left = Vec::new();
        for Opened { name, address, identity, sockets } in opened {
            let slot = slots.iter().find(|(_, slotted)| *slotted == name).map(|(slot, _)| *slot);
            let before = self.held.insert(name, Held { slot, address, identity, sockets });
            left.extend(before.map(|before| before.address));
        }
        self.held.retain(|name, held| {
            let stays = to.listener(name).is_some();
            left.extend((!stays).then_some(held.address));
            stays
        });
        self.leave(left, now);
        for (name, held) in &mut self.held {
            let is_active = to.listener(name).is_some_and(|known| known.listener.active);
            if is_active || !held.sockets.are_listening() {
                continue;
            }
            match bound(held.address) {
                Ok((_, bound)) => held.sockets = Sockets::Claimed { _bound: bound },
                Err(error) => {
                    tracing::warn!("listener {name}: its address {} can not be kept: {error}", held.address);
                    held.sockets = Sockets::Listening(Vec::new());
                }
            }
        }
    }

    /// Closes what was opened and is not wanted after all.
    pub(super) fn give_up(&mut self, opened: Vec<Opened>, now: Time) {
        self.leave(opened.into_iter().map(|opened| opened.address).collect(), now);
    }

    /// These addresses are given up. Shards close their sockets a moment later.
    fn leave(&mut self, addresses: Vec<SocketAddr>, now: Time) {
        self.former.retain(|(_, until)| now < *until);
        self.former.extend(addresses.into_iter().map(|address| (address, now + SOCKETS_LINGER)));
    }

    /// The sockets of a shard, each with where shards know its listener.
    ///
    /// # Errors
    /// When there is no descriptor to be had.
    pub(super) fn sockets(&self, shard: u16) -> io::Result<Vec<(u32, OwnedFd)>> {
        let of = |held: &Held| {
            let slot = held.slot?;
            held.sockets.of(shard).map(|socket| socket.map(|socket| (slot, socket)))
        };
        self.held.values().filter_map(of).collect()
    }

    /// Keeps no socket any more.
    pub(super) fn close(&mut self) {
        self.held.clear();
    }
}

/// Whether a socket on one of them may be in the way of one on the other.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// Of sockets that do not listen: with `SO_REUSEADDR` anybody who sets it, too, could listen there.
fn kept(address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(address)?;
    socket.set_reuse_address(false)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A socket that is bound to an address, and does not listen.
fn bound(address: SocketAddr) -> io::Result<(SocketAddr, OwnedFd)> {
    // One that somebody else might take as well is better than none.
    let socket = kept(address).or_else(|_| shared(address))?;
    let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    Ok((address, socket.into()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use ringway_core::state::Mutation;

    use super::*;

    const ANY_PORT: &str = "127.0.0.1:0";

    fn open(address: &str, shards: usize) -> io::Result<Listening> {
        Listening::open(address.parse().expect("an address"), shards)
    }

    #[test]
    fn all_shards_share_the_one_port_the_kernel_chose() {
        let listening = open(ANY_PORT, 3).expect("a free port");
        assert_ne!(listening.address.port(), 0);
        assert_eq!(listening.sockets.len(), 3);
        for socket in listening.sockets {
            let socket = Socket::from(socket);
            assert_eq!(socket.local_addr().expect("bound").as_socket(), Some(listening.address));
            assert!(socket.is_listener().expect("a socket") && !socket.nonblocking().expect("a socket"));
        }
    }

    #[test]
    fn accepted_sockets_send_without_delay() {
        let listening = open(ANY_PORT, 1).expect("a free port");
        let _client = TcpStream::connect(listening.address).expect("somebody listens");
        let (accepted, _) =
            Socket::from(listening.sockets.into_iter().next().expect("one")).accept().expect("a client");
        assert!(accepted.tcp_nodelay().expect("a socket"));
    }

    #[test]
    fn an_address_is_taken_by_another_daemon_of_the_same_user() {
        let first = open(ANY_PORT, 2).expect("a free port");
        let second = Listening::open(first.address, 2).expect_err("it is in use");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_is_taken_by_somebody_who_does_not_share() {
        let first = TcpListener::bind(ANY_PORT).expect("a free port");
        let second = Listening::open(first.local_addr().expect("bound"), 1).expect_err("it is in use");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn connections_of_a_former_listener_do_not_block_its_address() {
        let first = open(ANY_PORT, 1).expect("a free port");
        let address = first.address;
        let client = TcpStream::connect(address).expect("somebody listens");
        let (accepted, _) =
            Socket::from(first.sockets.into_iter().next().expect("one")).accept().expect("a client");
        assert_eq!(Listening::open(address, 2).expect("nobody listens").address, address);
        drop((client, accepted));
    }

    /// One HTTP listener of this name, on `address`.
    fn state(name: &str, address: SocketAddr) -> ConfigState {
        let mut state = ConfigState::new();
        let name = ListenerName::parse(name).expect("a name");
        let listener = config::Listener::new(name, address);
        state.apply(&Mutation::ListenerAdd(Arc::new(listener))).expect("it is new");
        state
    }

    /// Follows from one to the other, as for one shard.
    fn go(listeners: &mut Listeners, from: &ConfigState, to: &ConfigState, now: Time) {
        let touched = ConfigState::touched(from, to);
        let opened = listeners.open_new(to, &touched, 1, now).expect("sockets");
        let slots: Vec<_> = opened.iter().map(|opened| (7, opened.name.clone())).collect();
        listeners.follow(to, opened, &slots, now);
    }

    #[test]
    fn a_listener_may_move_to_another_address_and_its_address_may_get_another_name() {
        let free = || open(ANY_PORT, 1).expect("a free port").address;
        let (first, second) = (free(), free());
        let mut listeners = Listeners::default();
        let (none, here, there) = (ConfigState::new(), state("web", first), state("web", second));
        let now = Time::ZERO;
        go(&mut listeners, &none, &here, now);
        go(&mut listeners, &here, &there, now);
        let name = ListenerName::parse("web").expect("a name");
        assert_eq!(listeners.address(&name), Some(second));
        TcpStream::connect(first).expect_err("it has left");
        let waits = TcpStream::connect(second).expect("somebody listens");
        go(&mut listeners, &there, &state("www", second), now);
        assert_eq!(listeners.address(&name), None);
        let socket = Socket::from(listeners.sockets(0).expect("descriptors").remove(0).1);
        socket.set_nonblocking(true).expect("a socket");
        socket.accept().expect("who waited at the address is served under its other name");
        drop(waits);
    }

    #[test]
    fn an_address_that_was_given_up_is_free_for_us_while_shards_close_its_sockets() {
        let address = open(ANY_PORT, 1).expect("a free port").address;
        let mut listeners = Listeners::default();
        let (none, here) = (ConfigState::new(), state("web", address));
        let now = Time::ZERO;
        go(&mut listeners, &none, &here, now);
        // As a shard has it.
        let of_shard = listeners.sockets(0).expect("descriptors");
        go(&mut listeners, &here, &none, now);
        go(&mut listeners, &none, &here, now);
        go(&mut listeners, &here, &none, now);
        let touched = ConfigState::touched(&none, &here);
        let later = now + SOCKETS_LINGER;
        listeners.open_new(&here, &touched, 1, later).expect_err("by then it is somebody else's");
        drop(of_shard);
        listeners.open_new(&here, &touched, 1, later).expect("nobody has it");
    }

    #[test]
    fn an_address_where_nobody_listens_is_kept_from_others_and_can_be_listened_on_again() {
        let first = open(ANY_PORT, 1).expect("a free port");
        let address = first.address;
        let (_, kept) = bound(address).expect("it is ours");
        drop(first);
        TcpStream::connect(address).expect_err("nobody listens");
        // It sets SO_REUSEADDR.
        let taken = TcpListener::bind(address).expect_err("it is kept");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        Listening::open_claimed(address, 2).expect("it is ours");
        drop(kept);
    }

    #[test]
    fn both_families_may_have_the_same_port() {
        let v6 = match open("[::]:0", 1) {
            Ok(listening) => listening,
            Err(error) => return println!("skipped: no IPv6 here ({error})"),
        };
        open(&format!("0.0.0.0:{}", v6.address.port()), 1).expect("IPv6 alone was taken");
    }
}
