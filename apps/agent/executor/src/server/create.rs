//! Creating a container: claim the id, start a shim, wait for its report.

use super::Server;
use crate::failure::{Attempt, Result};
use crate::shim::{PLAN_FD, REPORT_FD, ShimPlan};
use crate::state::{CONFIG, SHIM_LOG, StateDir};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::time::Timespec;
use std::ffi::CString;
use std::io::{Read, Seek, SeekFrom, Write};
use sys::{Child, Image, Spawn};
use wire::{Answer, ContainerState, Create, Failure};

const SHIM_END_LIMIT: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// Longer than the shim gives the container itself.
const REPORT_LIMIT: Timespec = Timespec { tv_sec: 330, tv_nsec: 0 };

pub fn create(server: &Server, create: Create) -> Result<ContainerState> {
    let (id, bundle) = (create.container_id.clone(), create.bundle.clone());
    let state_dir = StateDir::create(&server.root, &id)?;
    let (report, their_report) = pipe_with(PipeFlags::CLOEXEC).attempt("create a pipe")?;
    let child = start_shim(server, &state_dir, create, their_report);
    let child = match child {
        Ok(child) => child,
        Err(failure) => {
            let _ = state_dir.remove();
            return Err(failure);
        }
    };
    drop(state_dir);
    let answer = read_report(report);
    if answer.is_err() {
        clean_up(server, &id, &bundle, &child);
    }
    server.reaper.adopt(child.pidfd);
    answer
}

/// The shim takes back what it made, unless it died over it; the cgroup it lived in itself is left to us.
fn clean_up(server: &Server, id: &str, bundle: &str, shim: &Child) {
    let mut waiting = [PollFd::new(&shim.pidfd, PollFlags::IN)];
    let _ = rustix::io::retry_on_intr(|| poll(&mut waiting, Some(&SHIM_END_LIMIT)));
    // What fails here is found again by `delete`, and the answer is the failure that matters.
    let _ = crate::container::delete(&server.root, id, true);
    let config = std::fs::read(std::path::Path::new(bundle).join(CONFIG)).ok().and_then(|json| oci::Config::parse(&json).ok());
    if let Some(config) = config {
        let _ = cgroups::Hierarchies::detect().cgroup(&config.linux.cgroups_path, id).remove();
    }
}

fn start_shim(server: &Server, state_dir: &StateDir, create: Create, report: OwnedFd) -> Result<Child> {
    let plan = ShimPlan { root: server.root.clone(), create };
    let json = serde_json::to_vec(&plan).map_err(|error| Failure::bug(format!("encode the shim's plan: {error}")))?;
    let mut memory = std::fs::File::from(rustix::fs::memfd_create("plan", MemfdFlags::CLOEXEC).attempt("create a memory file")?);
    memory.write_all(&json).and_then(|()| memory.seek(SeekFrom::Start(0))).attempt("write the shim's plan")?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null")?;
    let log_flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let log = rustix::fs::openat(&state_dir.fd, SHIM_LOG, log_flags, Mode::RUSR | Mode::WUSR).attempt("open the shim's log")?;
    let argv = [CString::from(c"gantry-executor"), CString::from(c"shim"), id_argument(&plan)];
    // What is freed in passing would otherwise be kept for the next in passing, and so its page for ever.
    let env = [CString::from(c"GLIBC_TUNABLES=glibc.malloc.tcache_count=0")];
    let image = Image::new(server.sealed.as_fd(), &argv, &env);
    let fds = [(null.as_fd(), 0), (null.as_fd(), 1), (log.as_fd(), 2), (report.as_fd(), REPORT_FD), (memory.as_fd(), PLAN_FD)];
    Spawn { image: &image, flags: 0, cgroup: None, fds: &fds, id_map_gate: None, new_session: true }.start().attempt("start a shim")
}

/// For people who look at a process list.
fn id_argument(plan: &ShimPlan) -> CString {
    CString::new(plan.create.container_id.clone()).unwrap_or_default()
}

fn read_report(report: OwnedFd) -> Result<ContainerState> {
    let mut waiting = [PollFd::new(&report, PollFlags::IN)];
    if rustix::io::retry_on_intr(|| poll(&mut waiting, Some(&REPORT_LIMIT))).attempt("wait for the shim's report")? == 0 {
        return Err(Failure::failed("the shim did not report in time"));
    }
    let mut json = Vec::new();
    std::fs::File::from(report).read_to_end(&mut json).attempt("read the shim's report")?;
    if json.is_empty() {
        return Err(Failure::failed("the shim ended without a report"));
    }
    match serde_json::from_slice(&json) {
        Ok(Answer::Ok { result, .. }) => Ok(result),
        Ok(Answer::Failed { error, .. }) => Err(error),
        Err(error) => Err(Failure::bug(format!("parse the shim's report: {error}"))),
    }
}
