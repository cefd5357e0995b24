//! Free ports, asked from the kernel.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;

/// A port of this machine that nobody listens on.
pub(crate) fn free() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(Error::io("cannot get a free port"))?.port())
}
