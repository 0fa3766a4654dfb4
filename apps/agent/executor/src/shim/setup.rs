//! From a fresh process to a container at its gate, with the server waiting for the report.

use super::events::{Events, READABLE, Token};
use super::keeper::{Keeper, Kept};
use super::supervised::{INIT, Input, Output, Stdio, Supervised, set_nonblocking};
use crate::exit_record;
use crate::failure::{Attempt, Result};
use crate::foreign::Runtime;
use crate::launch::{self, Request};
use crate::process::ProcessRef;
use crate::state::{CONFIG, Record, SHIM_LOG, SHIM_SOCKET, StateDir};
use json_log::{Log, Rotation};
use oci::NamespaceKind;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use sys::SignalFd;
use wire::{Answer, Code, ContainerLog, ContainerState, Create, Failure, Status};

/// Descriptors of a shim at birth: the server reads the report from one, and has written the plan to the other.
pub const REPORT_FD: i32 = 3;
pub const PLAN_FD: i32 = 4;

#[derive(Debug, Serialize, Deserialize)]
pub struct ShimPlan {
    pub root: PathBuf,
    /// The OCI runtime to call instead of doing it ourselves.
    pub runtime: Option<String>,
    pub create: Create,
}

pub fn run() -> std::process::ExitCode {
    let (Ok(report), Ok(plan)) = (sys::adopt(REPORT_FD), sys::adopt(PLAN_FD)) else {
        crate::report::say(format_args!("gantry-executor shim is started by the server alone"));
        return std::process::ExitCode::FAILURE;
    };
    let Some(plan) = read_plan(plan) else { return std::process::ExitCode::SUCCESS };
    let (answer, keeper) = match plan.and_then(set_up) {
        Ok((keeper, state)) => (Ok(state), Some(keeper)),
        Err(failure) => (Err(failure), None),
    };
    // The server may be gone; the container is there all the same.
    let json = serde_json::to_vec(&Answer::<ContainerState>::new(0, answer)).unwrap_or_default();
    let _ = std::fs::File::from(report).write_all(&json);
    let Some(mut keeper) = keeper else { return std::process::ExitCode::FAILURE };
    match keeper.run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            crate::report::say(format_args!("shim: {failure}"));
            std::process::ExitCode::FAILURE
        }
    }
}

/// None when the server has gone without a container for us. Not inlined: what it needs of the stack is given back.
#[inline(never)]
fn read_plan(plan: OwnedFd) -> Option<Result<ShimPlan>> {
    let mut json = Vec::new();
    if let Err(error) = std::fs::File::from(plan).read_to_end(&mut json) {
        return Some(Err(error).attempt("read the shim's plan"));
    }
    let parse = || serde_json::from_slice(&json).map_err(|error| Failure::bug(format!("parse the shim's plan: {error}")));
    (!json.is_empty()).then(parse)
}

/// Not inlined: what it needs of the stack is given back.
#[inline(never)]
fn set_up(plan: ShimPlan) -> Result<(Keeper, ContainerState)> {
    let state_dir = StateDir::open(&plan.root, &plan.create.container_id)?;
    sys::set_last_argument(plan.create.container_id.as_bytes());
    open_own_log(&state_dir)?;
    let created = create(state_dir, plan.create, plan.runtime);
    if let Err((state_dir, _)) = &created {
        // Nothing exists but the claim on the id.
        let _ = state_dir.remove();
    }
    created.map_err(|(_, failure)| failure)
}

/// What we have to say goes there from now on.
fn open_own_log(state_dir: &StateDir) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let log = rustix::fs::openat(&state_dir.fd, SHIM_LOG, flags, Mode::RUSR | Mode::WUSR).attempt("open the shim's log")?;
    rustix::stdio::dup2_stderr(&log).attempt("open the shim's log")
}

/// Hands the directory back on failure.
fn create(
    state_dir: StateDir,
    create: Create,
    runtime: Option<String>,
) -> std::result::Result<(Keeper, ContainerState), (StateDir, Failure)> {
    match try_create(&state_dir, &create, runtime) {
        Ok(parts) => {
            let (events, signals, listener, record, kept, init, log) = parts;
            let state = record.to_state_of(Status::Created);
            Ok((Keeper::new(events, signals, listener, state_dir, record, kept, init, log, create.stdin_once), state))
        }
        Err(failure) => Err((state_dir, failure)),
    }
}

type Parts = (Events, SignalFd, OwnedFd, Record, Kept, Supervised, Option<Log>);

fn try_create(state_dir: &StateDir, create: &Create, runtime: Option<String>) -> Result<Parts> {
    rustix::process::chdir("/").attempt("leave the server's directory")?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).attempt("become undumpable")?;
    // Daemons that a container without a pid namespace leaves behind become our children, not init's.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).attempt("become a subreaper")?;
    let _ = rustix::thread::set_name(c"gantry-shim");
    let bundle = Path::new(&create.bundle);
    let config_path = bundle.join(CONFIG);
    let json = std::fs::read(&config_path).attempt(format!("read {}", config_path.display()))?;
    let config = oci::Config::parse(&json)?;
    state_dir.write_config(&json)?;
    let rootfs = rootfs_path(bundle, &config, create)?;
    let mut record = Record::new(&create.container_id, bundle, &rootfs, &config);
    let own = ProcessRef::of(rustix::process::getpid().as_raw_nonzero().get());
    record.shim = Some(own);
    record.runtime = runtime;
    state_dir.write(&record)?;
    exit_record::reserve(&state_dir.fd)?;
    // Whoever started us may be ended with its whole cgroup.
    let shims = record.cgroup().sibling(cgroups::SHIMS);
    let leave = || shims.adopt_self().attempt("leave the server's cgroup");

    let signals = SignalFd::new().attempt("receive signals")?;
    let events = Events::new()?;
    let listener = listen(state_dir)?;
    let log = create.log.as_ref().map(open_log).transpose()?;
    let has_terminal = config.process.as_ref().is_some_and(|process| process.terminal);
    let kept = Kept {
        private_pids: config.linux.is_new(NamespaceKind::Pid),
        poststart_hooks: config.hooks.as_ref().is_some_and(|hooks| !hooks.poststart.is_empty()),
    };
    let mut stdio = Stdio::new(has_terminal, create.stdin)?;
    let request = Request {
        root: state_dir.root(),
        id: &create.container_id,
        config,
        bundle,
        rootfs: &rootfs,
        overlay: create.rootfs.clone(),
        networks: create.networks.clone(),
        stdio: stdio.borrowed(),
        fifo: None,
        preserve: &[],
        no_pivot: false,
        keep_keyring: false,
        meanwhile: &leave,
    };
    let launched = match &record.runtime {
        None => launch::launch(request)?,
        Some(program) => Runtime::new(program, state_dir, &create.container_id).create(request)?,
    };
    for warning in &launched.warnings {
        crate::report::say(format_args!("warning: {warning}"));
    }
    let pid = launched.child.pid.as_raw_nonzero().get();
    record.process = Some(ProcessRef::of(pid));
    let stored = state_dir.write(&record).and_then(|()| supervise(&events, launched, &mut stdio, create.stdin));
    let init = stored?;
    events.watch(&listener, Token::Listener, READABLE)?;
    events.watch(&signals, Token::Signals, READABLE)?;
    Ok((events, signals, listener, record, kept, init, log))
}

fn open_log(log: &ContainerLog) -> Result<Log> {
    let rotation = Rotation { max_bytes: log.max_size_bytes, max_files: log.max_files };
    Log::open(PathBuf::from(&log.path), rotation).attempt("open the container's log")
}

fn rootfs_path(bundle: &Path, config: &oci::Config, create: &Create) -> Result<PathBuf> {
    let configured = config.root.as_ref().map_or("", |root| root.path.as_str());
    let path = bundle.join(if configured.is_empty() { "rootfs" } else { configured });
    if create.rootfs.is_some() {
        std::fs::create_dir_all(&path).attempt(format!("create {}", path.display()))?;
    }
    Ok(path)
}

/// Binds through the descriptor of the directory: its path may be longer than a socket address.
fn listen(state_dir: &StateDir) -> Result<OwnedFd> {
    let what = "listen on the shim's socket";
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).attempt(what)?;
    let path = format!("/proc/self/fd/{}/{SHIM_SOCKET}", state_dir.fd.as_raw_fd());
    let address = SocketAddrUnix::new(path).attempt(what)?;
    rustix::net::bind(&socket, &address).attempt(what)?;
    rustix::net::listen(&socket, 64).attempt(what)?;
    Ok(socket)
}

fn supervise(events: &Events, mut launched: launch::Launched, stdio: &mut Stdio, has_stdin: bool) -> Result<Supervised> {
    let pidfd = launched.child.pidfd.try_clone().attempt("keep a handle on the container's process")?;
    let console = launched.console.take();
    let mut init = Supervised {
        id: "init".into(),
        pid: launched.child.pid.as_raw_nonzero().get(),
        pidfd,
        stdout: None,
        stderr: None,
        stdin: None,
        terminal: None,
        startup: Some(launched),
        exit: None,
        is_announced: false,
        closes_stdin: false,
    };
    let connected = match console {
        Some(console) => connect_terminal(events, &mut init, INIT, console, has_stdin),
        None => connect_pipes(events, &mut init, INIT, stdio),
    };
    if let Err(failure) = connected {
        if let Some(launched) = &init.startup {
            launched.kill();
        }
        return Err(failure);
    }
    Ok(init)
}

/// One descriptor for each direction: epoll knows a description by the descriptor it came with.
pub(super) fn connect_terminal(events: &Events, process: &mut Supervised, number: u32, console: OwnedFd, has_stdin: bool) -> Result<()> {
    set_nonblocking(console.as_fd())?;
    let duplicate = || console.try_clone().attempt("duplicate the terminal");
    if has_stdin {
        process.stdin = Some(Input::new(duplicate()?));
    }
    process.terminal = Some(duplicate()?);
    events.watch(&console, Token::Stdout(number), READABLE)?;
    process.stdout = Some(Output::new(console));
    Ok(())
}

pub(super) fn connect_pipes(events: &Events, process: &mut Supervised, number: u32, stdio: &mut Stdio) -> Result<()> {
    process.stdin = stdio.stdin.take().map(Input::new);
    for (fd, token, slot) in [
        (stdio.stdout.take(), Token::Stdout(number), &mut process.stdout),
        (stdio.stderr.take(), Token::Stderr(number), &mut process.stderr),
    ] {
        if let Some(fd) = fd {
            events.watch(&fd, token, READABLE)?;
            *slot = Some(Output::new(fd));
        }
    }
    Ok(())
}

pub(super) fn wrong_state(message: impl Into<String>) -> Failure {
    Failure::new(Code::WrongState, message)
}
