//! Looking up and making paths inside a root that an attacker may have filled with symlinks and may be changing meanwhile. Every step
//! is a descriptor; nothing is ever opened by a host path below the root (CVE-2021-30465, CVE-2024-45310).

use crate::failure::{Attempt, Result};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use wire::{Code, Failure};

const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);
const MAX_LINKS: u32 = 20;

/// openat2 in the root, retried when a concurrent rename makes the kernel give up (EAGAIN).
pub fn open_in(root: BorrowedFd, path: &str, flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    open_with(root, path, flags, IN_ROOT)
}

/// The same, refusing symlinks altogether.
pub fn open_in_no_symlinks(root: BorrowedFd, path: &str, flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
    open_with(root, path, flags, IN_ROOT | ResolveFlags::NO_SYMLINKS)
}

fn open_with(root: BorrowedFd, path: &str, flags: OFlags, resolve: ResolveFlags) -> std::result::Result<OwnedFd, Errno> {
    for _ in 0..64 {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    Directory,
    File,
}

/// What `path` names inside the root, made if it is missing, with its parents. O_PATH.
pub fn ensure(root: BorrowedFd, path: &str, make: Make) -> Result<OwnedFd> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match open_in(root, &path, OFlags::PATH) {
            Ok(found) => return Ok(found),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).attempt(format!("look up {path} in the root file system")),
        }
        match make_missing(root, &path, make)? {
            Made::Done(fd) => return Ok(fd),
            Made::Dangling(target) => path = target,
        }
    }
    Err(Errno::LOOP).attempt(format!("look up {path} in the root file system"))
}

enum Made {
    Done(OwnedFd),
    /// A symlink to nothing stands in the way; this is the path to make instead.
    Dangling(String),
}

fn make_missing(root: BorrowedFd, path: &str, make: Make) -> Result<Made> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut existing = parts.len();
    let mut directory = loop {
        existing = existing.checked_sub(1).ok_or_else(|| Failure::new(Code::Invalid, format!("cannot make {path:?}")))?;
        let prefix = if existing == 0 { "/".to_owned() } else { parts[..existing].join("/") };
        match open_in(root, &prefix, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(fd) => break fd,
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).attempt(format!("look up {prefix} in the root file system")),
        }
    };
    for (at, name) in parts.iter().enumerate().skip(existing) {
        if *name == ".." {
            return Err(Failure::new(Code::Invalid, format!("{path} climbs out of a directory that does not exist")));
        }
        let what = format!("make {} in the root file system", parts[..=at].join("/"));
        let is_last = at + 1 == parts.len();
        let made = if is_last && make == Make::File {
            // mknod, not open: it never follows what somebody puts there first.
            rustix::fs::mknodat(&directory, *name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)
        } else {
            rustix::fs::mkdirat(&directory, *name, Mode::from_raw_mode(0o755))
        };
        match made {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).attempt(what),
        }
        let flags = if is_last { OFlags::PATH | OFlags::NOFOLLOW } else { OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW };
        let next = rustix::fs::openat(&directory, *name, flags | OFlags::CLOEXEC, Mode::empty());
        let link = rustix::fs::readlinkat(&directory, *name, Vec::new());
        if let Ok(target) = link {
            let target = OsStr::from_bytes(target.as_bytes()).to_string_lossy().into_owned();
            let before = if target.starts_with('/') { String::new() } else { parts[..at].join("/") + "/" };
            return Ok(Made::Dangling(format!("{before}{target}/{}", parts[at + 1..].join("/")).trim_end_matches('/').to_owned()));
        }
        directory = next.attempt(what)?;
    }
    Ok(Made::Done(directory))
}

/// The directory `name` right below the root, which must not be a symlink (CVE-2026-41579).
pub fn plain_directory(root: BorrowedFd, name: &str) -> Result<OwnedFd> {
    open_in_no_symlinks(root, name, OFlags::PATH | OFlags::DIRECTORY)
        .attempt(format!("open /{name} in the root file system, which must be a directory and no symlink"))
}

pub fn is_directory(fd: impl AsFd) -> Result<bool> {
    let stat = rustix::fs::statat(fd, c"", AtFlags::EMPTY_PATH).attempt("look at a mount's source")?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
