//! Which namespaces a container is born into, and which it joins.

use crate::failure::{Attempt, Result};
use oci::{ConfigError, Linux, NamespaceKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

/// Kinds that init makes itself: a cgroup namespace shows what is above it as its root, so it comes after the cgroup; a time
/// namespace's offsets are set before anybody is in it.
const MADE_LATER: [NamespaceKind; 2] = [NamespaceKind::Cgroup, NamespaceKind::Time];

/// Kinds that the starter enters for the moment of birth. A mount namespace is joined by init, after its exec.
const JOINED_AT_BIRTH: [NamespaceKind; 6] =
    [NamespaceKind::Network, NamespaceKind::Ipc, NamespaceKind::Uts, NamespaceKind::Pid, NamespaceKind::Cgroup, NamespaceKind::Time];

pub fn check(linux: &Linux) -> Result<()> {
    if linux.namespace(NamespaceKind::User).is_some_and(|namespace| !namespace.path.is_empty()) {
        return Err(ConfigError::unsupported("linux.namespaces", "joining a user namespace by path is not supported").into());
    }
    Ok(())
}

pub fn flags_at_birth(linux: &Linux) -> u64 {
    let is_made_now = |kind: &NamespaceKind| linux.is_new(*kind) && !MADE_LATER.contains(kind);
    NamespaceKind::ALL.into_iter().filter(is_made_now).fold(0, |flags, kind| flags | kind.clone_flag())
}

/// Flags of everything `exec` must enter, but the pid namespace, which a child is born into.
pub fn flags_to_enter(linux: &Linux) -> u64 {
    let own = linux.namespaces.iter().filter(|namespace| namespace.kind != NamespaceKind::Pid);
    own.fold(0, |flags, namespace| flags | namespace.kind.clone_flag())
}

/// The starter's stay in namespaces that its next child shall inherit.
#[must_use]
pub struct Joined(Vec<(NamespaceKind, OwnedFd)>);

fn open(path: &str) -> std::result::Result<OwnedFd, rustix::io::Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

fn enter(fd: &OwnedFd, kind: NamespaceKind) -> std::result::Result<(), rustix::io::Errno> {
    move_into_thread_name_spaces(fd.as_fd(), ThreadNameSpaceType::from_bits_retain(kind.clone_flag() as u32))
}

impl Joined {
    pub fn enter(linux: &Linux) -> Result<Self> {
        let mut joined = Self(Vec::new());
        for kind in JOINED_AT_BIRTH {
            let Some(namespace) = linux.namespace(kind).filter(|namespace| !namespace.path.is_empty()) else { continue };
            let what = format!("join {} namespace {}", kind.proc_name(), namespace.path);
            let home = open(&format!("/proc/self/ns/{}", kind.proc_name())).attempt(&what)?;
            let target = open(&namespace.path).attempt(&what)?;
            enter(&target, kind).attempt(&what)?;
            joined.0.push((kind, home));
        }
        Ok(joined)
    }

    /// Back home. Not being able to return would leave the starter in a container: better that it ends.
    pub fn leave(self) -> Result<()> {
        self.0.iter().try_for_each(|(kind, home)| enter(home, *kind).attempt(format!("return to our {} namespace", kind.proc_name())))
    }
}
