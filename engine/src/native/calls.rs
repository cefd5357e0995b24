//! The plain system calls of splicing and of UNIX sockets.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::uring::ring::Pipe;

/// What a pipe has room for unasked: there is no point in asking for less.
const PIPE_BYTES_USUAL: u32 = 64 * 1024;

/// A new stream socket, connected to the UNIX socket at `to`, or `WouldBlock`.
pub(super) fn connect_unix(to: &Path) -> io::Result<RawFd> {
    let path = to.as_os_str().as_bytes();
    // SAFETY: plain integers and bytes, for which zeroes are a value.
    let mut addr: libc::sockaddr_un = unsafe { mem::zeroed() };
    if path.len() >= addr.sun_path.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    addr.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in addr.sun_path.iter_mut().zip(path) {
        *to = *from as libc::c_char;
    }
    // SAFETY: plain integers.
    let fd = unsafe {
        libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else has.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let len = mem::size_of_val(&addr) as libc::socklen_t;
    // SAFETY: the address lives through the call and is `len` bytes long.
    match unsafe { libc::connect(fd.as_raw_fd(), ptr::from_ref(&addr).cast(), len) } {
        0 => Ok(fd.into_raw_fd()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets `O_NONBLOCK`, and leaves the other flags.
pub(super) fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads an int from where it is pointed to.
    match unsafe { libc::ioctl(fd, libc::FIONBIO, ptr::from_ref(&on)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A pipe of about `bytes`.
pub(super) fn pipe(bytes: u32) -> io::Result<Pipe> {
    let mut ends = [0; 2];
    // SAFETY: the kernel writes two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: new descriptors that nobody else has.
    let [read, write] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let fd = write.as_raw_fd();
    // More than `fs.pipe-max-size`, or than this user may have in all: then less.
    let mut ask = bytes;
    // SAFETY: plain integers.
    while ask > PIPE_BYTES_USUAL && unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, ask) } < 0 {
        ask /= 2;
    }
    // Who has all that a user may have is given pipes of two pages: a copy is quicker than that.
    // SAFETY: plain integers.
    let room = unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) };
    if u32::try_from(room).is_ok_and(|room| room >= bytes.min(PIPE_BYTES_USUAL)) {
        Ok(Pipe { read: read.into_raw_fd(), write: write.into_raw_fd() })
    } else {
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    }
}

/// Moves bytes from or to a pipe. It is `O_NONBLOCK` of the socket that keeps this from waiting for the socket: the flag
/// of the call is about the pipe only.
pub(super) fn splice(from: RawFd, to: RawFd, max: u64) -> io::Result<u64> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: no offsets are given, so plain integers.
    let moved = unsafe { libc::splice(from, ptr::null_mut(), to, ptr::null_mut(), max, flags) };
    match u64::try_from(moved) {
        Ok(0) if has_bytes(from) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        moved => moved.map_err(|_| io::Error::last_os_error()),
    }
}

/// Receives what is there, whether or not the socket is blocking.
pub(super) fn recv_now(fd: RawFd, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes to memory that is ours for as long as the call lasts.
    let count = unsafe { libc::recv(fd, bytes.as_mut_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Sends what there is room for, whether or not the socket is blocking.
pub(super) fn send_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads `len` bytes of memory that lives as long as the call lasts.
    let count = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Whether there is something to receive: splicing stops before urgent data, and says that this is the end if the peer
/// has sent its FIN.
fn has_bytes(fd: RawFd) -> bool {
    let mut byte = 0_u8;
    // SAFETY: one byte is written to where it is pointed to.
    unsafe { libc::recv(fd, ptr::from_mut(&mut byte).cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT) > 0 }
}

/// Keeps `SIGPIPE` from this thread: splicing to a socket that is gone raises it, and has no flag against it.
pub(super) fn block_sigpipe() {
    // SAFETY: the set is initialised by `sigemptyset` before it is read; the old mask is not asked for.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut());
    }
}
