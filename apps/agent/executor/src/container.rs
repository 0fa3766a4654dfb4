//! What can be done to a container from outside, whoever started it: shared by the server and the command line.

use crate::failure::{Attempt, Result};
use crate::foreign::Runtime;
use crate::hooks;
use crate::oci_state::OciState;
use crate::process::ProcessRef;
use crate::state::{Record, SHIM_SOCKET, StateDir};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::process::{Signal, pidfd_send_signal};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use wire::{Code, Failure, FrameKind, ShimAnswer, ShimRequest, Status};

/// How long a killed process may take to go. The kernel may be writing its core or waiting for a disk.
const DEATH_LIMIT: Duration = Duration::from_secs(10);
/// How long a shim may go on serving clients of a container that is being deleted.
const SHIM_LIMIT: Duration = Duration::from_secs(2);

pub fn wrong_state(record: &Record, wanted: &str) -> Failure {
    let status = format!("{:?}", record.status()).to_lowercase();
    Failure::new(Code::WrongState, format!("container {} is {status}, not {wanted}", record.id))
}

/// Asks the shim, and returns its answer.
pub fn ask_shim(state_dir: &StateDir, request: &ShimRequest) -> Result<ShimAnswer> {
    let path = format!("/proc/self/fd/{}/{SHIM_SOCKET}", state_dir.fd.as_raw_fd());
    let mut stream = match UnixStream::connect(path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Err(Failure::new(Code::WrongState, format!("{} has no shim any more", state_dir.path.display())));
        }
        stream => stream.attempt("connect to the shim")?,
    };
    let json = serde_json::to_vec(request).map_err(|error| Failure::bug(format!("encode a request to the shim: {error}")))?;
    wire::write_frame(&mut stream, FrameKind::Json, &json).attempt("write to the shim")?;
    let frame = wire::read_frame(&mut stream).map_err(|error| Failure::from_error(Code::Failed, &error))?;
    let frame = frame.ok_or_else(|| Failure::failed("the shim closed the connection"))?;
    serde_json::from_slice(&frame.payload).map_err(|error| Failure::bug(format!("parse the shim's answer: {error}")))
}

pub fn kill(record: &Record, signal: i32, all: bool) -> Result<()> {
    let not_running = || wrong_state(record, "running");
    let number = signal;
    let process = record.live_process();
    if number == 0 && all {
        // Whether there are any or not: nobody is signalled.
        return Ok(());
    }
    if number == 0 {
        return process.map(drop).ok_or_else(not_running);
    }
    let signal = sys::signal_of(number).ok_or_else(|| Failure::new(Code::Invalid, format!("there is no signal {number}")))?;
    let cgroup = record.cgroup();
    if all {
        if signal == Signal::KILL {
            return cgroup.kill().attempt("kill the container's processes");
        }
        return cgroup.signal_all(signal).attempt("signal the container's processes");
    }
    let pidfd = process.and_then(|process| process.open()).ok_or_else(not_running)?;
    match pidfd_send_signal(&pidfd, signal) {
        Err(rustix::io::Errno::SRCH) => return Err(not_running()),
        result => result.attempt("signal the container")?,
    }
    if signal == Signal::KILL {
        if !record.private_pid {
            // Its first process does not take the others with it.
            return cgroup.kill().attempt("kill the container's processes");
        }
        if cgroup.is_frozen() {
            return cgroup.thaw().attempt("let the killed container end");
        }
    }
    Ok(())
}

pub fn pause(record: &Record) -> Result<()> {
    match record.status() {
        Status::Running => record.cgroup().freeze().attempt(format!("pause container {}", record.id)),
        _ => Err(wrong_state(record, "running")),
    }
}

pub fn resume(record: &Record) -> Result<()> {
    match record.status() {
        Status::Paused => record.cgroup().thaw().attempt(format!("resume container {}", record.id)),
        _ => Err(wrong_state(record, "paused")),
    }
}

pub fn update(record: &Record, resources: &oci::Resources) -> Result<Vec<String>> {
    if record.live_process().is_none() {
        return Err(wrong_state(record, "running"));
    }
    let cgroup = record.cgroup();
    if !resources.devices.is_empty() {
        cgroup.apply_devices(&resources.devices).attempt(format!("update container {}", record.id))?;
    }
    cgroup.apply_limits(resources).attempt(format!("update container {}", record.id))
}

/// Removes everything of a container. Interrupted anywhere, it can be done again.
pub fn delete(root: &Path, id: &str, force: bool) -> Result<()> {
    let state_dir = match StateDir::open(root, id) {
        Err(failure) if failure.code == Code::NotFound && force => return Ok(()),
        state_dir => state_dir?,
    };
    match state_dir.lock() {
        Err(failure) if failure.code == Code::NotFound && force => return Ok(()),
        locked => locked?,
    }
    let record = state_dir.read()?;
    let status = record.status();
    if !force && matches!(status, Status::Running | Status::Paused | Status::Creating) {
        return Err(wrong_state(&record, "stopped"));
    }
    let is_creating = status == Status::Creating;
    if let Some(shim) = record.live_shim().filter(|_| is_creating) {
        end(shim, Duration::ZERO)?;
    }
    let cgroup = record.cgroup();
    end_processes(&record, &cgroup)?;
    if let Some(shim) = record.live_shim() {
        end(shim, SHIM_LIMIT)?;
    }
    if let Some(program) = &record.runtime {
        Runtime::new(program, &state_dir, id).delete()?;
    } else {
        run_poststop_hooks(&state_dir, &record);
    }
    if !record.bundle.is_empty() {
        cgroup.remove().attempt(format!("delete container {id}"))?;
    }
    state_dir.remove()
}

fn end_processes(record: &Record, cgroup: &cgroups::Cgroup) -> Result<()> {
    if let Some(process) = record.live_process() {
        if let Some(pidfd) = process.open() {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            if cgroup.is_frozen() {
                cgroup.thaw().attempt("let the killed container end")?;
            }
            await_death(process, &pidfd, DEATH_LIMIT)?;
        }
    }
    if record.bundle.is_empty() || !cgroup.exists() {
        return Ok(());
    }
    cgroup.kill().attempt("kill the container's processes")
}

fn await_death(process: ProcessRef, pidfd: &OwnedFd, limit: Duration) -> Result<()> {
    if dies_within(pidfd, limit)? { Ok(()) } else { Err(Failure::failed(format!("process {} does not end", process.pid))) }
}

fn dies_within(pidfd: &OwnedFd, limit: Duration) -> Result<bool> {
    let timeout = rustix::time::Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos() as _ };
    let mut waiting = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
    let ended = rustix::io::retry_on_intr(|| rustix::event::poll(&mut waiting, Some(&timeout))).attempt("wait for a process to end")?;
    Ok(ended > 0)
}

/// Waits for a process of ours to end by itself, then makes it.
fn end(process: ProcessRef, patience: Duration) -> Result<()> {
    let Some(pidfd) = process.open() else { return Ok(()) };
    if dies_within(&pidfd, patience)? {
        return Ok(());
    }
    let _ = pidfd_send_signal(pidfd.as_fd(), Signal::KILL);
    await_death(process, &pidfd, DEATH_LIMIT)
}

/// A hook that fails is logged: the container is gone whatever it says.
fn run_poststop_hooks(state_dir: &StateDir, record: &Record) {
    if !record.has_poststop {
        return;
    }
    let Ok(config) = state_dir.read_config() else { return };
    let Some(hooks) = config.hooks.filter(|hooks| !hooks.poststop.is_empty()) else { return };
    let state = OciState::new(&record.id, &record.bundle, &record.annotations).to_json(Status::Stopped, 0);
    for hook in &hooks.poststop {
        if let Err(failure) = hooks::run_all("poststop", std::slice::from_ref(hook), &state) {
            crate::report::say(failure);
        }
    }
}
