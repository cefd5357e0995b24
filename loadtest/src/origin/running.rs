//! An origin on threads of its own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, Socket, Type};

use super::{Requests, Settings, serve};
use crate::limits::BACKLOG;
use crate::thread::{EngineThread, ThreadError, launch};

/// Why an origin is not there.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The address can not be had.
    #[error("origin: can not listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the kernel said.
        error: io::Error,
    },
    /// A thread does not serve.
    #[error("origin: {0}")]
    Thread(#[from] ThreadError),
}

/// An origin that serves. Dropping it stops it.
#[derive(Debug)]
pub struct RunningOrigin {
    addr: SocketAddr,
    threads: Vec<EngineThread>,
    requests: Vec<Requests>,
}

/// Starts an origin; it is ready when this returns.
///
/// # Errors
/// When the address is taken, or a thread can not serve.
pub fn spawn(settings: &Settings) -> Result<RunningOrigin, SpawnError> {
    let mut addr = settings.listen;
    let mut sockets = Vec::new();
    let count = settings.threads.max(1);
    for _ in 0..count {
        let socket = listen(addr, count > 1)
            .map_err(|error| SpawnError::Listen { address: settings.listen, error })?;
        addr = socket.1;
        sockets.push(socket.0);
    }
    let name = settings.name.as_deref().unwrap_or("origin");
    let mut origin = RunningOrigin { addr, threads: Vec::new(), requests: Vec::new() };
    for (n, socket) in sockets.into_iter().enumerate() {
        let requests = Requests::default();
        origin.requests.push(requests.clone());
        let settings = settings.clone();
        let core = settings.pin.map(|core| core + n);
        let thread = launch(format!("{name}-{n}"), core, move |engine, stop| {
            serve(engine, OwnedFd::from(socket), settings, requests, stop)
        })?;
        origin.threads.push(thread);
    }
    Ok(origin)
}

/// A listening socket, and the address it really has.
fn listen(addr: SocketAddr, one_of_many: bool) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    // The address of an origin that has just stopped is free again, although connections of it linger.
    socket.set_reuse_address(true)?;
    if one_of_many {
        socket.set_reuse_port(true)?;
    }
    // Accepted connections inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    let addr = socket.local_addr()?.as_socket().unwrap_or(addr);
    Ok((socket, addr))
}

impl RunningOrigin {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests so far, of all threads.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.iter().map(Requests::get).sum()
    }

    /// Closes the listener and all connections. The address can then be listened on again.
    ///
    /// # Errors
    /// When a thread had failed before.
    pub fn stop(self) -> Result<(), SpawnError> {
        self.threads.iter().for_each(EngineThread::stop);
        self.wait()
    }

    /// Waits until it has ended, which only a failure makes it do.
    ///
    /// # Errors
    /// That failure.
    pub fn wait(mut self) -> Result<(), SpawnError> {
        for thread in &mut self.threads {
            thread.join()?;
        }
        Ok(())
    }
}
