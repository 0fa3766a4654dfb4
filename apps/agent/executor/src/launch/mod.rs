//! The starter's side of a container's birth, shared by shims and the command line: cgroup, clone, interfaces, hooks, limits. What runs
//! inside is in [`crate::init`].

mod exec;
mod id_maps;
mod limits;
mod listener;
mod namespaces;
mod network;

pub use exec::{ExecRequest, begin_exec};
pub use id_maps::id_map_namespace;
pub use listener::send_seccomp_listener;
pub use network::{attach_interface, attach_networks, configure_inside};

use crate::channel::{Channel, FromInit, ToInit};
use crate::failure::{Attempt, Result};
use crate::hooks;
use crate::oci_state::OciState;
use crate::plan::{CHANNEL_FD, DOORS_FD, EXTRA_FD, InitPlan, PLAN_FD, PRESERVED_FD, Plan, Role};
use cgroups::{Cgroup, Hierarchies};
use oci::{Config, ConfigError, NamespaceKind, Resources};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::ffi::CString;
use std::path::Path;
use std::time::Duration;
use sys::{Child, IdMapGate, Image, Spawn};
use wire::{Failure, NetworkAttachment, OverlayRootfs, Status};

pub struct Request<'a> {
    /// Of the state of all containers: compiled filters are kept there.
    pub root: &'a Path,
    pub id: &'a str,
    pub config: Config,
    pub bundle: &'a Path,
    pub rootfs: &'a Path,
    pub overlay: Option<OverlayRootfs>,
    pub networks: Vec<NetworkAttachment>,
    pub stdio: [BorrowedFd<'a>; 3],
    /// The reading end of the exec FIFO, when `start` will come from another process by name.
    pub fifo: Option<BorrowedFd<'a>>,
    /// First number and count of descriptors of ours that the program inherits from 3 on.
    pub preserve: &'a [BorrowedFd<'a>],
    pub no_pivot: bool,
    pub keep_keyring: bool,
    /// Called while the container's process sets itself up.
    pub meanwhile: &'a dyn Fn() -> Result<()>,
}

/// A container that waits at its gate.
#[derive(Debug)]
pub struct Launched {
    pub child: Child,
    pub channel: Channel,
    /// The controlling end of the terminal, if the process has one.
    pub console: Option<OwnedFd>,
    pub cgroup: Cgroup,
    pub warnings: Vec<String>,
    pub seccomp_listener: Option<OwnedFd>,
    /// Of a container that another runtime has made.
    pub gate: Option<crate::foreign::Gate>,
}

/// A stuck mount or hook without a limit of its own fails the creation in the end.
const SET_UP_LIMIT: Duration = Duration::from_secs(300);

pub fn launch(request: Request) -> Result<Launched> {
    let mut config = request.config;
    let process = config.process.take().ok_or_else(|| ConfigError::invalid("process", "is missing"))?;
    let program = config.linux.seccomp.as_ref().map(|profile| seccomp::compile_cached(request.root, profile)).transpose()?;
    config.linux.seccomp = None;
    let resources = config.linux.resources.take().unwrap_or_default();
    let rlimits = limits::parse_rlimits(&process.rlimits)?;
    namespaces::check(&config.linux)?;
    let state = OciState::new(request.id, &request.bundle.to_string_lossy(), &config.annotations);
    let hierarchies = Hierarchies::detect();
    let mut cgroup = hierarchies.cgroup(&config.linux.cgroups_path, request.id);
    let shared = check_found(&cgroup)?;
    if !rustix::process::geteuid().is_root() && config.linux.cgroups_path.is_empty() {
        // As runc: an ordinary user who asks for no certain cgroup does without where none may be made.
        cgroup = cgroup.create_where_permitted().attempt("create the container's cgroup")?;
        let limits = Resources { devices: Vec::new(), ..resources.clone() };
        if limits != Resources::default() && !cgroup.exists() {
            return Err(ConfigError::unsupported("linux.resources", "this user may make no cgroup to limit the container by").into());
        }
    } else {
        cgroup.create().attempt("create the container's cgroup")?;
    }
    let mut undo = Undo { cgroup: cgroup.clone(), child: None, armed: true };
    cgroup.apply_devices(&resources.devices).attempt("limit the container's devices")?;
    let mut warnings = cgroup.apply_limits(&limits::before_birth(&resources)).attempt("limit the container")?;
    warnings.extend(shared);

    let doors = cgroup.open_doors().attempt("find the container's cgroup")?;
    let plan = Plan {
        doors: doors.len() as i32,
        user_namespace: config.linux.namespace(NamespaceKind::User).is_some(),
        keep_keyring: request.keep_keyring,
        preserve_fds: request.preserve.len() as i32,
        seccomp_flags: program.as_ref().map_or(0, |program| program.flags),
        filter: program.map(|program| program.filter).unwrap_or_default(),
        process,
        role: Role::Init(Box::new(InitPlan {
            bundle: request.bundle.to_string_lossy().into_owned(),
            rootfs: request.rootfs.to_string_lossy().into_owned(),
            overlay: request.overlay,
            networks: request.networks,
            cgroups: cgroup_directories(&cgroup),
            gate_is_fifo: request.fifo.is_some(),
            no_pivot: request.no_pivot,
            state: state.clone(),
            config,
        })),
    };
    let (channel, theirs) = Channel::pair()?;
    let birth = Birth {
        plan: &plan,
        channel: &theirs,
        stdio: request.stdio,
        extra: request.fifo,
        preserve: request.preserve,
        cgroup: cgroup.open_v2().attempt("find the container's cgroup")?,
        cgroup_when_busy: &|| None,
        doors: &doors,
    };
    let Role::Init(init) = &plan.role else { return Err(Failure::bug("a plan changed its role")) };
    let child = birth.give(&init.config.linux)?;
    drop(theirs);
    undo.child = Some((child.pid, child.pidfd.try_clone().attempt("keep a handle on the child")?));
    let mut launched = Launched { child, channel, console: None, cgroup, warnings: Vec::new(), seccomp_listener: None, gate: None };
    let placed = launched.place(init, &rlimits, request.meanwhile);
    placed.map_err(|failure| launched.own_failure().unwrap_or(failure))?;
    launched.await_ready(|pid| {
        let Some(hooks) = &init.config.hooks else { return Ok(()) };
        let json = state.to_json(Status::Creating, pid);
        hooks::run_all("prestart", &hooks.prestart, &json)?;
        hooks::run_all("createRuntime", &hooks.create_runtime, &json)
    })?;
    let pid = launched.child.pid;
    warnings.extend(limits::apply_oom_score(pid, plan.process.oom_score_adj)?);
    limits::apply_memory(&launched.cgroup, &resources)?;
    launched.warnings.extend(warnings);
    undo.armed = false;
    Ok(launched)
}

/// A cgroup that was there before its container may hold others' processes, which is a warning. A frozen one would never let ours in.
fn check_found(cgroup: &Cgroup) -> Result<Option<String>> {
    if !cgroup.exists() {
        return Ok(None);
    }
    if cgroup.is_frozen() {
        return Err(Failure::new(wire::Code::WrongState, "container's cgroup unexpectedly frozen"));
    }
    let found = cgroup.pids().attempt("look into the container's cgroup")?.len();
    Ok((found > 0).then(|| format!("container's cgroup is not empty: {found} processes found")))
}

/// (directory name below /sys/fs/cgroup, host path) for the container's cgroup mount.
fn cgroup_directories(cgroup: &Cgroup) -> Vec<(String, String)> {
    let name = |controllers: &[String], mount: &Path| {
        if controllers.is_empty() { String::new() } else { mount.file_name().unwrap_or_default().to_string_lossy().into_owned() }
    };
    cgroup.directories().map(|(names, mount, path)| (name(names, mount), path.to_string_lossy().into_owned())).collect()
}

/// What a process is born with.
struct Birth<'a> {
    plan: &'a Plan,
    channel: &'a Channel,
    stdio: [BorrowedFd<'a>; 3],
    extra: Option<BorrowedFd<'a>>,
    preserve: &'a [BorrowedFd<'a>],
    /// Of v2, where there is one.
    cgroup: Option<OwnedFd>,
    /// Where to be born instead when that one takes no process, since it has handed controllers on to cgroups below.
    cgroup_when_busy: &'a dyn Fn() -> Option<OwnedFd>,
    doors: &'a [OwnedFd],
}

impl Birth<'_> {
    /// Into the namespaces of a new container.
    fn give(&self, linux: &oci::Linux) -> Result<Child> {
        let joined = namespaces::Joined::enter(linux)?;
        let flags = namespaces::flags_at_birth(linux);
        if !linux.is_new(NamespaceKind::User) {
            let child = self.spawn(flags, None)?;
            joined.leave()?;
            return Ok(child);
        }
        let (read_end, write_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).attempt("create a pipe")?;
        let gate = IdMapGate { read_end: read_end.as_fd(), write_end: write_end.as_fd() };
        let child = self.spawn(flags, Some(gate))?;
        joined.leave()?;
        id_maps::write(child.pid, &linux.uid_mappings, &linux.gid_mappings)?;
        rustix::io::write(&write_end, b"!").attempt("let the container's process go on")?;
        Ok(child)
    }

    fn spawn(&self, flags: u64, id_map_gate: Option<IdMapGate>) -> Result<Child> {
        let sealed = crate::sealed::sealed_once()?;
        let memory = self.plan.to_memfd()?;
        let argv = [c"gantry-executor", c"init"].map(CString::from);
        let image = Image::new(sealed.as_fd(), &argv, &[]);
        let mut fds: Vec<(BorrowedFd, RawFd)> = self.stdio.into_iter().zip(0..).collect();
        fds.extend([(self.channel.as_fd(), CHANNEL_FD), (memory.as_fd(), PLAN_FD)]);
        fds.extend(self.extra.map(|fd| (fd, EXTRA_FD)));
        fds.extend(self.preserve.iter().copied().zip(PRESERVED_FD..));
        fds.extend(self.doors.iter().map(AsFd::as_fd).zip(DOORS_FD..));
        let start = |cgroup: Option<&OwnedFd>, id_map_gate| {
            let cgroup = cgroup.map(AsFd::as_fd);
            Spawn { image: &image, flags, cgroup, fds: &fds, id_map_gate, new_session: false }.start()
        };
        let mut started = start(self.cgroup.as_ref(), id_map_gate);
        if started.as_ref().is_err_and(|errno| *errno == rustix::io::Errno::BUSY) {
            if let Some(other) = (self.cgroup_when_busy)() {
                started = start(Some(&other), None);
            }
        }
        started.attempt("start the container's process")
    }
}

impl Launched {
    /// What the starter does for a process that is setting itself up meanwhile.
    fn place(&mut self, init: &InitPlan, rlimits: &limits::Rlimits, meanwhile: &dyn Fn() -> Result<()>) -> Result<()> {
        let pid = self.child.pid;
        network::attach_all(&init.networks, &init.config.linux, pid)?;
        meanwhile()?;
        // While the child is still root: limits of another user's process are CAP_SYS_RESOURCE's to change, which we may not have.
        self.warnings.extend(limits::apply_rlimits(pid, rlimits)?);
        self.channel.send(&ToInit::Placed)
    }

    /// What a process that is gone already has left word of; that is why placing it failed.
    fn own_failure(&self) -> Option<Failure> {
        loop {
            if let (FromInit::Failed { failure }, _) = self.channel.receive_pending::<FromInit>().ok()?? {
                return Some(failure);
            }
        }
    }

    /// Serves the process until it stands at its gate (or, for exec, has become its program: then the channel just ends).
    pub(crate) fn await_ready(&mut self, run_hooks: impl Fn(i32) -> Result<()>) -> Result<()> {
        loop {
            let Some((message, fd)) = self.channel.receive_within::<FromInit>(SET_UP_LIMIT)? else { return Err(self.explain_death()) };
            match message {
                FromInit::Ready => return Ok(()),
                FromInit::Hooks => {
                    run_hooks(self.child.pid.as_raw_nonzero().get())?;
                    self.channel.send(&ToInit::HooksDone)?;
                }
                other => self.take(other, fd)?,
            }
        }
    }

    /// Takes one message, which must be there; true when the program runs, which closes the channel.
    pub fn advance(&mut self) -> Result<bool> {
        let Some((message, fd)) = self.channel.receive::<FromInit>()? else { return Ok(true) };
        self.take(message, fd).map(|()| false)
    }

    /// Returns when the program runs. A seccomp listener is passed on at once: the program's first system call may wait for the answer.
    pub fn await_exec_and_listener(&mut self, config: &Config, record: &crate::state::Record, pid: i32) -> Result<()> {
        while let Some((message, fd)) = self.channel.receive_within::<FromInit>(SET_UP_LIMIT)? {
            self.take(message, fd)?;
            if let Some(listener) = self.seccomp_listener.take() {
                send_seccomp_listener(config, record, listener.as_fd(), pid)?;
            }
        }
        Ok(())
    }

    pub fn open_gate(&self) -> Result<()> {
        if let Some(gate) = &self.gate {
            return gate.open();
        }
        self.channel.send(&ToInit::Start)
    }

    /// Ends a process that never became its program.
    pub fn kill(&self) {
        // It may be gone already, which is as good.
        let _ = pidfd_send_signal(&self.child.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.child.pidfd.as_fd()), WaitIdOptions::EXITED);
    }

    fn take(&mut self, message: FromInit, fd: Option<OwnedFd>) -> Result<()> {
        match message {
            FromInit::Console => self.console = fd,
            FromInit::SeccompListener => self.seccomp_listener = fd,
            FromInit::Warning { message } => self.warnings.push(message),
            FromInit::Failed { failure } => return Err(failure),
            FromInit::Ready | FromInit::Hooks => return Err(Failure::bug("a start-up message out of turn")),
        }
        Ok(())
    }

    fn explain_death(&self) -> Failure {
        let status = waitid(WaitId::PidFd(self.child.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok().flatten();
        let how =
            status.and_then(|status| status.terminating_signal()).map_or("ended".into(), |signal| format!("was killed by signal {signal}"));
        let why = if self.cgroup.oom_kills() > 0 { ": its memory limit is too low" } else { "" };
        Failure::failed(format!("the container's first process {how} during set-up{why}"))
    }
}

/// Takes back what a failed launch has made.
struct Undo {
    cgroup: Cgroup,
    child: Option<(rustix::process::Pid, OwnedFd)>,
    armed: bool,
}

impl Drop for Undo {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Some((_, pidfd)) = &self.child {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
            let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
        }
        // The failure that brought us here is the one to report.
        let _ = self.cgroup.remove();
    }
}
