//! The listening sockets: one per shard and listener, all made before the first shard starts.
//!
//! The sockets of one listener share its address by `SO_REUSEPORT`; the kernel spreads connections over them. That
//! option would also let a second daemon of the same user take half of the connections without a word, so the address
//! is first claimed without it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, Socket, Type};

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
