//! A copy of this program that nothing inside a container can write to (CVE-2019-5736): init and exec processes run from it, so
//! /proc/PID/exe never leads to the file on disk.

use crate::failure::{Attempt, Result};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};

/// F_SEAL_EXEC, Linux 6.3; refused by older kernels, which is fine.
const SEAL_EXEC: SealFlags = SealFlags::from_bits_retain(0x20);
const MFD_EXEC: MemfdFlags = MemfdFlags::from_bits_retain(0x10);

/// A fresh copy, to keep and start many processes from.
pub fn sealed_image() -> Result<OwnedFd> {
    copy(&open_own()?)
}

fn open_own() -> Result<OwnedFd> {
    rustix::fs::open("/proc/self/exe", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt("open the running program")
}

/// To start one process from: our own image if it is sealed already (we are a shim); else, for a command that starts one process and
/// ends, a view of the program that cannot be written through, which spares the copy.
pub fn sealed_once() -> Result<OwnedFd> {
    let own = open_own()?;
    let is_sealed = rustix::fs::fcntl_get_seals(&own).is_ok_and(|seals| seals.contains(SealFlags::WRITE | SealFlags::SEAL));
    if is_sealed { Ok(own) } else { read_only_view().or_else(|_| copy(&own)) }
}

/// An overlay of two lower layers has no upper one to write to; it is attached nowhere, and goes with its last user.
fn read_only_view() -> Result<OwnedFd> {
    let program = std::env::current_exe().attempt("find the running program")?;
    let (Some(directory), Some(name)) = (program.parent(), program.file_name()) else {
        return Err(wire::Failure::failed("the running program has no directory"));
    };
    let lower_dirs = [directory.to_string_lossy().into_owned(), "/run".into()].into();
    let overlay = wire::OverlayRootfs { lower_dirs, upper_dir: String::new(), work_dir: String::new() };
    // On an older kernel a copy costs less than what it takes to mount one there.
    let mount = crate::init::overlay::detached(&overlay)?.ok_or_else(|| wire::Failure::failed("overlays cannot be made detached"))?;
    let view =
        rustix::fs::openat(&mount, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).attempt("open the view")?;
    let (seen, own) = (rustix::fs::fstat(&view), rustix::fs::stat("/proc/self/exe"));
    let is_same = matches!((seen, own), (Ok(seen), Ok(own)) if seen.st_ino == own.st_ino && seen.st_size == own.st_size);
    // The file may have been replaced since we were started.
    if is_same { Ok(view) } else { Err(wire::Failure::failed("the program on disk is another one")) }
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
