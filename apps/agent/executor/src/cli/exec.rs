//! exec: a further process in a running container.

use super::arguments::{Arguments, unexpected};
use super::create::{preserved_fds, write_pid_file};
use super::{Global, console, foreground};
use crate::container;
use crate::failure::{Attempt, Result};
use crate::launch::{ExecRequest, begin_exec};
use crate::state::{Record, StateDir};
use oci::{Capabilities, Process};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags};
use std::path::PathBuf;
use std::process::ExitCode;
use wire::{Code, Failure, Status};

#[derive(Default)]
struct Options {
    process: Option<PathBuf>,
    console_socket: Option<PathBuf>,
    pidfd_socket: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    cwd: Option<String>,
    env: Vec<String>,
    tty: bool,
    user: Option<String>,
    additional_gids: Vec<u32>,
    detach: bool,
    process_label: Option<String>,
    apparmor: Option<String>,
    no_new_privs: bool,
    capabilities: Vec<String>,
    preserve_fds: u32,
    cgroups: Vec<String>,
    ignore_paused: bool,
}

/// runc's exit code when the process could not be started.
const NOT_STARTED: u8 = 255;

pub fn exec(global: &Global, arguments: &mut Arguments) -> Result<ExitCode> {
    match try_exec(global, arguments) {
        Ok(code) => Ok(code),
        Err(failure) => {
            global.logger.error(&format!("exec failed: {}", failure.message));
            Ok(ExitCode::from(NOT_STARTED))
        }
    }
}

fn try_exec(global: &Global, arguments: &mut Arguments) -> Result<ExitCode> {
    let options = parse(arguments)?;
    let id = arguments.container_id()?;
    let program = arguments.rest();
    let state_dir = StateDir::open(&global.root, &id)?;
    let record = state_dir.read()?;
    match record.status() {
        Status::Running | Status::Created => {}
        Status::Paused if options.ignore_paused => {}
        Status::Paused => {
            return Err(Failure::new(Code::WrongState, "cannot exec in a paused container (use --ignore-paused to override)"));
        }
        _ => return Err(container::wrong_state(&record, "running")),
    }
    let config = state_dir.read_config()?;
    let process = process_of(&options, &config, program)?;
    if options.console_socket.is_some() && !process.terminal {
        return Err(Failure::new(Code::Invalid, "cannot use console socket without a terminal"));
    }
    if process.terminal && options.detach && options.console_socket.is_none() {
        return Err(Failure::new(Code::Invalid, "cannot allocate a terminal for a detached process without a console socket"));
    }
    start(global, &options, &record, &config, process)
}

fn parse(arguments: &mut Arguments) -> Result<Options> {
    let mut options = Options::default();
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "process" | "p" => options.process = Some(arguments.value()?.into()),
            "console-socket" => options.console_socket = Some(arguments.value()?.into()),
            "pidfd-socket" => options.pidfd_socket = Some(arguments.value()?.into()),
            "pid-file" => options.pid_file = Some(arguments.value()?.into()),
            "cwd" => options.cwd = Some(arguments.value()?),
            "env" | "e" => options.env.push(arguments.value()?),
            "tty" | "t" => options.tty = true,
            "user" | "u" => options.user = Some(arguments.value()?),
            "additional-gids" | "g" => options.additional_gids.push(arguments.number()?),
            "detach" | "d" => options.detach = true,
            "process-label" => options.process_label = Some(arguments.value()?),
            "apparmor" => options.apparmor = Some(arguments.value()?),
            "no-new-privs" => options.no_new_privs = true,
            "cap" | "c" => options.capabilities.push(arguments.value()?),
            "preserve-fds" => options.preserve_fds = arguments.number()?,
            "cgroup" => options.cgroups.push(arguments.value()?),
            "ignore-paused" => options.ignore_paused = true,
            // A subreaper is only needed by who stays, and we wait for the process alone.
            "no-subreaper" => {}
            other => return Err(unexpected(other)),
        }
    }
    Ok(options)
}

/// As written in a file, or the container's own with what the options change.
fn process_of(options: &Options, config: &oci::Config, program: Vec<String>) -> Result<Process> {
    if let Some(path) = &options.process {
        return Ok(Process::parse(&std::fs::read(path).attempt(format!("open {}", path.display()))?)?);
    }
    let mut process = config.process.clone().unwrap_or_default();
    if program.is_empty() {
        return Err(Failure::new(Code::Invalid, "process args cannot be empty"));
    }
    (process.args, process.terminal) = (program, options.tty);
    process.env.extend(options.env.iter().cloned());
    if let Some(cwd) = &options.cwd {
        process.cwd.clone_from(cwd);
    }
    if let Some(user) = &options.user {
        (process.user.uid, process.user.gid) = parse_user(user, process.user.gid)?;
    }
    process.user.additional_gids.extend(&options.additional_gids);
    process.no_new_privileges |= options.no_new_privs;
    if let Some(label) = &options.process_label {
        process.selinux_label.clone_from(label);
    }
    if let Some(profile) = &options.apparmor {
        process.apparmor_profile.clone_from(profile);
    }
    let own = process.capabilities.get_or_insert_with(Capabilities::default);
    for set in [&mut own.bounding, &mut own.effective, &mut own.permitted] {
        set.extend(options.capabilities.iter().cloned());
    }
    Ok(process)
}

/// Strictly two numbers: anything that is not one must not become root (CVE-2026-30892).
fn parse_user(user: &str, default_gid: u32) -> Result<(u32, u32)> {
    let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
    let parse = |text: &str| {
        let number = text.parse::<u32>().ok().filter(|number| *number != u32::MAX && text.bytes().all(|byte| byte.is_ascii_digit()));
        number.ok_or_else(|| Failure::new(Code::Invalid, format!("user {user:?} is not uid or uid:gid")))
    };
    Ok((parse(uid)?, gid.map_or(Ok(default_gid), parse)?))
}

fn start(global: &Global, options: &Options, record: &Record, config: &oci::Config, process: Process) -> Result<ExitCode> {
    let container = record.live_process().and_then(|process| process.open()).ok_or_else(|| container::wrong_state(record, "running"))?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null")?;
    let stdio =
        if process.terminal { [null.as_fd(); 3] } else { [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] };
    let preserved = preserved_fds(options.preserve_fds)?;
    let preserve: Vec<BorrowedFd> = preserved.iter().map(AsFd::as_fd).collect();
    let mut cgroup = record.cgroup();
    for option in &options.cgroups {
        let (controllers, path) = option.split_once(':').map_or((None, option.as_str()), |(names, path)| (Some(names), path));
        cgroup = cgroup.child(controllers.filter(|names| !names.is_empty()), path).attempt("find the process's cgroup")?;
    }
    let mut launched = begin_exec(ExecRequest {
        root: &global.root,
        config,
        cgroup,
        container: container.as_fd(),
        process,
        stdio,
        preserve: &preserve,
        keep_keyring: false,
    })?;
    let pid = launched.child.pid.as_raw_nonzero().get();
    if let Err(failure) = launched.await_exec_and_listener(config, record, pid) {
        // Collected here: the container's first process cannot end before everybody in its pid namespace is.
        launched.kill();
        return Err(failure);
    }
    global.logger.debug(&format!("started process {} in container {}", pid, record.id));
    for warning in &launched.warnings {
        global.logger.warning(warning);
    }
    if let (Some(socket), Some(controller)) = (&options.console_socket, &launched.console) {
        console::send(socket, controller.as_fd())?;
        launched.console = None;
    }
    if let Some(socket) = &options.pidfd_socket {
        console::send(socket, launched.child.pidfd.as_fd())?;
    }
    write_pid_file(options.pid_file.as_deref(), launched.child.pid)?;
    if options.detach { Ok(ExitCode::SUCCESS) } else { foreground::attend(&mut launched) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_numbers_or_an_error() {
        assert_eq!(parse_user("1000", 5).unwrap(), (1000, 5));
        assert_eq!(parse_user("1000:100", 5).unwrap(), (1000, 100));
        for bad in ["root", "", ":", "-1", "+1", "4294967296", "4294967295", "1000:", "0x0", "1 "] {
            assert!(parse_user(bad, 0).is_err(), "{bad:?} was accepted");
        }
    }
}
