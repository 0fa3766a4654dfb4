//! Id maps of user namespaces.

use crate::failure::{Attempt, Result};
use crate::init::procfs::Procfs;
use oci::IdMapping;
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::ffi::CString;
use sys::{IdMapGate, Image, Spawn};
use wire::Failure;

fn lines(maps: &[IdMapping]) -> String {
    maps.iter().map(|map| format!("{} {} {}\n", map.container_id, map.host_id, map.size)).collect()
}

/// Writes the maps of a process that waits in a new user namespace; where we may not, newuidmap and newgidmap may.
pub fn write(pid: Pid, uids: &[IdMapping], gids: &[IdMapping]) -> Result<()> {
    let procfs = Procfs::open()?;
    let pid = pid.as_raw_nonzero().get();
    let is_privileged = rustix::process::geteuid().is_root();
    if !is_privileged && gids.len() == 1 && gids[0].size == 1 {
        procfs.write(&format!("{pid}/setgroups"), b"deny")?;
    }
    for (file, program, maps) in [("uid_map", "newuidmap", uids), ("gid_map", "newgidmap", gids)] {
        let direct = procfs.write(&format!("{pid}/{file}"), lines(maps).as_bytes());
        match direct {
            Err(_) if !is_privileged => map_with_helper(program, pid, maps)?,
            result => result?,
        }
    }
    Ok(())
}

fn map_with_helper(program: &str, pid: i32, maps: &[IdMapping]) -> Result<()> {
    let numbers = maps.iter().flat_map(|map| [map.container_id, map.host_id, map.size]).map(|number| number.to_string());
    let output = std::process::Command::new(program).arg(pid.to_string()).args(numbers).output().attempt(format!("run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("run {program}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// A user namespace nobody lives in, to take the map of an id-mapped mount from.
pub fn id_map_namespace(uids: &[IdMapping], gids: &[IdMapping]) -> Result<OwnedFd> {
    let (read_end, write_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).attempt("create a pipe")?;
    let argv = [CString::from(c"gantry-executor")];
    let image = Image::new(read_end.as_fd(), &argv, &[]);
    let gate = IdMapGate { read_end: read_end.as_fd(), write_end: write_end.as_fd() };
    let flags = oci::NamespaceKind::User.clone_flag();
    let child = Spawn { image: &image, flags, cgroup: None, fds: &[], id_map_gate: Some(gate), new_session: false }
        .start()
        .attempt("create a user namespace for an id map")?;
    let namespace =
        write(child.pid, uids, gids).and_then(|()| Procfs::open()?.open_namespace(&child.pid.as_raw_nonzero().to_string(), "user"));
    // It has done its work by existing.
    let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
    let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
    namespace
}
