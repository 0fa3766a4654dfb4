//! create, start, run.

use super::arguments::{Arguments, unexpected};
use super::{Global, console, foreground};
use crate::clock;
use crate::container;
use crate::failure::{Attempt, Result};
use crate::hooks;
use crate::launch::{self, Launched, Request};
use crate::oci_state::OciState;
use crate::plan::MAX_PRESERVED;
use crate::process::ProcessRef;
use crate::state::{CONFIG, EXEC_FIFO, Record, StateDir};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::{Code, Failure, Status};

#[derive(Default)]
struct Options {
    bundle: Option<PathBuf>,
    /// crun's: a configuration outside the bundle.
    config: Option<PathBuf>,
    console_socket: Option<PathBuf>,
    pidfd_socket: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    no_pivot: bool,
    no_new_keyring: bool,
    preserve_fds: u32,
    detach: bool,
    keep: bool,
}

fn parse(arguments: &mut Arguments, is_run: bool) -> Result<(Options, String)> {
    let mut options = Options::default();
    let id = arguments.container_id_among(|arguments, option| {
        match option {
            "bundle" | "b" => options.bundle = Some(arguments.value()?.into()),
            "config" | "f" => options.config = Some(arguments.value()?.into()),
            "console-socket" => options.console_socket = Some(arguments.value()?.into()),
            "pidfd-socket" => options.pidfd_socket = Some(arguments.value()?.into()),
            "pid-file" => options.pid_file = Some(arguments.value()?.into()),
            "no-pivot" => options.no_pivot = true,
            "no-new-keyring" => options.no_new_keyring = true,
            "preserve-fds" => options.preserve_fds = arguments.number()?,
            "detach" | "d" if is_run => options.detach = true,
            "keep" if is_run => options.keep = true,
            // Somebody else collects orphans of the container.
            "no-subreaper" if is_run => {}
            other => return Err(unexpected(other)),
        }
        Ok(())
    })?;
    Ok((options, id))
}

/// A container at its gate, and all that belongs to it.
struct Created {
    state_dir: StateDir,
    record: Record,
    config: oci::Config,
    launched: Launched,
}

pub fn create(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let (options, id) = parse(arguments, false)?;
    prepare(global, &options, &id, true).map(drop)
}

pub fn run(global: &Global, arguments: &mut Arguments) -> Result<ExitCode> {
    let (options, id) = parse(arguments, true)?;
    let mut created = prepare(global, &options, &id, options.detach)?;
    let started = begin(&mut created);
    let code = match started {
        Err(failure) => Err(failure),
        Ok(()) if options.detach => return Ok(ExitCode::SUCCESS),
        Ok(()) => foreground::attend(&mut created.launched),
    };
    if !options.keep {
        drop(created.state_dir);
        container::delete(&global.root, &id, true)?;
    }
    code
}

fn begin(created: &mut Created) -> Result<()> {
    created.record.started_at = Some(clock::now());
    created.state_dir.write(&created.record)?;
    created.launched.open_gate()?;
    let pid = created.launched.child.pid.as_raw_nonzero().get();
    created.launched.await_exec_and_listener(&created.config, &created.record, pid)?;
    poststart(&created.record, &created.config)
}

fn poststart(record: &Record, config: &oci::Config) -> Result<()> {
    let Some(hooks) = config.hooks.as_ref().filter(|hooks| !hooks.poststart.is_empty()) else { return Ok(()) };
    let state = OciState::new(&record.id, &record.bundle, &record.annotations);
    let run =
        hooks::run_all("poststart", &hooks.poststart, &state.to_json(Status::Running, record.process.map_or(0, |process| process.pid)));
    if run.is_err() {
        container::kill(record, rustix::process::Signal::KILL.as_raw(), false)?;
    }
    run
}

fn prepare(global: &Global, options: &Options, id: &str, is_detached: bool) -> Result<Created> {
    let bundle = match &options.bundle {
        Some(bundle) => bundle.canonicalize().attempt(format!("find bundle {}", bundle.display()))?,
        None => std::env::current_dir().attempt("find the current directory")?,
    };
    let config_path = options.config.clone().unwrap_or_else(|| bundle.join(CONFIG));
    let json = std::fs::read(&config_path).attempt(format!("open {}", config_path.display()))?;
    let mut config = oci::Config::parse(&json)?;
    if global.systemd_cgroup {
        config.linux.cgroups_path = systemd_path(&config.linux.cgroups_path, id);
    }
    let has_terminal = config.process.as_ref().is_some_and(|process| process.terminal);
    match (&options.console_socket, has_terminal) {
        (Some(_), false) => return Err(Failure::new(Code::Invalid, "cannot use console socket if process.terminal is false")),
        (None, true) if is_detached => {
            return Err(Failure::new(Code::Invalid, "cannot allocate a terminal for a detached container without a console socket"));
        }
        _ => {}
    }
    let state_dir = StateDir::create(&global.root, id)?;
    let created = prepare_in(global, options, id, is_detached, &bundle, config, &json, &state_dir);
    match created {
        Ok((record, config, launched)) => Ok(Created { state_dir, record, config, launched }),
        Err(failure) => {
            let _ = state_dir.remove();
            Err(failure)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one step of prepare, split off for its error path")]
fn prepare_in(
    global: &Global,
    options: &Options,
    id: &str,
    is_detached: bool,
    bundle: &Path,
    config: oci::Config,
    json: &[u8],
    state_dir: &StateDir,
) -> Result<(Record, oci::Config, Launched)> {
    let rootfs = bundle.join(config.root.as_ref().map_or("rootfs", |root| root.path.as_str()));
    let mut record = Record::new(id, bundle, &rootfs, &config);
    state_dir.write_config(json)?;
    state_dir.write(&record)?;
    // `run` keeps the channel open itself; after `create` only the name in the state directory remains.
    let needs_fifo = is_detached && !options.detach;
    let fifo = if needs_fifo { Some(make_fifo(state_dir)?) } else { None };
    let has_terminal = config.process.as_ref().is_some_and(|process| process.terminal);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null")?;
    let stdio = if has_terminal { [null.as_fd(); 3] } else { [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] };
    let preserved = preserved_fds(options.preserve_fds)?;
    let preserve: Vec<BorrowedFd> = preserved.iter().map(AsFd::as_fd).collect();
    if !is_detached {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).attempt("become a subreaper")?;
    }
    let launched = launch::launch(Request {
        root: &global.root,
        id,
        config: config.clone(),
        bundle,
        rootfs: &rootfs,
        overlay: None,
        networks: Vec::new(),
        stdio,
        fifo: fifo.as_ref().map(AsFd::as_fd),
        preserve: &preserve,
        no_pivot: options.no_pivot,
        keep_keyring: options.no_new_keyring,
        meanwhile: &|| Ok(()),
    })?;
    let pid = launched.child.pid.as_raw_nonzero().get();
    record.process = Some(ProcessRef::of(pid));
    let settled = settle(global, options, &launched, state_dir, &record, !needs_fifo);
    if settled.is_err() {
        launched.kill();
        let _ = record.cgroup().remove();
    }
    settled.map(|()| (record, config, launched))
}

/// What callers rely on when `create` returns; `run` writes the record in a moment anyway, before the program can run.
fn settle(
    global: &Global,
    options: &Options,
    launched: &Launched,
    state_dir: &StateDir,
    record: &Record,
    is_started_next: bool,
) -> Result<()> {
    for warning in &launched.warnings {
        global.logger.warning(warning);
    }
    if !is_started_next {
        state_dir.write(record)?;
    }
    if let (Some(socket), Some(controller)) = (&options.console_socket, &launched.console) {
        console::send(socket, controller.as_fd())?;
    }
    if let Some(socket) = &options.pidfd_socket {
        console::send(socket, launched.child.pidfd.as_fd())?;
    }
    write_pid_file(options.pid_file.as_deref(), launched.child.pid)?;
    global.logger.debug(&format!("created container {}", record.id));
    Ok(())
}

/// In one step: a reader never sees a half-written number.
pub fn write_pid_file(path: Option<&Path>, pid: rustix::process::Pid) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let what = format!("write {}", path.display());
    let fresh = path.with_file_name(format!(".{}.new", path.file_name().unwrap_or_default().to_string_lossy()));
    std::fs::write(&fresh, pid.as_raw_nonzero().to_string()).attempt(&what)?;
    std::fs::rename(&fresh, path).attempt(what)
}

/// Descriptors 3 and on, and those of socket activation (LISTEN_FDS) before them.
pub fn preserved_fds(count: u32) -> Result<Vec<OwnedFd>> {
    let listening: u32 = std::env::var("LISTEN_FDS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let count = count.saturating_add(listening);
    if count > MAX_PRESERVED as u32 {
        return Err(Failure::new(Code::Invalid, format!("cannot preserve {count} descriptors, only {MAX_PRESERVED}")));
    }
    (3..3 + count as i32).map(|number| sys::adopt(number).attempt(format!("preserve descriptor {number}"))).collect()
}

fn make_fifo(state_dir: &StateDir) -> Result<OwnedFd> {
    let what = "create the exec fifo";
    rustix::fs::mknodat(&state_dir.fd, EXEC_FIFO, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).attempt(what)?;
    rustix::fs::openat(&state_dir.fd, EXEC_FIFO, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).attempt(what)
}

pub fn start(global: &Global, arguments: &mut Arguments) -> Result<()> {
    if let Some(option) = arguments.next_option()? {
        return Err(unexpected(&option));
    }
    let id = arguments.container_id()?;
    arguments.finish()?;
    let state_dir = StateDir::open(&global.root, &id)?;
    state_dir.lock()?;
    let mut record = state_dir.read()?;
    if record.shim.is_some() {
        let answer = container::ask_shim(&state_dir, &wire::ShimRequest::Start)?;
        return answer.error.map_or(Ok(()), Err);
    }
    if record.status() != Status::Created {
        return Err(container::wrong_state(&record, "created"));
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fifo = match rustix::fs::openat(&state_dir.fd, EXEC_FIFO, flags, Mode::empty()) {
        Err(rustix::io::Errno::NXIO | rustix::io::Errno::NOENT) => return Err(container::wrong_state(&record, "created")),
        fifo => fifo.attempt("open the exec fifo")?,
    };
    record.started_at = Some(clock::now());
    state_dir.write(&record)?;
    rustix::io::write(&fifo, b"0").attempt("open the gate")?;
    // The reading end is close-on-exec: it goes when the program runs (or when there will be none).
    let mut waiting = [PollFd::new(&fifo, PollFlags::empty())];
    rustix::io::retry_on_intr(|| poll(&mut waiting, None)).attempt("wait for the program to run")?;
    let _ = rustix::fs::unlinkat(&state_dir.fd, EXEC_FIFO, rustix::fs::AtFlags::empty());
    poststart(&record, &state_dir.read_config()?)
}

/// slice:prefix:name as the path systemd would make of it: a slice's name contains its ancestors (`a-b.slice` is in `a.slice`).
fn systemd_path(path: &str, id: &str) -> String {
    let mut parts = path.splitn(3, ':');
    let (slice, prefix, name) = match (parts.next(), parts.next(), parts.next()) {
        (Some(slice), Some(prefix), Some(name)) => (slice, prefix, name),
        _ => ("", "runc", id),
    };
    let slice = if slice.is_empty() { "system.slice" } else { slice };
    let mut expanded = String::new();
    let mut so_far = String::new();
    for part in slice.trim_end_matches(".slice").split('-').filter(|part| !part.is_empty()) {
        so_far = if so_far.is_empty() { part.to_owned() } else { format!("{so_far}-{part}") };
        expanded.push_str(&format!("/{so_far}.slice"));
    }
    let unit = if name.ends_with(".slice") {
        name.to_owned()
    } else if prefix.is_empty() {
        format!("{name}.scope")
    } else {
        format!("{prefix}-{name}.scope")
    };
    format!("{expanded}/{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_systemd_slices() {
        assert_eq!(
            systemd_path("kubepods-burstable-pod1.slice:cri:abc", "x"),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-abc.scope"
        );
        assert_eq!(systemd_path("system.slice:docker:abc", "x"), "/system.slice/docker-abc.scope");
        assert_eq!(systemd_path("", "x"), "/system.slice/runc-x.scope");
    }
}
