//! Pseudo-terminals of another devpts instance.

use crate::{Result, check};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

pub fn unlock_pty(controller: BorrowedFd) -> Result<()> {
    let unlocked: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int.
    check(unsafe { libc::ioctl(controller.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) } as libc::c_long).map(drop)
}

/// The terminal end of a pty, without a path lookup that a container could redirect (CVE-2025-52565).
pub fn open_pty_peer(controller: BorrowedFd) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes open flags by value and returns a new descriptor.
    let fd = check(unsafe { libc::ioctl(controller.as_raw_fd(), libc::TIOCGPTPEER, flags) } as libc::c_long)?;
    // SAFETY: a new descriptor owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
