//! mount_setattr(2).

use crate::{Result, check};
use rustix::fd::{AsRawFd, BorrowedFd};

/// Attributes to set and clear on a mount (MOUNT_ATTR_*), a propagation type (MS_SHARED…, 0 for none) and an id map.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MountAttr {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
}

#[repr(C)]
struct RawMountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

impl MountAttr {
    pub const RDONLY: u64 = 0x1;
    pub const NOSUID: u64 = 0x2;
    pub const NODEV: u64 = 0x4;
    pub const NOEXEC: u64 = 0x8;
    /// The field that holds relatime (0), noatime and strictatime.
    pub const ATIME_FIELD: u64 = 0x70;
    pub const NOATIME: u64 = 0x10;
    pub const STRICTATIME: u64 = 0x20;
    pub const NODIRATIME: u64 = 0x80;
    pub const IDMAP: u64 = 0x0010_0000;
    pub const NOSYMFOLLOW: u64 = 0x0020_0000;
}

/// Changes the mount that `mount` refers to, with its submounts when `recursive`; `user_namespace` supplies the map for an idmapped mount.
pub fn mount_setattr(mount: BorrowedFd, recursive: bool, attr: MountAttr, user_namespace: Option<BorrowedFd>) -> Result<()> {
    let raw = RawMountAttr {
        attr_set: attr.set | if user_namespace.is_some() { MountAttr::IDMAP } else { 0 },
        attr_clr: attr.clear,
        propagation: attr.propagation,
        userns_fd: user_namespace.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `raw` has the layout of struct mount_attr (v0) and lives through the call; the path is a C string.
    check(unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), c"".as_ptr(), flags, &raw const raw, size_of::<RawMountAttr>())
    })
    .map(drop)
}
