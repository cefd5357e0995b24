//! The kernel's ring: io_uring set up the way a shard needs it, and entered with one system call a turn.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use io_uring::squeue::{self, Flags};
use io_uring::types::{CancelBuilder, Fd, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};
use ringway_core::Time;

use super::buffers::KernelBuffers;
use super::calls;
use super::fixed::{FixedFiles, Target};
use crate::uring::RawAddr;
use crate::uring::Settings;
use crate::uring::addr;
use crate::uring::ring::{Completion, Op, Pipe, Ready, Ring, Unpark, Wait};

const ENTER_GETEVENTS: u32 = 1;
const ENTER_EXT_ARG: u32 = 1 << 3;
const ENTER_REGISTERED_RING: u32 = 1 << 4;
/// Waiting for completions is not waiting for a disk (kernel 6.15 on).
const ENTER_NO_IOWAIT: u32 = 1 << 7;
const REGISTER_RING_FDS: u32 = 20;
const IOWQ_WORKERS_MAX: [u32; 2] = [1, 1];

/// `IORING_RECV_MULTISHOT` and `IORING_RECVSEND_POLL_FIRST`, which the crate's multishot wrapper can not combine.
const RECV_MULTISHOT: u16 = 1 << 1;
const RECV_POLL_FIRST: u16 = 1 << 0;

/// A kernel ring with its wake-up descriptor.
pub struct KernelRing {
    ring: IoUring,
    /// What `enter` is called with: the registered index, or the descriptor where that is not possible.
    enter_fd: i32,
    enter_flags: u32,
    wakeups: Arc<EventFd>,
    overflows: u64,
    limits_multishot: bool,
    /// This thread has made pipes.
    splices: bool,
    fixed: FixedFiles,
    /// Completions taken in to make room in the submission queue; handed over before all others.
    early: VecDeque<Completion>,
}

impl std::fmt::Debug for KernelRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KernelRing").field("fd", &self.ring.as_raw_fd()).finish_non_exhaustive()
    }
}

impl KernelRing {
    /// Sets a ring up on the calling thread, which is then the only one that may use it.
    ///
    /// # Errors
    /// What the kernel says; [`super::StartError`] puts it into words.
    pub fn new(settings: &Settings) -> io::Result<KernelRing> {
        let ring = match KernelRing::build(settings, true) {
            // Before 6.6 there was no way to do without the index array.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => KernelRing::build(settings, false)?,
            other => other?,
        };
        if !ring.params().is_feature_ext_arg() {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        // A worker thread of the kernel means that an operation blocked, and none of ours may. Should one do so all the
        // same, it must not become a storm of them.
        let mut workers = IOWQ_WORKERS_MAX;
        ring.submitter().register_iowq_max_workers(&mut workers)?;
        let mut enter_flags = ENTER_GETEVENTS | ENTER_EXT_ARG;
        let enter_fd = match register_ring(ring.as_raw_fd()) {
            Some(index) => {
                enter_flags |= ENTER_REGISTERED_RING;
                index
            }
            None => ring.as_raw_fd(),
        };
        if ring.params().is_feature_no_iowait() {
            enter_flags |= ENTER_NO_IOWAIT;
        }
        let limits_multishot = kernel_at_least(6, 17);
        let wakeups = Arc::new(EventFd::new()?);
        let fixed = FixedFiles::new(&ring);
        let early = VecDeque::new();
        Ok(KernelRing {
            ring,
            enter_fd,
            enter_flags,
            wakeups,
            overflows: 0,
            limits_multishot,
            splices: false,
            fixed,
            early,
        })
    }

    fn build(settings: &Settings, no_sqarray: bool) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        builder
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(settings.cq_entries)
            .setup_clamp()
            .dontfork();
        if no_sqarray {
            builder.setup_no_sqarray();
        }
        builder.build(settings.sq_entries)
    }

    fn enter_raw(&mut self, to_submit: u32, want: u32, until: Option<Time>) -> io::Result<()> {
        let timespec = until.map(|at| {
            let left = at.since(self.now());
            Timespec::new().sec(left.as_secs()).nsec(left.subsec_nanos())
        });
        let mut args = SubmitArgs::new();
        if let Some(timespec) = &timespec {
            args = args.timespec(timespec);
        }
        // SAFETY: the argument is the extended one that `EXT_ARG` announces, with its size, and lives through the call;
        // so does the time it points to. The submitted entries' pointers are valid by the contract of `Op`.
        let result = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.enter_fd,
                to_submit,
                want,
                self.enter_flags,
                ptr::from_ref(&args),
                mem::size_of::<SubmitArgs<'_, '_>>(),
            )
        };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Time is up; a signal; the completion queue is full or something was dropped: take completions in.
            Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN | libc::EBADR) => Ok(()),
            _ => Err(error),
        }
    }

    /// Whether a send on `fd` may name its place in the table. A socket that has been sent on often is given one here.
    fn use_fixed(&mut self, fd: RawFd) -> bool {
        match self.fixed.for_send(fd) {
            Target::Fixed => true,
            Target::Plain => false,
            Target::Register(register) => {
                self.push_entry(&register);
                false
            }
        }
    }

    fn push_entry(&mut self, entry: &squeue::Entry) {
        // SAFETY: what the entry points to is valid until its final completion, by the contract of `Op`; what an entry of
        // `FixedFiles` points to lives as long as this ring.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            let queued = self.ring.submission().len() as u32;
            if self.enter_raw(queued, 0, None).is_err() {
                // The kernel refuses to take anything: the next `enter` of the loop reports it.
                return;
            }
            // It may take nothing while completions wait to be taken in.
            if self.ring.submission().is_full() {
                self.early.extend(self.ring.completion().map(|entry| completion(&entry)));
            }
        }
    }

    fn entry(&mut self, op: Op) -> squeue::Entry {
        match op {
            Op::Accept { fd, multishot: true } => {
                opcode::AcceptMulti::new(Fd(fd)).flags(libc::SOCK_CLOEXEC).build()
            }
            Op::Accept { fd, multishot: false } => {
                opcode::Accept::new(Fd(fd), ptr::null_mut(), ptr::null_mut())
                    .flags(libc::SOCK_CLOEXEC)
                    .build()
            }
            Op::Recv { fd, group, multishot, limit_bytes, poll_first } => {
                let ioprio =
                    if multishot { RECV_MULTISHOT } else { 0 } | if poll_first { RECV_POLL_FIRST } else { 0 };
                let recv = if self.fixed.holds(fd) {
                    opcode::Recv::new(Fixed(fd as u32), ptr::null_mut(), 0)
                } else {
                    opcode::Recv::new(Fd(fd), ptr::null_mut(), 0)
                };
                let entry = recv.ioprio(ioprio).buf_group(group).build().flags(Flags::BUFFER_SELECT);
                if multishot && self.limits_multishot { with_limit(entry, limit_bytes) } else { entry }
            }
            Op::Send { fd, bytes, len } => {
                let send = if self.use_fixed(fd) {
                    opcode::Send::new(Fixed(fd as u32), bytes, len)
                } else {
                    opcode::Send::new(Fd(fd), bytes, len)
                };
                send.flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL).build()
            }
            Op::SendMsg { fd, msg } => {
                let send = if self.use_fixed(fd) {
                    opcode::SendMsg::new(Fixed(fd as u32), msg)
                } else {
                    opcode::SendMsg::new(Fd(fd), msg)
                };
                send.flags((libc::MSG_WAITALL | libc::MSG_NOSIGNAL) as u32).build()
            }
            Op::Connect { fd, addr } => {
                // SAFETY: valid until the final completion, by the contract of `Op`.
                let addr = unsafe { &*addr };
                opcode::Connect::new(Fd(fd), ptr::from_ref(&addr.addr).cast(), addr.len).build()
            }
            Op::Poll { fd, ready } => {
                let events = match ready {
                    Ready::Readable => libc::POLLIN | libc::POLLRDHUP,
                    Ready::Writable => libc::POLLOUT,
                };
                opcode::PollAdd::new(Fd(fd), events as u32).build()
            }
            Op::Cancel { target } => opcode::AsyncCancel2::new(CancelBuilder::user_data(target)).build(),
            Op::Close { fd } => {
                if let Some(clear) = self.fixed.forget(fd) {
                    self.push_entry(&clear);
                }
                opcode::Close::new(Fd(fd)).build()
            }
            Op::Wakeups => {
                opcode::PollAdd::new(Fd(self.wakeups.fd.as_raw_fd()), libc::POLLIN as u32).multi(true).build()
            }
        }
    }
}

impl Ring for KernelRing {
    type Socket = OwnedFd;
    type Buffers = KernelBuffers;

    fn push(&mut self, user_data: u64, op: Op) {
        let entry = self.entry(op).user_data(user_data);
        self.push_entry(&entry);
    }

    fn enter(&mut self, wait: Wait) -> io::Result<()> {
        let queued = self.ring.submission().len() as u32;
        match wait {
            Wait::No => self.enter_raw(queued, 0, None),
            Wait::Until(_) if !self.early.is_empty() => self.enter_raw(queued, 0, None),
            Wait::Until(Time::NEVER) => self.enter_raw(queued, 1, None),
            Wait::Until(at) => self.enter_raw(queued, 1, Some(at)),
        }
    }

    fn reap(&mut self, into: &mut Vec<Completion>) {
        let room = into.capacity() - into.len();
        // The kernel keeps what did not fit and hands it over with the next `enter`, but ends multishots over it.
        self.overflows += u64::from(self.ring.submission().cq_overflow());
        let fixed = &mut self.fixed;
        let mut foreign = |completion: &Completion| !fixed.complete(completion.user_data, completion.result);
        let early = self.early.len().min(room);
        into.extend(self.early.drain(..early).filter(&mut foreign));
        let room = into.capacity() - into.len();
        into.extend(self.ring.completion().map(|entry| completion(&entry)).filter(foreign).take(room));
    }

    fn now(&self) -> Time {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the kernel fills the structure in; this clock always exists.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        Time::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    fn limits_multishot(&self) -> bool {
        self.limits_multishot
    }

    fn overflows(&self) -> u64 {
        self.overflows
    }

    fn buffer_groups(&mut self, entries: &[u16]) -> io::Result<KernelBuffers> {
        KernelBuffers::register(&self.ring, entries)
    }

    fn unpark(&self) -> Box<dyn Unpark> {
        Box::new(Arc::clone(&self.wakeups))
    }

    fn socket(&mut self, to: &SocketAddr) -> io::Result<RawFd> {
        let family = if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        // SAFETY: plain integers.
        let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let on: libc::c_int = 1;
        // SAFETY: the option is an int, of which pointer and size are given. Failure costs latency, nothing else.
        unsafe {
            let size = mem::size_of_val(&on) as libc::socklen_t;
            libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, ptr::from_ref(&on).cast(), size);
        }
        Ok(fd)
    }

    fn connect_unix(&mut self, to: &Path) -> io::Result<RawFd> {
        calls::connect_unix(to)
    }

    fn set_nonblocking(&mut self, fd: RawFd) -> io::Result<()> {
        calls::set_nonblocking(fd)
    }

    fn pipe(&mut self, bytes: u32) -> io::Result<Pipe> {
        if !std::mem::replace(&mut self.splices, true) {
            calls::block_sigpipe();
        }
        calls::pipe(bytes)
    }

    fn splice(&mut self, from: RawFd, to: RawFd, max: u64) -> io::Result<u64> {
        calls::splice(from, to, max)
    }

    fn recv_now(&mut self, fd: RawFd, bytes: &mut [u8]) -> io::Result<usize> {
        calls::recv_now(fd, bytes)
    }

    fn send_now(&mut self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        calls::send_now(fd, bytes)
    }

    fn peer(&mut self, fd: RawFd) -> io::Result<SocketAddr> {
        let mut raw = RawAddr::empty();
        // SAFETY: the address has room for `len` bytes, which is what the kernel is told.
        let result = unsafe { libc::getpeername(fd, addr::as_mut_ptr(&mut raw), &mut raw.len) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        raw.to_std().ok_or(io::ErrorKind::Unsupported.into())
    }

    fn local(&mut self, fd: RawFd) -> io::Result<SocketAddr> {
        let mut raw = RawAddr::empty();
        // SAFETY: the address has room for `len` bytes, which is what the kernel is told.
        let result = unsafe { libc::getsockname(fd, addr::as_mut_ptr(&mut raw), &mut raw.len) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        raw.to_std().ok_or(io::ErrorKind::Unsupported.into())
    }

    fn shutdown_write(&mut self, fd: RawFd) {
        // SAFETY: plain integers. The result tells only that the peer has gone, which receiving tells as well.
        unsafe { libc::shutdown(fd, libc::SHUT_WR) };
    }

    fn reset_on_close(&mut self, fd: RawFd) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the option is this structure, of which pointer and size are given. Where it fails the peer has gone.
        unsafe {
            let size = mem::size_of_val(&linger) as libc::socklen_t;
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, ptr::from_ref(&linger).cast(), size);
        }
    }

    fn adopt(&mut self, socket: OwnedFd) -> RawFd {
        socket.into_raw_fd()
    }

    fn release(&mut self, fd: RawFd) -> OwnedFd {
        if let Some(clear) = self.fixed.forget(fd) {
            self.push_entry(&clear);
        }
        // SAFETY: the descriptor came in through `adopt` or `socket`, and the engine has given up its slot.
        unsafe { OwnedFd::from_raw_fd(fd) }
    }

    fn close_now(&mut self, fd: RawFd) {
        drop(self.release(fd));
    }
}

fn completion(entry: &cqueue::Entry) -> Completion {
    Completion { user_data: entry.user_data(), result: entry.result(), flags: entry.flags() }
}

/// Sets the field `optlen` of the submission entry, which a multishot receive takes as its limit in bytes and the crate
/// does not know yet.
fn with_limit(mut entry: squeue::Entry, limit_bytes: u32) -> squeue::Entry {
    const OPTLEN_AT: usize = 44;
    const { assert!(mem::size_of::<squeue::Entry>() == 64 && mem::align_of::<squeue::Entry>() >= 4) };
    // SAFETY: an entry is the kernel's 64-byte `io_uring_sqe`, plain integers; bytes 44 to 47 are the union of
    // `splice_fd_in`, `file_index` and `optlen`, unused by a receive otherwise.
    unsafe { ptr::from_mut(&mut entry).cast::<u8>().add(OPTLEN_AT).cast::<u32>().write(limit_bytes) };
    entry
}

/// Whether the running kernel's release is not below `major.minor`.
fn kernel_at_least(major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// Registers the ring's own descriptor, which saves looking it up at every `enter`; the index, where that is possible.
fn register_ring(fd: RawFd) -> Option<i32> {
    #[repr(C)]
    struct Update {
        offset: u32,
        reserved: u32,
        data: u64,
    }
    let mut update = Update { offset: u32::MAX, reserved: 0, data: fd as u64 };
    // SAFETY: the kernel reads one `io_uring_rsrc_update` and writes the index back into it.
    let result = unsafe {
        libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_RING_FDS, ptr::from_mut(&mut update), 1)
    };
    (result == 1).then_some(update.offset as i32)
}

/// What other threads write to in order to end a wait.
#[derive(Debug)]
struct EventFd {
    fd: OwnedFd,
}

impl EventFd {
    fn new() -> io::Result<EventFd> {
        // SAFETY: plain integers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else has.
        Ok(EventFd { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }
}

impl Unpark for Arc<EventFd> {
    fn unpark(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes are read from a u64. The counter is never read back: each write alone triggers the
        // multishot poll, and 2^64 of them take longer than the hardware lasts.
        unsafe { libc::write(self.fd.as_raw_fd(), ptr::from_ref(&one).cast(), 8) };
    }
}
