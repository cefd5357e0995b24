//! Where a shard's thread runs: which cores there are, and staying on one.

use std::io;
use std::mem;

/// The cores this process may run on, in ascending order.
///
/// # Errors
/// What the kernel says.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    // SAFETY: an empty set is a set of zeroes.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most the size it is told.
    if unsafe { libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the index stays below the set's size.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect())
}

/// Keeps the calling thread on one core from here on.
///
/// # Errors
/// `InvalidInput` when the process may not run there.
pub fn pin_to(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: an empty set is a set of zeroes.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the core was checked against the set's size.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the kernel reads the size it is told.
    if unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &set) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
