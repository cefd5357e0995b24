//! The socket itself: made, guarded, accepted from, and removed at the end.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_core::{Actor, ErrorCode, VerbError};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::limits::{ACCEPT_PAUSE, BACKLOG, FAREWELLS_MAX, LARGE_MESSAGES_MAX, PATIENCE, SESSIONS_MAX};
use super::session::{Session, refuse};
use crate::coordinator::Hub;

/// Only its owner may connect; root may anyway.
const MODE: u32 = 0o600;

/// Why there is no command socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Another process accepts on it.
    #[error(
        "{}: a process listens on this command socket already; end it, or give this one another `command_socket`",
        path.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// There is something else.
    #[error(
        "{}: this file is in the way of the command socket and is none; remove it, or choose another `command_socket`",
        path.display()
    )]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// The kernel says no.
    #[error(
        "{}: the command socket can not be made: {source}; its folder must exist and be writable, its path have at most \
         107 bytes",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A command socket that listens. Its file goes when it does.
#[derive(Debug)]
pub(crate) struct CommandSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl CommandSocket {
    /// Listens at `path`, with mode 0600 from the first moment on. The file of a process that is gone is replaced. Needs the
    /// coordinator's runtime.
    ///
    /// # Errors
    /// Why not: somebody listens there, something else is there, or the kernel refuses.
    pub(crate) fn bind(path: &Path) -> Result<CommandSocket, SocketError> {
        let failed = |source| SocketError::Io { path: path.to_owned(), source };
        clear(path)?;
        let socket = listen(path).map_err(failed)?;
        let listener = UnixListener::from_std(socket.into()).map_err(failed)?;
        let file = SocketFile::made(path).map_err(failed)?;
        Ok(CommandSocket { listener, file })
    }

    /// Serves clients, until it is dropped: then their sessions end, and the file goes.
    pub(crate) async fn serve(self, hub: Hub) {
        let CommandSocket { listener, file: _file } = self;
        let door = Door { hub, large: Arc::new(Semaphore::new(LARGE_MESSAGES_MAX)), own: effective_uid() };
        let mut sessions = JoinSet::new();
        let mut farewells = JoinSet::new();
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                // Who has left makes room first.
                biased;
                Some(_) = sessions.join_next() => continue,
                Some(_) = farewells.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("the command socket accepts nobody for a moment: {error}");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            number += 1;
            match door.admit(&stream, number, sessions.len()) {
                Ok(actor) => {
                    let large = Arc::clone(&door.large);
                    let session = Session::new(stream, door.hub.clone(), actor, large, PATIENCE);
                    sessions.spawn_local(session.run());
                }
                Err(refusal) if farewells.len() < FAREWELLS_MAX => {
                    farewells.spawn_local(async move { refuse(&stream, &refusal).await });
                }
                Err(_) => drop(stream),
            }
        }
    }
}

/// Who may come in.
struct Door {
    hub: Hub,
    large: Arc<Semaphore>,
    /// The user that this process runs as.
    own: u32,
}

impl Door {
    fn admit(&self, stream: &UnixStream, number: u64, inside: usize) -> Result<Actor, VerbError> {
        let peer = stream.peer_cred().map_err(|error| {
            VerbError::new(ErrorCode::Invalid, format!("the kernel does not say who you are: {error}"))
        })?;
        let (uid, gid, pid) = (peer.uid(), peer.gid(), peer.pid().unwrap_or(0));
        if !may_enter(uid, self.own) {
            tracing::warn!(uid, gid, pid, "a user who may not was refused at the command socket");
            let text = format!(
                "user {uid} may not use this command socket: only root and user {}, whom the process runs as",
                self.own
            );
            return Err(VerbError::new(ErrorCode::Invalid, text));
        }
        if inside >= SESSIONS_MAX {
            let text =
                format!("{SESSIONS_MAX} clients are connected to the command socket, and no more can be");
            return Err(VerbError::new(ErrorCode::Busy, text));
        }
        Ok(Actor { uid, gid, pid, session: number })
    }
}

fn may_enter(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Removes what a dead process left at `path`.
fn clear(path: &Path) -> Result<(), SocketError> {
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::InTheWay { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).map_err(failed)?;
    match SockAddr::unix(path).and_then(|address| probe.connect(&address)) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue is somebody's as well.
        Ok(()) => Err(SocketError::Taken { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(SocketError::Taken { path: path.to_owned() })
        }
        Err(error) => Err(failed(error)),
    }
}

fn listen(path: &Path) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    // The file that bind(2) makes has the mode of the socket, less the process's umask (unix(7)).
    let socket = File::from(OwnedFd::from(socket));
    socket.set_permissions(Permissions::from_mode(MODE))?;
    let socket = Socket::from(OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(path)?)?;
    // A umask can only have taken away.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    Ok(OwnedFd::from(socket))
}

/// The file of a socket, removed with it unless another has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn made(path: &Path) -> io::Result<SocketFile> {
        let metadata = fs::symlink_metadata(path)?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        Ok(SocketFile { path: path.to_owned(), device, inode })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("{}: the command socket can not be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests;
