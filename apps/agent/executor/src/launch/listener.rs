//! Handing a seccomp notify descriptor to the agent that will answer, as the runtime-spec describes.

use crate::failure::{Attempt, Result};
use crate::oci_state::OciState;
use crate::state::Record;
use rustix::fd::BorrowedFd;
use rustix::net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use serde::Serialize;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use wire::Status;

/// The spec's containerProcessState.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerProcessState<'a> {
    oci_version: &'static str,
    fds: [&'static str; 1],
    pid: i32,
    metadata: &'a str,
    state: OciState,
}

pub fn send_seccomp_listener(config: &oci::Config, record: &Record, listener: BorrowedFd, pid: i32) -> Result<()> {
    let Some(profile) = &config.linux.seccomp else { return Ok(()) };
    let what = format!("send the seccomp listener to {}", profile.listener_path);
    let mut state = OciState::new(&record.id, &record.bundle, &record.annotations);
    (state.status, state.pid) = (Status::Running, pid);
    let message =
        ContainerProcessState { oci_version: oci::OCI_VERSION, fds: ["seccompFd"], pid, metadata: &profile.listener_metadata, state };
    let json = serde_json::to_vec(&message).unwrap_or_default();
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).attempt(&what)?;
    let address = SocketAddrUnix::new(&*profile.listener_path).attempt(&what)?;
    rustix::net::connect(&socket, &address).attempt(format!("{what}: failed to connect with seccomp agent"))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [listener];
    ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    rustix::net::sendmsg(&socket, &[IoSlice::new(&json)], &mut ancillary, SendFlags::NOSIGNAL).attempt(&what).map(drop)
}
