//! Creating a container: claim the id, start a shim, wait for its report.

use super::Server;
use super::spare::Shim;
use crate::failure::{Attempt, Result};
use crate::shim::ShimPlan;
use crate::state::{CONFIG, StateDir};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use std::io::Read;
use sys::Child;
use wire::{Answer, ContainerState, Create, Failure};

const SHIM_END_LIMIT: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// Longer than the shim gives the container itself.
const REPORT_LIMIT: Timespec = Timespec { tv_sec: 330, tv_nsec: 0 };

pub fn create(server: &Server, create: Create) -> Result<ContainerState> {
    let (id, bundle) = (create.container_id.clone(), create.bundle.clone());
    let state_dir = StateDir::create(&server.root, &id)?;
    let (child, report) = match start_shim(server, &ShimPlan { root: server.root.clone(), runtime: server.runtime.clone(), create }) {
        Ok(started) => started,
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

/// The spare one, unless it is in use or has been killed.
fn start_shim(server: &Server, plan: &ShimPlan) -> Result<(Child, OwnedFd)> {
    let give = |shim: Shim| {
        shim.adopt(plan).map_err(|(child, failure)| {
            server.reaper.adopt(child.pidfd);
            failure
        })
    };
    if let Some(Ok(adopted)) = server.spare.take().map(give) {
        return Ok(adopted);
    }
    give(Shim::start(&server.sealed)?)
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
