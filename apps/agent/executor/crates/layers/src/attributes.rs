//! Owner, mode, times and extended attributes of what was just made, by descriptor or by a name that is not followed.

use crate::error::{Error, Result, kernel, shown};
use crate::tar::{Attributes, Timestamp, Xattr};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fstat, futimens, getxattr,
    lgetxattr, listxattr, lsetxattr, openat, utimensat,
};
use rustix::io::Errno;

const OPAQUE: &[u8] = b"trusted.overlay.opaque";

/// What an archive would steer overlayfs with: hide, redirect or replace files of other layers.
pub(crate) fn is_overlay_xattr(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// How `name` in `dir` is called in system calls that know no directory descriptors. Only the last component is subject to their
/// following or not; an empty name is `dir` itself.
fn proc_path(dir: BorrowedFd, name: &[u8]) -> Vec<u8> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(if name.is_empty() { b"." } else { name });
    path
}

/// The path of an open file, which a magic link follows to the very file.
fn proc_self(fd: BorrowedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn timestamps(modified: Timestamp) -> Timestamps {
    let modified = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() };
    Timestamps { last_access: modified, last_modification: modified }
}

fn ids(attributes: &Attributes) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)))
}

/// File systems without extended attributes, and `user.` ones on anything but files and directories, are not worth failing for.
fn ignore_unsupported(name: &[u8], set: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match set {
        Err(Errno::NOTSUP) => Ok(()),
        Err(Errno::PERM) if name.starts_with(b"user.") => Ok(()),
        set => set,
    }
}

fn refuse_overlay_xattrs(xattrs: &[Xattr], path: &[u8]) -> Result<()> {
    if xattrs.iter().any(|xattr| is_overlay_xattr(&xattr.name)) {
        return Err(Error::Entry { entry: shown(path), problem: "it has an extended attribute of overlayfs" });
    }
    Ok(())
}

/// In the one order that works: chown clears set-id bits and capabilities, times change with everything else.
pub(crate) fn set_by_fd(fd: BorrowedFd, attributes: &Attributes, path: &[u8]) -> Result<()> {
    refuse_overlay_xattrs(&attributes.xattrs, path)?;
    let (uid, gid) = ids(attributes);
    fchown(fd, uid, gid).map_err(kernel("change the owner of", path))?;
    for xattr in &attributes.xattrs {
        let set = rustix::fs::fsetxattr(fd, &xattr.name[..], &xattr.value, XattrFlags::empty());
        ignore_unsupported(&xattr.name, set).map_err(kernel("set an extended attribute of", path))?;
    }
    fchmod(fd, Mode::from_raw_mode(attributes.mode)).map_err(kernel("change the mode of", path))?;
    futimens(fd, &timestamps(attributes.modified)).map_err(kernel("set the times of", path))
}

/// For links, devices and pipes, which must not be opened.
pub(crate) fn set_by_name(dir: BorrowedFd, name: &[u8], attributes: &Attributes, path: &[u8]) -> Result<()> {
    refuse_overlay_xattrs(&attributes.xattrs, path)?;
    let (uid, gid) = ids(attributes);
    chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(kernel("change the owner of", path))?;
    for xattr in &attributes.xattrs {
        let set = lsetxattr(proc_path(dir, name), &xattr.name[..], &xattr.value, XattrFlags::empty());
        ignore_unsupported(&xattr.name, set).map_err(kernel("set an extended attribute of", path))?;
    }
    let pinned = openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).map_err(kernel("open", path))?;
    let stat = fstat(&pinned).map_err(kernel("look at", path))?;
    // A link has no mode of its own, and the magic link below would not stop at it.
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        rustix::fs::chmod(proc_self(pinned.as_fd()), Mode::from_raw_mode(attributes.mode)).map_err(kernel("change the mode of", path))?;
    }
    utimensat(dir, name, &timestamps(attributes.modified), AtFlags::SYMLINK_NOFOLLOW).map_err(kernel("set the times of", path))
}

/// Makes a directory hide what layers below have at its path.
pub(crate) fn set_opaque(dir: BorrowedFd, name: &[u8], path: &[u8]) -> Result<()> {
    lsetxattr(proc_path(dir, name), OPAQUE, b"y", XattrFlags::empty()).map_err(kernel("make opaque", path))
}

pub(crate) fn is_opaque(dir: BorrowedFd, name: &[u8]) -> rustix::io::Result<bool> {
    let mut value = [0; 2];
    match lgetxattr(proc_path(dir, name), OPAQUE, &mut value[..]) {
        Ok(length) => Ok(value[..length] == *b"y"),
        Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Opens for reading the very file that was opened as a path, so that nothing else (a device, say) can be opened in its place.
pub(crate) fn reopen(fd: BorrowedFd) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(proc_self(fd), OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())
}

/// Every extended attribute of a file that is open, as a path or otherwise; sorted.
pub(crate) fn read_xattrs_of(fd: BorrowedFd) -> rustix::io::Result<Vec<Xattr>> {
    let path = proc_self(fd);
    let mut names = vec![0; 256];
    let length = loop {
        match listxattr(&path, &mut names[..]) {
            Ok(length) => break length,
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            // Linux's limit for the whole list is 64 KiB.
            Err(Errno::RANGE) if names.len() < 65536 => names.resize(65536, 0),
            Err(errno) => return Err(errno),
        }
    };
    let mut xattrs = Vec::new();
    for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 256];
        let length = loop {
            match getxattr(&path, name, &mut value[..]) {
                Ok(length) => break Some(length),
                Err(Errno::NODATA) => break None,
                Err(Errno::RANGE) if value.len() < 65536 => value.resize(65536, 0),
                Err(errno) => return Err(errno),
            }
        };
        if let Some(length) = length {
            value.truncate(length);
            xattrs.push(Xattr { name: name.to_vec(), value });
        }
    }
    xattrs.sort();
    Ok(xattrs)
}

/// Attributes as the file system has them.
pub(crate) fn from_stat(stat: &Stat, xattrs: Vec<Xattr>) -> Attributes {
    Attributes { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid, modified: modified(stat), xattrs }
}

pub(crate) fn modified(stat: &Stat) -> Timestamp {
    // Nanoseconds are below 10⁹ whatever type the architecture has for them.
    Timestamp { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec as u32 }
}
