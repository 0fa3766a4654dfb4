//! The process that becomes the container's program: born in new namespaces from the sealed image, it builds the root file system,
//! waits at the gate, gives up its privileges and execs. `exec` processes share everything from the privileges on.

mod attributes;
mod cgroup_mount;
mod console;
mod copy_up;
pub(crate) mod credentials;
mod devices;
mod exec;
mod masks;
mod mounts;
pub(crate) mod network;
mod options;
pub(crate) mod overlay;
pub(crate) mod procfs;
mod program;
mod resolve;
mod root;

use crate::channel::{Channel, FromInit, ToInit};
use crate::failure::{Attempt, Result};
use crate::hooks;
use crate::plan::{CHANNEL_FD, DOORS_FD, EXTRA_FD, InitPlan, PLAN_FD, Plan, Role};
use oci::NamespaceKind;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::Mode;
use rustix::thread::ThreadNameSpaceType;
use wire::{Failure, Status};

/// Entry point of the role; returns only to exit.
pub fn run() -> std::process::ExitCode {
    let Ok(channel) = sys::adopt(CHANNEL_FD) else {
        crate::report::say(format_args!("gantry-executor init is started by create and exec alone"));
        return std::process::ExitCode::FAILURE;
    };
    // Out of the way of descriptors that the program is to inherit from 3 on.
    let channel = rustix::io::fcntl_dupfd_cloexec(&channel, FIRST_PRIVATE_FD).unwrap_or(channel);
    let channel = Channel::from_fd(channel);
    let Err(failure) = become_container(&channel);
    // If nobody listens any more there is nobody to tell.
    let _ = channel.send(&FromInit::Failed { failure });
    std::process::ExitCode::FAILURE
}

const FIRST_PRIVATE_FD: i32 = 200;

pub(crate) enum Never {}

fn become_container(channel: &Channel) -> std::result::Result<Never, Failure> {
    // Nobody inside may look at or trace us while we hold the host's privileges (CVE-2016-9962).
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).attempt("become undumpable")?;
    rustix::process::umask(Mode::empty());
    let mut plan = Plan::from_memfd(sys::adopt(PLAN_FD).attempt("open the plan")?)?;
    for door in 0..plan.doors {
        let door = sys::adopt(DOORS_FD + door).attempt("find the container's cgroup")?;
        cgroups::enter(door.as_fd()).attempt("enter the container's cgroup")?;
    }
    let role = std::mem::replace(&mut plan.role, Role::Exec { namespaces: 0 });
    match role {
        Role::Init(init) => {
            let gate = if init.gate_is_fifo { Some(sys::adopt(EXTRA_FD).attempt("open the exec fifo")?) } else { None };
            set_up(channel, &plan, &init, gate)
        }
        Role::Exec { namespaces } => {
            exec::enter(namespaces)?;
            exec::set_up(channel, &plan)
        }
    }
}

/// Attaches a mount at a path of the host, in this mount namespace.
pub(crate) fn attach_at(mount: rustix::fd::BorrowedFd, path: &std::path::Path) -> Result<()> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let place = rustix::fs::open(path, flags, Mode::empty()).attempt(format!("open {}", path.display()))?;
    mounts::attach(mount, place.as_fd())
}

pub(crate) fn warn(channel: &Channel, message: impl Into<String>) -> Result<()> {
    channel.send(&FromInit::Warning { message: message.into() })
}

fn set_up(channel: &Channel, plan: &Plan, init: &InitPlan, gate: Option<OwnedFd>) -> std::result::Result<Never, Failure> {
    let linux = &init.config.linux;
    rustix::process::setsid().attempt("start a session")?;
    join_mount_namespace(linux)?;
    if !plan.keep_keyring {
        if let Err(errno) = sys::join_session_keyring(c"_ses") {
            warn(channel, format!("no session keyring of its own: {errno}"))?;
        }
    }
    // Opened before the host's file system goes out of reach.
    let host = root::HostFiles::open(linux)?;
    let root = root::attach(init)?;
    if linux.is_new(NamespaceKind::Time) {
        enter_time_namespace(linux)?;
    }
    if linux.is_new(NamespaceKind::Cgroup) {
        sys::unshare_namespaces(NamespaceKind::Cgroup.clone_flag()).attempt("create a cgroup namespace")?;
    }
    init.config.mounts.iter().try_for_each(|mount| mounts::perform(&root, init, mount))?;
    await_placement(channel)?;
    network::configure(init, linux.is_new(NamespaceKind::Network))?;
    if init.config.hooks.as_ref().is_some_and(|hooks| !hooks.prestart.is_empty() || !hooks.create_runtime.is_empty()) {
        channel.send(&FromInit::Hooks)?;
        expect(channel, |message| matches!(message, ToInit::HooksDone))?;
    }
    devices::create(&root, init)?;
    if plan.process.terminal {
        console::attach(channel, &root, &plan.process)?;
    }
    if let Some(config) = init.config.hooks.as_ref().filter(|hooks| !hooks.create_container.is_empty()) {
        // As in runc, they find the root file system where they are.
        rustix::process::fchdir(root.as_fd()).attempt("enter the root file system")?;
        hooks::run_all("createContainer", &config.create_container, &init.state.as_seen_inside(Status::Created))?;
    }
    masks::apply(&root, linux, &host)?;
    root::enter(&root, init)?;
    set_host_names(init)?;
    procfs::apply_sysctls(&linux.sysctl)?;
    // As runc does: a working directory that the image lacks is made, before the root may become read-only.
    if !plan.process.cwd.trim_matches('/').is_empty() {
        resolve::ensure(root.as_fd(), &plan.process.cwd, resolve::Make::Directory)?;
    }
    root::seal(init)?;
    attributes::apply(&plan.process, linux, channel)?;
    credentials::drop_to_user(&plan.process, plan.user_namespace)?;
    let program = program::find(&plan.process)?;
    // A container may have less memory than set-up took.
    sys::malloc_trim();
    channel.send(&FromInit::Ready)?;
    await_gate(channel, gate)?;
    program::execute(channel, plan, program, || {
        let Some(config) = &init.config.hooks else { return Ok(()) };
        hooks::run_all("startContainer", &config.start_container, &init.state.as_seen_inside(Status::Created))
    })
}

fn join_mount_namespace(linux: &oci::Linux) -> Result<()> {
    let Some(namespace) = linux.namespace(NamespaceKind::Mount).filter(|namespace| !namespace.path.is_empty()) else { return Ok(()) };
    let fd = rustix::fs::open(&*namespace.path, rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC, Mode::empty())
        .attempt(format!("open mount namespace {}", namespace.path))?;
    rustix::thread::move_into_thread_name_spaces(fd.as_fd(), ThreadNameSpaceType::MOUNT)
        .attempt(format!("join mount namespace {}", namespace.path))
}

/// Offsets can be set only while a time namespace has no process, so it is made for children first and entered after.
fn enter_time_namespace(linux: &oci::Linux) -> Result<()> {
    sys::unshare_namespaces(NamespaceKind::Time.clone_flag()).attempt("create a time namespace")?;
    let lines: String = linux.time_offsets.iter().map(|(clock, offset)| format!("{clock} {} {}\n", offset.secs, offset.nanosecs)).collect();
    if !lines.is_empty() {
        procfs::Procfs::open()?.write("self/timens_offsets", lines.as_bytes())?;
    }
    let fd = procfs::Procfs::open()?.open_namespace("self", "time_for_children")?;
    rustix::thread::move_into_thread_name_spaces(fd.as_fd(), ThreadNameSpaceType::TIME).attempt("enter the time namespace")
}

fn set_host_names(init: &InitPlan) -> Result<()> {
    let config = &init.config;
    if !config.hostname.is_empty() {
        rustix::system::sethostname(config.hostname.as_bytes()).attempt("set the host name")?;
    }
    if !config.domainname.is_empty() {
        rustix::system::setdomainname(config.domainname.as_bytes()).attempt("set the domain name")?;
    }
    Ok(())
}

fn expect(channel: &Channel, is_wanted: impl Fn(&ToInit) -> bool) -> Result<()> {
    match channel.receive::<ToInit>()? {
        Some((message, _)) if is_wanted(&message) => Ok(()),
        Some((message, _)) => Err(Failure::bug(format!("unexpected {message:?}"))),
        None => Err(Failure::failed("the process that creates this container is gone")),
    }
}

fn await_placement(channel: &Channel) -> Result<()> {
    expect(channel, |message| matches!(message, ToInit::Placed))
}

fn await_gate(channel: &Channel, fifo: Option<OwnedFd>) -> Result<()> {
    let Some(fifo) = fifo else { return expect(channel, |message| matches!(message, ToInit::Start)) };
    let mut byte = [0u8; 1];
    loop {
        let mut waiting = [rustix::event::PollFd::new(&fifo, rustix::event::PollFlags::IN)];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut waiting, None)).attempt("wait at the exec fifo")?;
        match rustix::io::read(&fifo, &mut byte) {
            Ok(1) => return Ok(()),
            // A writer that came and left without a byte, or a spurious wake-up.
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => std::thread::sleep(std::time::Duration::from_millis(1)),
            Err(errno) => return Err(errno).attempt("read the exec fifo"),
        }
    }
}
