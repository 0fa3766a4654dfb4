//! /sys/fs/cgroup inside: the container's own cgroup directories, bound; with a cgroup namespace they look like roots.

use super::mounts::attach;
use super::options::MountOptions;
use super::resolve::{self, Make};
use super::root::Root;
use crate::failure::{Attempt, Result};
use crate::plan::InitPlan;
use oci::{Mount, NamespaceKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, open_tree,
};
use sys::{MountAttr, mount_setattr};

/// Whatever the configuration says: no program, device or setuid bit ever comes from a cgroup file system.
const ALWAYS: u64 = MountAttr::NOSUID | MountAttr::NODEV | MountAttr::NOEXEC;

pub fn perform(root: &Root, init: &InitPlan, mount: &Mount, options: &MountOptions) -> Result<()> {
    let target = resolve::ensure(root.as_fd(), &mount.destination, Make::Directory)?;
    let attr = MountAttr { set: options.attr.set | ALWAYS, ..MountAttr::default() };
    if let [(name, path)] = init.cgroups.as_slice() {
        if name.is_empty() {
            return attach_directory(&unified_source(init, path), &target, attr);
        }
    }
    let tmpfs = small_tmpfs()?;
    attach(tmpfs.as_fd(), target.as_fd())?;
    for (name, path) in &init.cgroups {
        let name = if name.is_empty() { "unified" } else { name };
        rustix::fs::mkdirat(&tmpfs, name, Mode::from_raw_mode(0o755)).attempt(format!("make {name}"))?;
        let directory =
            rustix::fs::openat(&tmpfs, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .attempt(format!("open {name}"))?;
        attach_directory(path, &directory, attr)?;
        for single in name.split(',').filter(|single| *single != name) {
            rustix::fs::symlinkat(name, &tmpfs, single).attempt(format!("link {single}"))?;
        }
    }
    mount_setattr(tmpfs.as_fd(), false, attr, None).attempt("set mount attributes")
}

/// Without a cgroup namespace v2 shows the whole tree, as a process of the host sees it.
fn unified_source(init: &InitPlan, own: &str) -> String {
    let is_private = init.config.linux.namespace(NamespaceKind::Cgroup).is_some();
    let whole = cgroups::Hierarchies::detect();
    let mount = whole.cgroup("/", "").directories().map(|(_, mount, _)| mount.to_string_lossy().into_owned()).next();
    if is_private { own.to_owned() } else { mount.unwrap_or_else(|| own.to_owned()) }
}

fn small_tmpfs() -> Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).attempt("open file system type tmpfs")?;
    fsconfig_set_string(&context, "mode", "755").attempt("set the mode")?;
    fsconfig_set_string(&context, "size", "64k").attempt("set the size")?;
    fsconfig_create(&context).attempt("create the file system")?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).attempt("mount the file system")
}

fn attach_directory(source: &str, target: &OwnedFd, attr: MountAttr) -> Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, source, flags).attempt(format!("open {source}"))?;
    mount_setattr(tree.as_fd(), false, attr, None).attempt("set mount attributes")?;
    attach(tree.as_fd(), target.as_fd())
}
