//! One container's cgroup: a directory in every hierarchy.

use crate::hierarchy::unified_controllers;
use crate::{Error, Result, device_program, devices, files, limits_v1, limits_v2};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Of a v1 hierarchy; empty for v2, whose controllers depend on the directory.
    pub controllers: Vec<String>,
    pub mount: PathBuf,
    pub path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cgroup {
    pub(crate) v1: Vec<Membership>,
    pub(crate) v2: Option<Membership>,
}

const ATTEMPTS: u32 = 10;

/// Takes single threads. For one that moves itself the kernel need not hold all forks and exits up, which otherwise takes it an RCU grace
/// period of 10 ms and more (cgroup_procs_write_start in kernel/cgroup/cgroup.c).
const V1_DOOR: &str = "tasks";
const V2_DOOR: &str = "cgroup.procs";

fn open_door(member: &Membership, file: &str) -> Result<OwnedFd> {
    let path = member.path.join(file);
    let opened = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|errno| Error::Io { attempt: "open", path, source: errno.into() })
}

/// Moves the calling process, which has one thread, through a door of [`Cgroup::open_doors`].
pub fn enter(door: BorrowedFd) -> std::result::Result<(), rustix::io::Errno> {
    const MYSELF: &[u8] = b"0";
    rustix::io::retry_on_intr(|| rustix::io::write(door, MYSELF)).map(drop)
}

impl Cgroup {
    /// The cgroup beside this one.
    pub fn sibling(&self, name: &str) -> Self {
        let beside = |member: &Membership| Membership { path: member.path.with_file_name(name), ..member.clone() };
        Self { v1: self.v1.iter().map(beside).collect(), v2: self.v2.as_ref().map(beside) }
    }

    /// A cgroup below this one, which is there: in every hierarchy, or in those of `controllers` (comma-separated) alone. `path` must not
    /// leave it.
    pub fn child(&self, controllers: Option<&str>, path: &str) -> Result<Self> {
        let wrong = |problem: String| Error::Value { field: "cgroup".into(), problem };
        if path.split('/').any(|part| part == "..") {
            return Err(wrong(format!("{path} is not a sub cgroup path")));
        }
        let named: Option<Vec<&str>> = controllers.map(|names| names.split(',').collect());
        let holds = |member: &Membership, name: &str| member.controllers.iter().any(|controller| controller == name);
        if let Some(unknown) = named.iter().flatten().find(|name| !self.v1.iter().any(|member| holds(member, name))) {
            return Err(wrong(format!("unknown controller {unknown}")));
        }
        let below = |member: &Membership| {
            if named.as_ref().is_some_and(|names| !names.iter().any(|name| holds(member, name))) {
                return Ok(member.clone());
            }
            let below = member.path.join(path.trim_start_matches('/'));
            if below.is_dir() {
                return Ok(Membership { path: below, ..member.clone() });
            }
            Err(wrong(format!("adding pid of the process to {}/cgroup.procs: no such file or directory", below.display())))
        };
        Ok(Self { v1: self.v1.iter().map(below).collect::<Result<_>>()?, v2: self.v2.as_ref().map(below).transpose()? })
    }

    pub(crate) fn v1_path(&self, controller: &str) -> Option<&Path> {
        self.v1.iter().find(|member| member.controllers.iter().any(|name| name == controller)).map(|member| member.path.as_path())
    }

    pub(crate) fn v2_path(&self) -> Option<&Path> {
        self.v2.as_ref().map(|member| member.path.as_path())
    }

    fn members(&self) -> impl Iterator<Item = &Membership> {
        self.v1.iter().chain(&self.v2)
    }

    /// (controllers, mount point, path) of the v1 hierarchies and of v2 (no controllers), for mounting them into a container.
    pub fn directories(&self) -> impl Iterator<Item = (&[String], &Path, &Path)> {
        self.members().map(|member| (member.controllers.as_slice(), member.mount.as_path(), member.path.as_path()))
    }

    pub fn exists(&self) -> bool {
        self.members().any(|member| member.path.is_dir())
    }

    /// Makes the directories, with their ancestors. A directory that a concurrent delete took away again is made again.
    pub fn create(&self) -> Result<()> {
        self.members().try_for_each(create_with_retries)
    }

    /// As `create` for a user who may have been given cgroups or not: without the hierarchies that are closed to them.
    pub fn create_where_permitted(mut self) -> Result<Self> {
        let is_permitted = |member: &Membership| match create_with_retries(member) {
            Err(Error::Io { source, .. }) if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                Ok(false)
            }
            made => made.map(|()| true),
        };
        let v1 = std::mem::take(&mut self.v1);
        for member in v1 {
            if is_permitted(&member)? {
                self.v1.push(member);
            }
        }
        if self.v2.as_ref().map_or(Ok(false), is_permitted)? { Ok(self) } else { Ok(Self { v2: None, ..self }) }
    }

    /// Of a container that was made by `create_where_permitted`, say.
    pub fn where_it_exists(mut self) -> Self {
        self.v1.retain(|member| member.path.is_dir());
        self.v2 = self.v2.filter(|member| member.path.is_dir());
        self
    }

    /// For clone3's CLONE_INTO_CGROUP; None where v2 is not mounted.
    pub fn open_v2(&self) -> Result<Option<OwnedFd>> {
        let Some(path) = self.v2_path() else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        opened.map(Some).map_err(|errno| Error::Io { attempt: "open", path: path.to_owned(), source: errno.into() })
    }

    /// The cgroup below this one that a process of ours has moved to. One that has handed controllers on to cgroups below takes no
    /// process itself.
    pub fn open_v2_of(&self, pid: i32) -> Option<OwnedFd> {
        let member = self.v2.as_ref()?;
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let path = member.mount.join(text.lines().find_map(|line| line.strip_prefix("0::/"))?);
        let is_below = path.starts_with(&member.path) && path.components().all(|part| part != std::path::Component::ParentDir);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if is_below { rustix::fs::open(path, flags, Mode::empty()).ok() } else { None }
    }

    /// The doors of the v1 hierarchies, for a process to [`enter`] by itself; into v2 it is born (see `open_v2`). Memory comes last.
    pub fn open_doors(&self) -> Result<Vec<OwnedFd>> {
        let is_memory = |member: &&Membership| member.controllers.iter().any(|name| name == "memory");
        let (memory, others): (Vec<_>, Vec<_>) = self.v1.iter().partition(is_memory);
        others.into_iter().chain(memory).map(|member| open_door(member, V1_DOOR)).collect()
    }

    /// Moves the calling process, which has one thread, here wherever it is confined; hierarchies that hold it at their root are left
    /// alone, which saves most of the time.
    pub fn adopt_self(&self) -> Result<()> {
        let current = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let is_confined = |member: &&Membership| {
            let matches =
                |names: &str| member.controllers.first().map_or(names.is_empty(), |first| names.split(',').any(|name| name == first));
            current.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).any(|(names, path)| matches(names) && path != "/")
        };
        for member in self.members().filter(is_confined) {
            create_with_retries(member)?;
            let door = open_door(member, if member.controllers.is_empty() { V2_DOOR } else { V1_DOOR })?;
            enter(door.as_fd()).map_err(|errno| Error::Io { attempt: "enter", path: member.path.clone(), source: errno.into() })?;
        }
        Ok(())
    }

    /// Device rules first, limits after; returns what could not be done but does not matter to the container.
    pub fn apply(&self, resources: &oci::Resources) -> Result<Vec<String>> {
        self.apply_devices(&resources.devices)?;
        self.apply_limits(resources)
    }

    pub fn apply_devices(&self, rules: &[oci::DeviceRule]) -> Result<()> {
        if let Some(path) = self.v1_path("devices") {
            return devices::write_v1(path, rules);
        }
        self.v2_path().map_or(Ok(()), |path| device_program::attach(path, rules))
    }

    pub fn apply_limits(&self, resources: &oci::Resources) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        if self.v1.is_empty() {
            limits_v2::apply(self.v2_path(), resources, &mut warnings)?;
        } else {
            limits_v1::apply(self, resources, &mut warnings)?;
            limits_v2::apply_unified(self.v2_path(), &resources.unified)?;
        }
        Ok(warnings)
    }

    /// Every process in the cgroup and below.
    pub fn pids(&self) -> Result<Vec<i32>> {
        let preferred = self.v1_path("pids").or_else(|| self.v1_path("freezer")).or_else(|| self.v2_path());
        let Some(path) = preferred.or_else(|| self.v1.first().map(|member| member.path.as_path())) else { return Ok(Vec::new()) };
        let mut pids = Vec::new();
        collect_pids(path, &mut pids)?;
        pids.sort_unstable();
        Ok(pids)
    }

    /// Removes the cgroup and what is below, depth first; then, if nothing else is in them, the parent's `shims` and the parent.
    pub fn remove(&self) -> Result<()> {
        for member in self.members() {
            remove_tree(&member.path)?;
            if let Some(parent) = member.path.parent().filter(|parent| **parent != member.mount) {
                // Refused while in use, which is the point.
                let _ = std::fs::remove_dir(parent.join(SHIMS));
                let _ = std::fs::remove_dir(parent);
            }
        }
        Ok(())
    }
}

/// Name of the cgroup that shims live in, beside their containers.
pub const SHIMS: &str = "shims";

const SUBTREE_CONTROL: &str = "cgroup.subtree_control";

fn create_with_retries(member: &Membership) -> Result<()> {
    let mut attempt = 0;
    while let Err(error) = create_in(member) {
        attempt += 1;
        let vanished = matches!(&error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound);
        if !vanished || attempt == ATTEMPTS {
            return Err(error);
        }
    }
    Ok(())
}

fn create_in(member: &Membership) -> Result<()> {
    // Nearly always its ancestors are there, and fit to have it below them.
    let parent = member.path.parent().filter(|parent| parent.starts_with(&member.mount));
    let is_cpuset = member.controllers.iter().any(|name| name == "cpuset");
    if let Some(parent) = parent.filter(|parent| !member.controllers.is_empty() || has_all_controllers(parent, &member.mount)) {
        if std::fs::create_dir(&member.path).is_ok() && (!is_cpuset || copy_cpuset(parent, &member.path).is_ok_and(|done| done)) {
            return Ok(());
        }
    }
    let relative = member.path.strip_prefix(&member.mount).unwrap_or(&member.path);
    let mut directory = member.mount.clone();
    for part in relative.components() {
        let parent = directory.clone();
        directory.push(part);
        if member.controllers.is_empty() {
            enable_controllers(&parent);
        }
        match std::fs::create_dir(&directory) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Error::Io { attempt: "create", path: directory, source }),
        }
        // Also of one that was there: whoever made it may not have come to this yet, or was killed before it could.
        if is_cpuset {
            inherit_cpuset(&parent, &directory)?;
        }
    }
    Ok(())
}

/// Makes the parent's v2 controllers available below it. One that cannot be (the parent has processes of its own) is missed later, by the
/// limit that needs it.
fn enable_controllers(directory: &Path) {
    let enabled = enabled_controllers(directory);
    for controller in unified_controllers(directory).iter().filter(|controller| !enabled.contains(controller)) {
        let _ = files::try_write(&directory.join(SUBTREE_CONTROL), format!("+{controller}"));
    }
}

/// What is below has every controller there is.
fn has_all_controllers(directory: &Path, mount: &Path) -> bool {
    let enabled = enabled_controllers(directory);
    unified_controllers(mount).iter().all(|controller| enabled.contains(controller))
}

fn enabled_controllers(directory: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join(SUBTREE_CONTROL)).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// A v1 cpuset accepts no process before it has cpus and mems.
fn inherit_cpuset(parent: &Path, directory: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if files::read(&directory.join(file))?.trim().is_empty() {
            files::write(&directory.join(file), files::read(&parent.join(file))?.trim())?;
        }
    }
    Ok(())
}

/// False when the parent has none itself.
fn copy_cpuset(parent: &Path, directory: &Path) -> Result<bool> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let value = files::read(&parent.join(file))?;
        if value.trim().is_empty() {
            return Ok(false);
        }
        files::write(&directory.join(file), value.trim())?;
    }
    Ok(true)
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn collect_pids(directory: &Path, pids: &mut Vec<i32>) -> Result<()> {
    match files::ids(&directory.join("cgroup.procs")) {
        Ok(found) => pids.extend(found),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    children(directory).iter().try_for_each(|child| collect_pids(child, pids))
}

/// EBUSY means cgroups below, or a last process that is still on its way out, which is worth a short wait.
fn remove_tree(directory: &Path) -> Result<()> {
    let mut delay = Duration::from_millis(1);
    for attempt in 1.. {
        match std::fs::remove_dir(directory) {
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) if error.kind() == ErrorKind::ResourceBusy && attempt < ATTEMPTS => {
                let children = children(directory);
                if children.is_empty() {
                    std::thread::sleep(delay);
                    delay *= 2;
                }
                children.iter().try_for_each(|child| remove_tree(child))?;
            }
            Err(source) => return Err(Error::Io { attempt: "remove", path: directory.to_owned(), source }),
        }
    }
    Ok(())
}
