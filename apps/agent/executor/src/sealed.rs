//! A copy of this program that nothing inside a container can write to (CVE-2019-5736): init and exec processes run from it, so
//! /proc/PID/exe never leads to the file on disk.

use crate::failure::{Attempt, Result};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};

/// F_SEAL_EXEC, Linux 6.3; refused by older kernels, which is fine.
const SEAL_EXEC: SealFlags = SealFlags::from_bits_retain(0x20);
const MFD_EXEC: MemfdFlags = MemfdFlags::from_bits_retain(0x10);

/// Our own image if it is sealed already (we are a shim), else a fresh sealed copy.
pub fn sealed_image() -> Result<OwnedFd> {
    let own = rustix::fs::open("/proc/self/exe", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt("open the running program")?;
    let is_sealed = rustix::fs::fcntl_get_seals(&own).is_ok_and(|seals| seals.contains(SealFlags::WRITE | SealFlags::SEAL));
    if is_sealed { Ok(own) } else { copy(&own) }
}

fn copy(own: &OwnedFd) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // MFD_EXEC is unknown before Linux 6.3.
    let sealed = rustix::fs::memfd_create("gantry-executor", flags | MFD_EXEC)
        .or_else(|_| rustix::fs::memfd_create("gantry-executor", flags))
        .attempt("create a memory file for the sealed program")?;
    let size = rustix::fs::fstat(own).attempt("measure the running program")?.st_size as usize;
    let mut left = size;
    while left > 0 {
        let copied = rustix::fs::sendfile(&sealed, own, None, left).attempt("copy the running program")?;
        if copied == 0 {
            break;
        }
        left -= copied;
    }
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&sealed, seals | SEAL_EXEC)
        .or_else(|_| rustix::fs::fcntl_add_seals(&sealed, seals))
        .attempt("seal the copy of the program")?;
    // Reopened read-only: a writable descriptor of a running program would make its exec fail with ETXTBSY.
    let path = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&sealed.as_fd()));
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt("reopen the sealed program")
}
