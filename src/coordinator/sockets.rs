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

use ringway_core::ListenerName;
use ringway_core::state::{ConfigState, Touched};
use socket2::{Domain, Protocol, Socket, Type};

use super::error::listen_cause;
use super::limits::LISTEN_BACKLOG;

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
    sockets: Sockets,
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
        matches!(self, Sockets::Listening(_))
    }
}

/// The sockets of all listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    held: BTreeMap<ListenerName, Held>,
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
    /// address of those that are new and not active.
    ///
    /// # Errors
    /// The first that can not be had; none is kept then.
    pub(super) fn open_new(
        &self,
        next: &ConfigState,
        touched: &Touched,
        shards: usize,
    ) -> Result<Vec<Opened>, ListenError> {
        let mut opened = Vec::new();
        for name in &touched.listeners {
            let Some(known) = next.listener(name) else { continue };
            let listener = &known.listener;
            let held = self.held.get(name);
            let is_ready = held.is_some_and(|held| held.sockets.are_listening() || !listener.active);
            if is_ready {
                continue;
            }
            let address = held.map_or(listener.address, |held| held.address);
            let failed = |error| ListenError { listener: name.clone(), address, error };
            let (address, sockets) = if listener.active {
                let listening = match held {
                    Some(_) => Listening::open_claimed(address, shards),
                    None => Listening::open(address, shards),
                };
                let Listening { address, sockets } = listening.map_err(failed)?;
                (address, Sockets::Listening(sockets))
            } else {
                let (address, bound) = bound(address).map_err(failed)?;
                (address, Sockets::Claimed { _bound: bound })
            };
            opened.push(Opened { name: name.clone(), address, sockets });
        }
        Ok(opened)
    }

    /// Follows the configuration `now`: keeps what was opened for it, closes what it does not have or does not want active.
    /// `slots`: where shards know those that were opened.
    pub(super) fn follow(&mut self, now: &ConfigState, opened: Vec<Opened>, slots: &[(u32, ListenerName)]) {
        for Opened { name, address, sockets } in opened {
            let slot = slots.iter().find(|(_, slotted)| *slotted == name).map(|(slot, _)| *slot);
            self.held.insert(name, Held { slot, address, sockets });
        }
        self.held.retain(|name, _| now.listener(name).is_some());
        for (name, held) in &mut self.held {
            let is_active = now.listener(name).is_some_and(|known| known.listener.active);
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

/// A socket that is bound to an address, and does not listen.
fn bound(address: SocketAddr) -> io::Result<(SocketAddr, OwnedFd)> {
    let socket = shared(address)?;
    let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    Ok((address, socket.into()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

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

    #[test]
    fn both_families_may_have_the_same_port() {
        let v6 = match open("[::]:0", 1) {
            Ok(listening) => listening,
            Err(error) => return println!("skipped: no IPv6 here ({error})"),
        };
        open(&format!("0.0.0.0:{}", v6.address.port()), 1).expect("IPv6 alone was taken");
    }
}
