//! An origin on a UNIX socket.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::origin::{echo, serve};
use super::server::Server;

static PATHS: AtomicU32 = AtomicU32::new(0);

/// A path for a socket that nobody else uses; short, because the kernel takes no more than 107 bytes.
pub(crate) fn socket_path() -> PathBuf {
    let number = PATHS.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("ringway-{}-{number}.sock", std::process::id()))
}

/// An echoing server. Dropping it closes everything and removes the socket.
pub(crate) struct UnixOrigin {
    path: PathBuf,
    server: Server<UnixStream>,
}

impl UnixOrigin {
    /// Answers every request with its own name in the field `Origin` and the request as it arrived in the body.
    pub(crate) fn echo_at(path: &Path, name: &'static str) -> UnixOrigin {
        let listener = UnixListener::bind(path).expect("a path for the origin");
        let accept = move || listener.accept().map(|(stream, _)| stream);
        let server = Server::start(accept, move |shared, stream| {
            serve(shared, stream, &|request, out| echo(name, request, out))
        });
        UnixOrigin { path: path.to_owned(), server }
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// How many requests it has read.
    pub(crate) fn requests(&self) -> u64 {
        self.server.shared.requests.load(Ordering::Relaxed)
    }
}

impl Drop for UnixOrigin {
    fn drop(&mut self) {
        let path = &self.path;
        self.server.stop(|| drop(UnixStream::connect(path)));
        let _ = fs::remove_file(&self.path);
    }
}
