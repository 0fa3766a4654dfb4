//! `tmpcopyup`: a tmpfs that starts with what it covers. The source is the image's and may be hostile: entries are opened one component
//! at a time, never followed.

use crate::failure::{Attempt, Result};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timespec, Timestamps};

pub fn copy(source: BorrowedFd, target: BorrowedFd) -> Result<()> {
    let open = |fd: BorrowedFd| rustix::fs::openat(fd, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let (source, target) = (open(source).attempt("open the covered directory")?, open(target).attempt("open the new file system")?);
    copy_directory(&source, &target, 0)
}

const MAX_DEPTH: u32 = 256;

fn copy_directory(source: &OwnedFd, target: &OwnedFd, depth: u32) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(rustix::io::Errno::NAMETOOLONG).attempt("copy a directory this deep");
    }
    for entry in Dir::read_from(source).attempt("list the covered directory")? {
        let entry = entry.attempt("list the covered directory")?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            copy_entry(source, target, name, depth)
                .map_err(|failure| wire::Failure { message: format!("copy {}: {}", name.to_string_lossy(), failure.message), ..failure })?;
        }
    }
    Ok(())
}

fn copy_entry(source: &OwnedFd, target: &OwnedFd, name: &std::ffi::CStr, depth: u32) -> Result<()> {
    let stat = rustix::fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW).attempt("look at it")?;
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    let kind = FileType::from_raw_mode(stat.st_mode);
    let nofollow = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match kind {
        FileType::Directory => {
            rustix::fs::mkdirat(target, name, mode).attempt("make it")?;
            let open = |parent: &OwnedFd| rustix::fs::openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | nofollow, Mode::empty());
            copy_directory(&open(source).attempt("open it")?, &open(target).attempt("open its copy")?, depth + 1)?;
        }
        FileType::RegularFile => {
            let from = rustix::fs::openat(source, name, OFlags::RDONLY | OFlags::NONBLOCK | nofollow, Mode::empty()).attempt("open it")?;
            let to =
                rustix::fs::openat(target, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | nofollow, mode).attempt("make it")?;
            while rustix::fs::sendfile(to.as_fd(), from.as_fd(), None, 1 << 20).attempt("copy it")? > 0 {}
        }
        FileType::Symlink => {
            let link = rustix::fs::readlinkat(source, name, Vec::new()).attempt("read it")?;
            rustix::fs::symlinkat(link, target, name).attempt("make it")?;
        }
        _ => rustix::fs::mknodat(target, name, kind, mode, stat.st_rdev).attempt("make it")?,
    }
    let (uid, gid) = (rustix::fs::Uid::from_raw(stat.st_uid), rustix::fs::Gid::from_raw(stat.st_gid));
    rustix::fs::chownat(target, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).attempt("set its owner")?;
    if kind != FileType::Symlink {
        // chown clears setuid bits.
        rustix::fs::chmodat(target, name, mode, AtFlags::empty()).attempt("set its mode")?;
    }
    let time = |seconds: i64, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    let times = Timestamps {
        last_access: time(stat.st_atime as i64, stat.st_atime_nsec as u64),
        last_modification: time(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
    };
    rustix::fs::utimensat(target, name, &times, AtFlags::SYMLINK_NOFOLLOW).attempt("set its times")
}
