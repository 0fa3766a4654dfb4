//! The root file system: mounted, entered, sealed.

use super::mounts::{self, attach as attach_mount};
use super::overlay::overlay_mount;
use crate::failure::{Attempt, Result};
use crate::plan::InitPlan;
use oci::Linux;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::mount::{MountPropagationFlags, OpenTreeFlags, UnmountFlags, mount_change, open_tree, unmount};
use std::path::Path;
use sys::{MountAttr, mount_setattr};
use wire::{Code, Failure};

/// The container's root as a descriptor of its mount: valid before and after it is entered.
pub struct Root(OwnedFd);

impl Root {
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Host files needed when the host's file system may no longer be looked at by path.
pub struct HostFiles {
    /// A verified /dev/null (CVE-2025-31133), opened if there is something to mask.
    pub null: Option<OwnedFd>,
}

impl HostFiles {
    pub fn open(linux: &Linux) -> Result<Self> {
        if linux.masked_paths.is_empty() {
            return Ok(Self { null: None });
        }
        let null =
            rustix::fs::open("/dev/null", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null")?;
        let stat = rustix::fs::statat(&null, c"", AtFlags::EMPTY_PATH).attempt("look at /dev/null")?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice || stat.st_rdev != rustix::fs::makedev(1, 3) {
            return Err(Failure::failed("/dev/null of the host is not the null device"));
        }
        Ok(Self { null: Some(null) })
    }
}

fn propagation_flags(name: &str) -> MountPropagationFlags {
    let recursive = if name.starts_with('r') { MountPropagationFlags::REC } else { MountPropagationFlags::empty() };
    recursive
        | match name.trim_start_matches('r') {
            "shared" => MountPropagationFlags::SHARED,
            "private" => MountPropagationFlags::PRIVATE,
            "unbindable" => MountPropagationFlags::UNBINDABLE,
            _ => MountPropagationFlags::DOWNSTREAM,
        }
}

/// Mounts the root file system where the bundle says, in this mount namespace alone.
pub fn attach(init: &InitPlan) -> Result<Root> {
    let rootfs = Path::new(&init.rootfs);
    // Nothing mounted here may reach the host; what the host mounts later may come in, if the configuration says so.
    let configured = init.config.linux.rootfs_propagation.as_str();
    let first = if configured.is_empty() { "rslave" } else { configured };
    mount_change("/", propagation_flags(first)).attempt("detach this mount namespace's events from the host's")?;
    if configured.ends_with("shared") {
        // Before it is cloned: a shared clone could not be pivoted from either.
        make_parent_private(rootfs)?;
    }
    let tree = match &init.overlay {
        Some(overlay) => overlay_mount(overlay)?,
        None => {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
            match open_tree(CWD, rootfs, flags) {
                Err(rustix::io::Errno::NOENT) => {
                    return Err(Failure::new(Code::NotFound, format!("root file system {} does not exist", rootfs.display())));
                }
                tree => tree.attempt(format!("open the root file system {}", rootfs.display()))?,
            }
        }
    };
    let place = rustix::fs::open(rootfs, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .attempt(format!("open {}", rootfs.display()))?;
    attach_mount(tree.as_fd(), place.as_fd())?;
    Ok(Root(tree))
}

/// pivot_root refuses a new root whose parent mount is shared.
fn make_parent_private(rootfs: &Path) -> Result<()> {
    for ancestor in rootfs.ancestors() {
        match mount_change(ancestor, MountPropagationFlags::PRIVATE) {
            Err(rustix::io::Errno::INVAL) => {}
            result => return result.attempt(format!("make the mount at {} private", ancestor.display())),
        }
    }
    Ok(())
}

/// Makes the root file system `/`; the host's is out of reach after this.
pub fn enter(root: &Root, init: &InitPlan) -> Result<()> {
    rustix::process::fchdir(root.as_fd()).attempt("enter the root file system")?;
    if init.no_pivot {
        return enter_without_pivot(root);
    }
    let host = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).attempt("open the host's root")?;
    // Puts the old root under the new one, at the same place.
    rustix::process::pivot_root(".", ".").attempt("pivot the root")?;
    rustix::process::fchdir(&host).attempt("reach the old root")?;
    mount_change(".", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC).attempt("detach the old root's events")?;
    unmount(".", UnmountFlags::DETACH).attempt("let go of the old root")?;
    rustix::process::chdir("/").attempt("enter the new root")
}

/// For an initramfs, whose root cannot be pivoted. Every full procfs and sysfs of the host goes first: a container that finds its way
/// out of a chroot must not find one.
fn enter_without_pivot(root: &Root) -> Result<()> {
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").attempt("read the mounts")?;
    let own = std::env::current_dir().attempt("name the root file system")?;
    for line in mountinfo.lines() {
        let Some((mount, kind)) = line.split_once(" - ") else { continue };
        let Some(path) = mount.split(' ').nth(4).map(Path::new) else { continue };
        if !path.starts_with(&own) && (kind.starts_with("proc ") || kind.starts_with("sysfs ")) {
            let _ = mount_change(path, MountPropagationFlags::PRIVATE);
            unmount(path, UnmountFlags::DETACH).attempt(format!("unmount {}", path.display()))?;
        }
    }
    let host = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).attempt("open the host's root")?;
    attach_mount(root.as_fd(), host.as_fd())?;
    rustix::process::chroot(".").attempt("enter the root file system")?;
    rustix::process::chdir("/").attempt("enter the new root")
}

/// Last changes to the mount at `/`.
pub fn seal(init: &InitPlan) -> Result<()> {
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).attempt("open the root")?;
    let configured = init.config.linux.rootfs_propagation.as_str();
    if !configured.is_empty() {
        mount_change("/", propagation_flags(configured)).attempt("set the root's propagation")?;
    }
    mounts::seal_devices(&init.config.mounts)?;
    if init.config.root.as_ref().is_some_and(|root| root.readonly) {
        let attr = MountAttr { set: MountAttr::RDONLY, ..MountAttr::default() };
        mount_setattr(root.as_fd(), false, attr, None).attempt("make the root read-only")?;
    }
    Ok(())
}
