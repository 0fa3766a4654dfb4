//! A further process in a running container, from the starter's side.

use super::{Birth, Launched, limits, namespaces};
use crate::channel::{Channel, ToInit};
use crate::failure::{Attempt, Result};
use crate::plan::{Plan, Role};
use crate::process::pid_of;
use cgroups::Cgroup;
use oci::{Config, NamespaceKind, Process};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use std::path::Path;
use wire::Failure;

pub struct ExecRequest<'a> {
    pub root: &'a Path,
    pub config: &'a Config,
    pub cgroup: Cgroup,
    /// Handle on the container's first process.
    pub container: BorrowedFd<'a>,
    pub process: Process,
    pub stdio: [BorrowedFd<'a>; 3],
    pub preserve: &'a [BorrowedFd<'a>],
    pub keep_keyring: bool,
}

/// Returns when the process is on its way to its program; [`Launched::advance`] or [`Launched::await_exec`] tell how that ends.
pub fn begin_exec(request: ExecRequest) -> Result<Launched> {
    let linux = &request.config.linux;
    let is_rootless = !rustix::process::geteuid().is_root();
    let program = linux.seccomp.as_ref().map(|profile| seccomp::compile_cached(request.root, profile)).transpose()?;
    let cgroup = if is_rootless { request.cgroup.where_it_exists() } else { request.cgroup };
    let rlimits = limits::parse_rlimits(&request.process.rlimits)?;
    let doors = cgroup.open_doors().attempt("find the container's cgroup")?;
    let mut flags = namespaces::flags_to_enter(linux);
    if is_rootless && linux.namespace(NamespaceKind::User).is_some() {
        // Its owner has a user namespace's privileges only inside, and a process can enter it once. There is no way back: this is a command.
        enter_for_good(request.container)?;
        flags &= !NamespaceKind::User.clone_flag();
    }
    let plan = Plan {
        doors: doors.len() as i32,
        user_namespace: linux.namespace(NamespaceKind::User).is_some(),
        keep_keyring: request.keep_keyring,
        preserve_fds: request.preserve.len() as i32,
        seccomp_flags: program.as_ref().map_or(0, |program| program.flags),
        filter: program.map(|program| program.filter).unwrap_or_default(),
        process: request.process,
        role: Role::Exec { namespaces: flags },
    };
    let (channel, theirs) = Channel::pair()?;
    let home = enter_pid_namespace(linux, request.container)?.filter(|_| !is_rootless);
    let birth = Birth {
        plan: &plan,
        channel: &theirs,
        stdio: request.stdio,
        extra: Some(request.container),
        preserve: request.preserve,
        cgroup: cgroup.open_v2().attempt("find the process's cgroup")?,
        // Where the container's first process has gone, as systemd and engines inside containers do.
        cgroup_when_busy: &|| cgroup.open_v2_of(pid_of(request.container)?),
        doors: &doors,
    };
    let child = birth.spawn(0, None);
    if let Some(home) = home {
        enter(home.as_fd()).attempt("return to our pid namespace")?;
    }
    let child = child.map_err(|failure| Failure { message: format!("{}: is the container stopping?", failure.message), ..failure })?;
    drop(theirs);
    let mut launched =
        Launched { child, channel, console: None, cgroup: cgroup.clone(), warnings: Vec::new(), seccomp_listener: None, gate: None };
    let started = place(&mut launched, &plan, &rlimits);
    if let Err(failure) = started {
        launched.kill();
        return Err(failure);
    }
    Ok(launched)
}

fn place(launched: &mut Launched, plan: &Plan, rlimits: &[(rustix::process::Resource, rustix::process::Rlimit)]) -> Result<()> {
    let pid = launched.child.pid;
    launched.warnings.extend(limits::apply_rlimits(pid, rlimits)?);
    launched.warnings.extend(limits::apply_oom_score(pid, plan.process.oom_score_adj)?);
    launched.channel.send(&ToInit::Placed)
}

/// Makes our children members of the container's pid namespace; returns the way back.
fn enter_pid_namespace(linux: &oci::Linux, container: BorrowedFd) -> Result<Option<OwnedFd>> {
    if linux.namespace(NamespaceKind::Pid).is_none() {
        return Ok(None);
    }
    let home = rustix::fs::open("/proc/self/ns/pid", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt("open our pid namespace")?;
    enter(container).attempt("enter the container's pid namespace")?;
    Ok(Some(home))
}

fn enter_for_good(container: BorrowedFd) -> Result<()> {
    move_into_thread_name_spaces(container, ThreadNameSpaceType::USER).attempt("enter the container's user namespace")
}

fn enter(namespace: BorrowedFd) -> std::result::Result<(), rustix::io::Errno> {
    // A pid namespace of our own has pid_for_children in it, not us: this affects children alone.
    move_into_thread_name_spaces(namespace, ThreadNameSpaceType::PROCESS_ID)
}
