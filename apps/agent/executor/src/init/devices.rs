//! Device nodes and the links in /dev.

use super::mounts::attach;
use super::options::MountOptions;
use super::resolve::{self, Make};
use super::root::Root;
use crate::failure::{Attempt, Result};
use crate::plan::InitPlan;
use oci::Device;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use wire::{Code, Failure};

/// The spec's default devices: (name, minor) of major 1, and the terminal.
const DEFAULTS: [(&str, i64, i64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/kcore", "core"),
];

pub fn create(root: &Root, init: &InitPlan) -> Result<()> {
    // A /dev bound from the host is the host's business.
    let is_bound = |mount: &oci::Mount| {
        mount.destination.trim_end_matches('/') == "/dev" && (mount.kind == "bind" || MountOptions::parse(&mount.options).bind)
    };
    if init.config.mounts.iter().any(is_bound) {
        return Ok(());
    }
    let dev = match resolve::open_in_no_symlinks(root.as_fd(), "dev", OFlags::PATH | OFlags::DIRECTORY) {
        Err(Errno::NOENT) => resolve::ensure(root.as_fd(), "dev", Make::Directory)?,
        _ => resolve::plain_directory(root.as_fd(), "dev")?,
    };
    let configured = &init.config.linux.devices;
    for (name, major, minor) in DEFAULTS {
        if !configured.iter().any(|device| device.path == format!("/dev/{name}")) {
            let device =
                Device { path: format!("/dev/{name}"), kind: "c".into(), major, minor, file_mode: Some(0o666), uid: None, gid: None };
            make(dev.as_fd(), name, &device)?;
        }
    }
    for device in configured {
        let (directory, name) = device.path.rsplit_once('/').unwrap_or_default();
        let directory = if directory.is_empty() { "/" } else { directory };
        if name.is_empty() || name == ".." {
            return Err(Failure::new(Code::Invalid, format!("{} is not the path of a device", device.path)));
        }
        let parent = resolve::ensure(root.as_fd(), directory, Make::Directory)?;
        make(parent.as_fd(), name, device)?;
    }
    for (target, name) in LINKS {
        if name != "core" || rustix::fs::access(target, rustix::fs::Access::EXISTS).is_ok() {
            link(dev.as_fd(), target, name, false)?;
        }
    }
    link(dev.as_fd(), "pts/ptmx", "ptmx", true)
}

fn link(dev: BorrowedFd, target: &str, name: &str, replace: bool) -> Result<()> {
    match rustix::fs::symlinkat(target, dev, name) {
        Err(Errno::EXIST) if replace => {
            rustix::fs::unlinkat(dev, name, AtFlags::empty()).attempt(format!("replace /dev/{name}"))?;
            rustix::fs::symlinkat(target, dev, name).attempt(format!("link /dev/{name}"))
        }
        Err(Errno::EXIST) => Ok(()),
        result => result.attempt(format!("link /dev/{name}")),
    }
}

fn make(parent: BorrowedFd, name: &str, device: &Device) -> Result<()> {
    let what = format!("make device {}", device.path);
    let kind = match device.kind.as_str() {
        "b" => FileType::BlockDevice,
        "p" => FileType::Fifo,
        _ => FileType::CharacterDevice,
    };
    let number = if kind == FileType::Fifo { 0 } else { rustix::fs::makedev(device.major as u32, device.minor as u32) };
    let mode = Mode::from_raw_mode(device.file_mode.unwrap_or(0o666) & 0o7777);
    match rustix::fs::mknodat(parent, name, kind, mode, number) {
        Ok(()) => {}
        Err(Errno::EXIST) => return accept_existing(parent, name, kind, number).attempt(what),
        // A user namespace may not make nodes, but may show the host's.
        Err(Errno::PERM) => return bind_from_host(parent, name, device),
        Err(errno) => return Err(errno).attempt(what),
    }
    let (uid, gid) = (device.uid.unwrap_or(0), device.gid.unwrap_or(0));
    if uid != 0 || gid != 0 {
        rustix::fs::chownat(parent, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW).attempt(what)?;
    }
    Ok(())
}

/// What an image put there is fine if it is that very device, and an error if it is anything else.
fn accept_existing(parent: BorrowedFd, name: &str, kind: FileType, number: u64) -> std::result::Result<(), Errno> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) == kind && (kind == FileType::Fifo || stat.st_rdev == number) {
        Ok(())
    } else {
        Err(Errno::EXIST)
    }
}

fn bind_from_host(parent: BorrowedFd, name: &str, device: &Device) -> Result<()> {
    let what = || format!("show the host's {}", device.path);
    let tree = open_tree(CWD, &*device.path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC).attempt(what())?;
    match rustix::fs::mknodat(parent, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).attempt(what()),
    }
    let place: OwnedFd =
        rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).attempt(what())?;
    attach(tree.as_fd(), place.as_fd())
}
