//! A further process of a running container.

use super::{Never, console, program, warn};
use crate::channel::Channel;
use crate::failure::{Attempt, Result};
use crate::plan::{EXTRA_FD, Plan};
use rustix::fd::AsFd;
use rustix::thread::ThreadNameSpaceType;
use wire::Failure;

/// Enters the namespaces of the container's first process, all in one step: they are either all entered or none. The pid namespace
/// has been entered by birth.
pub fn enter(namespaces: u64) -> Result<()> {
    let target = sys::adopt(EXTRA_FD).attempt("open the container's process")?;
    let kinds = ThreadNameSpaceType::from_bits_retain(namespaces as u32);
    rustix::thread::move_into_thread_name_spaces(target.as_fd(), kinds).attempt("enter the container's namespaces")
}

pub fn set_up(channel: &Channel, plan: &Plan) -> std::result::Result<Never, Failure> {
    rustix::process::setsid().attempt("start a session")?;
    if plan.user_namespace {
        become_root()?;
    }
    if !plan.keep_keyring {
        if let Err(errno) = sys::join_session_keyring(c"_ses") {
            warn(channel, format!("no session keyring of its own: {errno}"))?;
        }
    }
    super::await_placement(channel)?;
    if plan.process.terminal {
        console::attach_exec(channel, &plan.process)?;
    }
    let program = program::prepare(channel, plan)?;
    program::execute(channel, plan, program, || Ok(()))
}

/// Entering a user namespace gives its capabilities but no id in it.
fn become_root() -> Result<()> {
    use rustix::fs::{Gid, Uid};
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).attempt("become root of the user namespace")?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).attempt("become root of the user namespace")
}
