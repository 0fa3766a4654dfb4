//! Descriptors as numbers: what a program inherits at exec.

use crate::{Result, check};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes ownership of an inherited descriptor and makes it close-on-exec; fails if the number is not open.
/// Each number may be adopted once: the caller's protocol with its parent says which numbers exist.
pub fn adopt(number: RawFd) -> Result<OwnedFd> {
    // SAFETY: fcntl on any number is harmless; it fails with EBADF when nothing is open there.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } as libc::c_long)?;
    // SAFETY: the number is open, and by the function's contract nobody else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Marks every descriptor from `first` on close-on-exec.
pub fn cloexec_from(first: RawFd) -> Result<()> {
    // SAFETY: changes only a flag of open descriptors.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }).map(drop)
}

/// Closes every descriptor from `first` on. For the start of a process, before it owns any of them.
pub fn close_from(first: RawFd) -> Result<()> {
    // SAFETY: called at the start of a role, when no `OwnedFd` at or above `first` exists.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Moves an inherited descriptor to another number, to be inherited at exec. For the last step before exec, when the target's former
/// meaning no longer matters to this process.
pub fn renumber(from: RawFd, to: RawFd) -> Result<()> {
    // SAFETY: dup2 replaces `to`; by the function's contract nothing in this process uses it any more but the exec that follows.
    check(unsafe { libc::dup2(from, to) } as libc::c_long).map(drop)
}

/// Lets the disk begin with what was written to a file from `offset` on, without waiting for it: whoever syncs later waits less. Only a
/// hint: a file system that cannot says so to nobody.
pub fn begin_writeback(fd: BorrowedFd, offset: u64) {
    let Ok(offset) = i64::try_from(offset) else { return };
    // SAFETY: no memory is passed. A length of 0 means to the end.
    let _ = unsafe { libc::sync_file_range(fd.as_raw_fd(), offset, 0, libc::SYNC_FILE_RANGE_WRITE) };
}
