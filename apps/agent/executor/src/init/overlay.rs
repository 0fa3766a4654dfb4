//! Overlays of layers, made detached: nobody sees them but who holds the descriptor.

use crate::failure::{Attempt, Result};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, mount, mount_change, open_tree,
};
use std::ffi::CString;
use wire::{Failure, OverlayRootfs};

/// An overlay of the layers, attached nowhere yet.
pub fn overlay_mount(overlay: &OverlayRootfs) -> Result<OwnedFd> {
    detached(overlay)?.map_or_else(|| classic(overlay), Ok)
}

/// None where only mount(2) can make an overlay of any number of layers: before Linux 6.7.
pub fn detached(overlay: &OverlayRootfs) -> Result<Option<OwnedFd>> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).attempt("open file system type overlay")?;
    let set = |key: &str, value: &str| fsconfig_set_string(&context, key, value);
    // Before Linux 6.5 overlays take any option, and complain of unknown ones in the kernel's log when they are made.
    if set("gantry-probe", "").is_ok() {
        return Ok(None);
    }
    set("source", "overlay").attempt("name the overlay")?;
    for (at, lower) in overlay.lower_dirs.iter().enumerate() {
        match set("lowerdir+", lower) {
            // Linux 6.5 and 6.6.
            Err(Errno::INVAL) if at == 0 => return Ok(None),
            appended => appended.attempt(format!("add layer {lower}"))?,
        }
    }
    if !overlay.upper_dir.is_empty() {
        set("upperdir", &overlay.upper_dir).attempt(format!("set upper directory {}", overlay.upper_dir))?;
        set("workdir", &overlay.work_dir).attempt(format!("set work directory {}", overlay.work_dir))?;
    }
    fsconfig_create(&context).attempt("create the overlay")?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).attempt("mount the overlay").map(Some)
}

/// mount(2) needs a place to mount on, so a thread gets a mount namespace of its own, which ends with it.
fn classic(overlay: &OverlayRootfs) -> Result<OwnedFd> {
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().spawn_scoped(scope, || mount_and_clone(overlay)).attempt("start a thread to mount the overlay")?;
        thread.join().unwrap_or_else(|_| Err(Failure::failed("the thread that mounts the overlay broke")))
    })
}

fn mount_and_clone(overlay: &OverlayRootfs) -> Result<OwnedFd> {
    const PLACE: &str = "/proc";
    sys::unshare_namespaces(oci::NamespaceKind::Mount.clone_flag()).attempt("create a mount namespace for the overlay")?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).attempt("detach the overlay's mount namespace from the host's")?;
    // Names of descriptors: paths of many layers do not fit into the page that all options share, and may contain its separators.
    let open = |path: &String| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).attempt(format!("add layer {path}"))
    };
    let name = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let lowers = overlay.lower_dirs.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut options = format!("lowerdir={}", lowers.iter().map(name).collect::<Vec<_>>().join(":"));
    let mut written = Vec::new();
    if !overlay.upper_dir.is_empty() {
        for (key, path) in [("upperdir", &overlay.upper_dir), ("workdir", &overlay.work_dir)] {
            let fd = open(path)?;
            options.push_str(&format!(",{key}={}", name(&fd)));
            written.push(fd);
        }
    }
    let options = CString::new(options).unwrap_or_default();
    mount("overlay", PLACE, "overlay", MountFlags::empty(), options.as_c_str()).attempt("mount the overlay")?;
    open_tree(CWD, PLACE, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC).attempt("take hold of the overlay")
}
