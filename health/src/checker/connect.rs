//! Connecting without waiting.

use std::os::fd::OwnedFd;

use ringway_core::Address;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

use crate::probe::Reason;

/// What became of a connection.
#[derive(Debug)]
pub(super) enum Connect {
    /// It stands: there is somebody.
    Made,
    /// It is under way: [`ended`] tells once the socket is writable.
    Pending(OwnedFd),
    /// There is nobody.
    Refused(Reason),
    /// This process could not even try.
    Unable,
}

/// Begins to connect.
pub(super) fn begin(address: &Address) -> Connect {
    let family = match address {
        Address::Ip(ip) if ip.is_ipv4() => AddressFamily::INET,
        Address::Ip(_) => AddressFamily::INET6,
        Address::Unix(_) => AddressFamily::UNIX,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let Ok(socket) = socket_with(family, SocketType::STREAM, flags, None) else { return Connect::Unable };
    let result = match address {
        Address::Ip(ip) => connect(&socket, ip),
        Address::Unix(path) => SocketAddrUnix::new(path.as_ref()).and_then(|path| connect(&socket, &path)),
    };
    match result {
        Ok(()) => Connect::Made,
        Err(Errno::INPROGRESS) => Connect::Pending(socket),
        Err(error) => failed(error),
    }
}

/// What became of a connection that was under way.
pub(super) fn ended(socket: &OwnedFd) -> Connect {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => Connect::Made,
        Ok(Err(error)) | Err(error) => failed(error),
    }
}

fn failed(error: Errno) -> Connect {
    match error {
        Errno::ADDRNOTAVAIL | Errno::NOBUFS | Errno::NOMEM | Errno::MFILE | Errno::NFILE => Connect::Unable,
        error => Connect::Refused(Reason::Connect(std::io::Error::from(error).to_string())),
    }
}
