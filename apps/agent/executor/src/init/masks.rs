//! Paths that must look empty, and paths that must not be written.

use super::mounts::attach;
use super::resolve;
use super::root::{HostFiles, Root};
use crate::failure::{Attempt, Result};
use oci::Linux;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
    open_tree,
};
use sys::{MountAttr, mount_setattr};

const CLONE: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE.union(OpenTreeFlags::OPEN_TREE_CLOEXEC).union(OpenTreeFlags::AT_EMPTY_PATH);

pub fn apply(root: &Root, linux: &Linux, host: &HostFiles) -> Result<()> {
    for path in &linux.readonly_paths {
        if let Some(found) = find(root, path)? {
            let tree = open_tree(&found, c"", CLONE | OpenTreeFlags::AT_RECURSIVE).attempt(format!("clone {path}"))?;
            let attr = MountAttr { set: MountAttr::RDONLY, ..MountAttr::default() };
            mount_setattr(tree.as_fd(), false, attr, None).attempt(format!("make {path} read-only"))?;
            attach(tree.as_fd(), found.as_fd())?;
        }
    }
    let mut empty: Option<OwnedFd> = None;
    for path in &linux.masked_paths {
        let Some(found) = find(root, path)? else { continue };
        if resolve::is_directory(&found)? {
            // One read-only, one-inode tmpfs serves every directory: the first is the mount itself, the others are clones.
            let tree = match &empty {
                Some(first) => clone(first.as_fd(), path)?,
                None => empty_directory()?,
            };
            attach(tree.as_fd(), found.as_fd())?;
            empty.get_or_insert(tree);
        } else if let Some(null) = &host.null {
            attach(clone(null.as_fd(), path)?.as_fd(), found.as_fd())?;
        }
    }
    Ok(())
}

fn clone(tree: BorrowedFd, path: &str) -> Result<OwnedFd> {
    open_tree(tree, c"", CLONE).attempt(format!("make a mask for {path}"))
}

/// A kernel without the file has nothing to hide.
fn find(root: &Root, path: &str) -> Result<Option<OwnedFd>> {
    match resolve::open_in(root.as_fd(), path, OFlags::PATH) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        found => found.attempt(format!("look up {path}")).map(Some),
    }
}

fn empty_directory() -> Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).attempt("open file system type tmpfs")?;
    for (key, value) in [("nr_blocks", "1"), ("nr_inodes", "1"), ("mode", "555")] {
        fsconfig_set_string(&context, key, value).attempt(format!("set {key}"))?;
    }
    fsconfig_set_flag(&context, "ro").attempt("set ro")?;
    fsconfig_create(&context).attempt("create the file system")?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY).attempt("mount the file system")
}
