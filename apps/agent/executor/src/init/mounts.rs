//! The configured mounts, one by one: built detached, checked, then moved onto a descriptor of their target.

use super::options::MountOptions;
use super::resolve::{self, Make};
use super::root::Root;
use super::{cgroup_mount, copy_up};
use crate::failure::{Attempt, Result};
use crate::plan::InitPlan;
use oci::Mount;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen, move_mount, open_tree,
};
use sys::{MountAttr, mount_setattr};
use wire::{Code, Failure};

const PROC_MAGIC: i64 = 0x9fa0;

/// Files of a container's own /proc that runtimes and LXCFS may cover.
const COVERABLE_PROC_FILES: [&str; 12] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/net/dev",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/sem",
];

pub fn perform(root: &Root, init: &InitPlan, mount: &Mount) -> Result<()> {
    let what = format!("mount {} on {}", if mount.source.is_empty() { &mount.kind } else { &mount.source }, mount.destination);
    let with_what = |failure: Failure| Failure { message: format!("{what}: {}", failure.message), ..failure };
    perform_one(root, init, mount).map_err(with_what)
}

fn perform_one(root: &Root, init: &InitPlan, mount: &Mount) -> Result<()> {
    let mut options = MountOptions::parse(&mount.options);
    if is_read_only_devices(mount, &options) {
        options.attr.set &= !MountAttr::RDONLY;
    }
    if mount.kind == "cgroup" || mount.kind == "cgroup2" {
        return cgroup_mount::perform(root, init, mount, &options);
    }
    let is_bind = options.bind || mount.kind == "bind";
    let (source, target) = if is_bind {
        let source = bind_source(init, mount, &options)?;
        let make = if resolve::is_directory(&source)? { Make::Directory } else { Make::File };
        (source, target_of(root, mount, &options, make)?)
    } else {
        let target = target_of(root, mount, &options, Make::Directory)?;
        (new_file_system(mount, &options, &target, init)?, target)
    };
    refuse_proc(mount, is_bind, &target)?;
    if is_bind {
        set_attributes(source.as_fd(), &options)?;
        map_owners(source.as_fd(), init, mount, &options)?;
    }
    if options.copy_up {
        copy_up::copy(target.as_fd(), source.as_fd())?;
        set_attributes(source.as_fd(), &MountOptions { attr: options.attr, ..MountOptions::default() })?;
    }
    attach(source.as_fd(), target.as_fd())?;
    for (kind, recursive) in &options.propagation {
        mount_setattr(source.as_fd(), *recursive, MountAttr { propagation: *kind, ..MountAttr::default() }, None)
            .attempt("set propagation")?;
    }
    Ok(())
}

/// Devices are made in it after it has been mounted.
fn is_read_only_devices(mount: &Mount, options: &MountOptions) -> bool {
    mount.destination.trim_end_matches('/') == "/dev" && mount.kind == "tmpfs" && options.is_read_only()
}

/// Makes /dev what its mount says, now that everything is in it.
pub fn seal_devices(mounts: &[Mount]) -> Result<()> {
    if !mounts.iter().any(|mount| is_read_only_devices(mount, &MountOptions::parse(&mount.options))) {
        return Ok(());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let devices = rustix::fs::open("/dev", flags, Mode::empty()).attempt("open /dev")?;
    let attr = MountAttr { set: MountAttr::RDONLY, ..MountAttr::default() };
    mount_setattr(devices.as_fd(), false, attr, None).attempt("make /dev read-only")
}

pub fn attach(mount: BorrowedFd, target: BorrowedFd) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, c"", target, c"", flags).attempt("attach the mount")
}

fn target_of(root: &Root, mount: &Mount, options: &MountOptions, make: Make) -> Result<OwnedFd> {
    let destination = &mount.destination;
    if destination.split('/').all(|part| part.is_empty() || part == ".") {
        return Err(Failure::new(Code::Invalid, "cannot mount over the root file system itself"));
    }
    // A /proc or /sys that is a symlink or a file would send masks and sysctls elsewhere (CVE-2019-19921, CVE-2023-27561).
    if matches!(mount.kind.as_str(), "proc" | "sysfs") || options.destination_no_follow {
        match resolve::open_in_no_symlinks(root.as_fd(), destination, OFlags::PATH) {
            Err(Errno::NOENT) => {}
            found => {
                let found = found.attempt("open the target, which must be mounted on ordinary directory")?;
                if make == Make::Directory && !resolve::is_directory(&found)? {
                    return Err(Failure::failed("the target must be mounted on ordinary directory"));
                }
                return Ok(found);
            }
        }
    }
    resolve::ensure(root.as_fd(), destination, make)
}

/// Nothing but a proc file system goes on /proc, and only harmless single files on what is in it.
fn refuse_proc(mount: &Mount, is_bind: bool, target: &OwnedFd) -> Result<()> {
    if mount.kind == "proc" {
        return Ok(());
    }
    let is_proc = rustix::fs::fstatfs(target).attempt("look at the target")?.f_type as i64 == PROC_MAGIC;
    if !is_proc {
        return Ok(());
    }
    let clean = format!("/{}", mount.destination.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"));
    let covers_root = clean == "/proc" && is_bind;
    if covers_root || COVERABLE_PROC_FILES.contains(&clean.as_str()) {
        return Ok(());
    }
    Err(Failure::new(Code::Invalid, format!("{clean} is inside /proc")))
}

fn bind_source(init: &InitPlan, mount: &Mount, options: &MountOptions) -> Result<OwnedFd> {
    let path = std::path::Path::new(&init.bundle).join(&mount.source);
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if options.recursive_bind {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    if options.source_no_follow {
        flags |= OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    }
    match open_tree(CWD, &path, flags) {
        Err(Errno::NOENT) => Err(Failure::new(Code::NotFound, format!("{}: no such file or directory", path.display()))),
        result => result.attempt(format!("open {}", path.display())),
    }
}

fn set_attributes(mount: BorrowedFd, options: &MountOptions) -> Result<()> {
    for (recursive, attr) in [(false, options.attr), (true, options.recursive_attr)] {
        if attr != MountAttr::default() {
            mount_setattr(mount, recursive, attr, None).attempt("set mount attributes")?;
        }
    }
    Ok(())
}

/// Id-mapped mounts: the maps live in a user namespace made for the purpose, or in the container's own.
fn map_owners(mount: BorrowedFd, init: &InitPlan, config: &Mount, options: &MountOptions) -> Result<()> {
    if options.id_map.is_none() && config.uid_mappings.is_empty() {
        return Ok(());
    }
    let linux = &init.config.linux;
    let (uids, gids) = if config.uid_mappings.is_empty() {
        (&linux.uid_mappings, &linux.gid_mappings)
    } else {
        (&config.uid_mappings, &config.gid_mappings)
    };
    if uids.is_empty() {
        return Err(Failure::new(Code::Invalid, "idmap needs uidMappings and gidMappings, or a user namespace"));
    }
    let namespace = crate::launch::id_map_namespace(uids, gids)?;
    mount_setattr(mount, options.id_map == Some(true), MountAttr::default(), Some(namespace.as_fd())).attempt("map the mount's owners")
}

fn new_file_system(mount: &Mount, options: &MountOptions, target: &OwnedFd, init: &InitPlan) -> Result<OwnedFd> {
    let made = make_file_system(mount, options, target);
    match made {
        // A user namespace that does not own its network namespace may not mount sysfs anew: the host's is what it would see anyway.
        Err(_) if mount.kind == "sysfs" && !init.config.linux.is_new(oci::NamespaceKind::Network) => {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
            let tree = open_tree(CWD, "/sys", flags).attempt("open the host's /sys")?;
            set_attributes(tree.as_fd(), options)?;
            Ok(tree)
        }
        made => made,
    }
}

fn make_file_system(mount: &Mount, options: &MountOptions, target: &OwnedFd) -> Result<OwnedFd> {
    let context = fsopen(&*mount.kind, FsOpenFlags::FSOPEN_CLOEXEC).attempt(format!("open file system type {:?}", mount.kind))?;
    if !mount.source.is_empty() {
        fsconfig_set_string(&context, "source", &*mount.source).attempt("set the source")?;
    }
    for option in options.superblock.iter().chain(&options.other) {
        set_option(&context, option)?;
    }
    let is_virtual = matches!(mount.kind.as_str(), "tmpfs" | "proc" | "sysfs" | "mqueue" | "devpts");
    if options.is_read_only() && !is_virtual {
        fsconfig_set_flag(&context, "ro").attempt("set ro")?;
    }
    if mount.kind == "tmpfs" && !options.other.iter().any(|option| option.starts_with("mode=")) {
        // As mount points keep their look in runc: a tmpfs on /tmp stays 1777.
        let stat = rustix::fs::statat(target, c"", AtFlags::EMPTY_PATH).attempt("look at the target")?;
        fsconfig_set_string(&context, "mode", format!("{:o}", stat.st_mode & 0o7777)).attempt("set the mode")?;
    }
    fsconfig_create(&context).attempt("create the file system")?;
    let attr = if options.copy_up { options.attr.set & !MountAttr::RDONLY } else { options.attr.set };
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::from_bits_retain(attr as u32)).attempt("mount the file system")
}

pub fn set_option(context: &OwnedFd, option: &str) -> Result<()> {
    match option.split_once('=') {
        Some((key, value)) => fsconfig_set_string(context, key, value),
        None => fsconfig_set_flag(context, option),
    }
    .attempt(format!("set option {option:?}"))
}
