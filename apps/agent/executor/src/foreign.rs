//! Containers that another OCI runtime (runc, crun) makes and removes, instead of this program: the shim then only keeps what it started.
//! Everything that needs no runtime (signals, pausing, limits, statistics) is done as ever, by way of the container's cgroup and pid.

use crate::channel::Channel;
use crate::failure::{Attempt, Result};
use crate::init::overlay::overlay_mount;
use crate::launch::{Launched, Request, attach_networks};
use crate::state::StateDir;
use cgroups::{Cgroup, Hierarchies};
use oci::NamespaceKind;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind, listen,
    recvmsg, socket_with,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::Command;
use sys::Child;
use wire::{Code, Failure};

/// In the container's directory: the runtime's own state, its log, and what it tells and is told.
const STATE: &str = "oci";
const LOG: &str = "oci.log";
const PID_FILE: &str = "oci.pid";
const PROCESS: &str = "process.json";
/// Short: with its directory it has to fit a socket address.
const CONSOLE: &str = "tty";

#[derive(Debug, Clone)]
pub struct Runtime {
    program: String,
    directory: PathBuf,
    id: String,
}

/// Opens when the runtime has been told to start the container.
#[derive(Debug)]
pub struct Gate {
    runtime: Runtime,
    /// Its end means that the program runs.
    theirs: Channel,
}

impl Gate {
    pub fn open(&self) -> Result<()> {
        self.runtime.run(&["start", &self.runtime.id], None)?;
        rustix::net::shutdown(self.theirs.as_fd(), rustix::net::Shutdown::Both).attempt("open the gate")
    }
}

impl Runtime {
    pub fn new(program: &str, state_dir: &StateDir, id: &str) -> Self {
        Self { program: program.to_owned(), directory: state_dir.path.clone(), id: id.to_owned() }
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).to_string_lossy().into_owned()
    }

    /// As `launch`, by the other runtime: the container waits at its gate.
    pub fn create(&self, request: Request) -> Result<Launched> {
        // The failure that brought us here is the one to report.
        self.try_create(request).inspect_err(|_| drop(self.delete()))
    }

    fn try_create(&self, request: Request) -> Result<Launched> {
        let linux = &request.config.linux;
        if let Some(overlay) = &request.overlay {
            // In a mount namespace of the shim's own: it goes with the shim and the container.
            sys::unshare_namespaces(NamespaceKind::Mount.clone_flag()).attempt("create a mount namespace")?;
            let quietly = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
            mount_change("/", quietly).attempt("detach this mount namespace's events from the host's")?;
            crate::init::attach_at(overlay_mount(overlay)?.as_fd(), request.rootfs)?;
        }
        (request.meanwhile)()?;
        let (pid_file, bundle) = (self.file(PID_FILE), request.bundle.to_string_lossy());
        let arguments = ["create", "--bundle", &*bundle, "--pid-file", &pid_file];
        let has_terminal = request.config.process.as_ref().is_some_and(|process| process.terminal);
        let (child, console) = self.start_process(&arguments, has_terminal, request.stdio)?;
        let (channel, theirs) = Channel::pair()?;
        let cgroup = Hierarchies::detect().cgroup(&linux.cgroups_path, request.id);
        let gate = Some(Gate { runtime: self.clone(), theirs });
        attach_networks(&request.networks, linux, child.pid)?;
        Ok(Launched { child, channel, console, cgroup, warnings: Vec::new(), seccomp_listener: None, gate })
    }

    /// As `begin_exec`: the program runs when this returns.
    pub fn exec(&self, cgroup: Cgroup, process: &serde_json::Value, has_terminal: bool, stdio: [BorrowedFd; 3]) -> Result<Launched> {
        let file = self.file(PROCESS);
        std::fs::write(&file, process.to_string()).attempt(format!("write {file}"))?;
        let pid_file = self.file(PID_FILE);
        let arguments = ["exec", "--process", &file, "--pid-file", &pid_file, "--detach"];
        let (child, console) = self.start_process(&arguments, has_terminal, stdio)?;
        let (channel, _) = Channel::pair()?;
        Ok(Launched { child, channel, console, cgroup, warnings: Vec::new(), seccomp_listener: None, gate: None })
    }

    /// Takes away what the runtime knows and has of it. It may never have come to know it.
    pub fn delete(&self) -> Result<()> {
        if self.directory.join(STATE).join(&self.id).exists() {
            self.run(&["delete", "--force", &self.id], None)?;
        }
        match std::fs::remove_dir_all(self.directory.join(STATE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).attempt("remove the runtime's state"),
            _ => Ok(()),
        }
    }

    fn start_process(&self, arguments: &[&str], has_terminal: bool, stdio: [BorrowedFd; 3]) -> Result<(Child, Option<OwnedFd>)> {
        let path = self.file(CONSOLE);
        let listener = if has_terminal { Some(listen_for_console(Path::new(&path))?) } else { None };
        let console = if listener.is_some() { &["--console-socket", &path][..] } else { &[] };
        self.run(&[arguments, console, &[&self.id]].concat(), Some(stdio))?;
        // It has been sent by now, and waits for us.
        let console = listener.map(|listener| receive_console(&listener)).transpose()?;
        let text = std::fs::read_to_string(self.file(PID_FILE)).attempt("read the pid that the runtime wrote")?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw).ok_or_else(|| Failure::failed("the runtime wrote no pid"))?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).attempt("keep a handle on the container's process")?;
        Ok((Child { pid, pidfd }, console))
    }

    fn run(&self, arguments: &[&str], stdio: Option<[BorrowedFd; 3]>) -> Result<()> {
        let log = self.file(LOG);
        let _ = std::fs::remove_file(&log);
        let what = format!("{} {}", self.program, arguments.first().unwrap_or(&""));
        let mut command = Command::new(&self.program);
        command.args(["--root", &self.file(STATE), "--log", &log, "--log-format", "json"]).args(arguments);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if let Some(stdio) = stdio {
            let [stdin, stdout, stderr] = stdio.map(|fd| fd.try_clone_to_owned());
            command.stdin(stdin.attempt(&what)?).stdout(stdout.attempt(&what)?).stderr(stderr.attempt(&what)?);
        }
        let status = command.status().attempt(&what)?;
        if status.success() {
            return Ok(());
        }
        let message = last_error(&log).unwrap_or_else(|| status.to_string());
        Err(Failure::new(code_of(&message), format!("{what}: {message}")))
    }
}

/// What runtimes say of a program that cannot be run, in the terms of our own.
fn code_of(message: &str) -> Code {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    if says("executable file") && says("not found") || says("exec") && says("no such file or directory") {
        Code::CommandNotFound
    } else if says("exec") && (says("permission denied") || says("is a directory")) {
        Code::PermissionDenied
    } else {
        Code::Failed
    }
}

fn last_error(log: &str) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let lines = text.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines.filter(|line| line["level"] == "error").find_map(|line| Some(line["msg"].as_str()?.to_owned()))
}

fn listen_for_console(path: &Path) -> Result<OwnedFd> {
    let what = "listen for the terminal";
    let _ = std::fs::remove_file(path);
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None).attempt(what)?;
    bind(&socket, &SocketAddrUnix::new(path).attempt(what)?).attempt(what)?;
    listen(&socket, 1).attempt(what)?;
    Ok(socket)
}

fn receive_console(listener: &OwnedFd) -> Result<OwnedFd> {
    let what = "receive the terminal";
    let connection = accept(listener).attempt(what)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    // With it comes its name, which is of no use.
    let mut name = [0; 256];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(&connection, &mut [IoSliceMut::new(&mut name)], &mut ancillary, flags).attempt(what)?;
    let console = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    console.ok_or_else(|| Failure::failed("the runtime sent no terminal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_cannot_be_run_have_codes_of_their_own() {
        for (message, code) in [
            (r#"runc create failed: exec: "nope": executable file not found in $PATH: unknown"#, Code::CommandNotFound),
            ("executable file `nope` not found in $PATH: No such file or directory", Code::CommandNotFound),
            (r#"exec: "/etc/passwd": permission denied"#, Code::PermissionDenied),
            ("container with given ID already exists", Code::Failed),
        ] {
            assert_eq!(code_of(message), code, "{message}");
        }
    }
}
