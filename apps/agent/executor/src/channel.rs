//! What a container's first process and its starter say to each other: JSON messages on a SEQPACKET socket, some with a descriptor.

use crate::failure::{Attempt, Result};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use wire::Failure;

/// From the process that becomes the container.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum FromInit {
    /// Carries the controlling end of the terminal.
    Console,
    /// Carries the seccomp notify descriptor.
    SeccompListener,
    /// The namespaces exist and the root is mounted: prestart and createRuntime hooks may run.
    Hooks,
    Warning {
        message: String,
    },
    /// Everything is done but the exec; waiting at the gate.
    Ready,
    Failed {
        failure: Failure,
    },
}

/// To that process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToInit {
    /// Its interfaces have arrived, and its resource limits are set.
    Placed,
    HooksDone,
    Start,
}

#[derive(Debug)]
pub struct Channel(OwnedFd);

const MAX_MESSAGE_BYTES: usize = 64 * 1024;

impl Channel {
    pub fn pair() -> Result<(Self, Self)> {
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .attempt("create the start-up channel")?;
        Ok((Self(ours), Self(theirs)))
    }

    pub fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    pub fn send(&self, message: &impl Serialize) -> Result<()> {
        self.send_with(message, None)
    }

    pub fn send_with(&self, message: &impl Serialize, fd: Option<BorrowedFd>) -> Result<()> {
        let mut json = serde_json::to_vec(message).map_err(|error| Failure::bug(format!("encode a start-up message: {error}")))?;
        json.truncate(MAX_MESSAGE_BYTES);
        let fds: Vec<BorrowedFd> = fd.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        }
        rustix::io::retry_on_intr(|| rustix::net::sendmsg(&self.0, &[IoSlice::new(&json)], &mut ancillary, SendFlags::NOSIGNAL))
            .attempt("send a start-up message")
            .map(drop)
    }

    /// As `receive`, but not for ever.
    pub fn receive_within<T: DeserializeOwned>(&self, limit: std::time::Duration) -> Result<Option<(T, Option<OwnedFd>)>> {
        let timeout = rustix::time::Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: 0 };
        let mut waiting = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        let ready =
            rustix::io::retry_on_intr(|| rustix::event::poll(&mut waiting, Some(&timeout))).attempt("wait for a start-up message")?;
        if ready == 0 {
            return Err(Failure::failed(format!("the container's process did not answer within {} s", limit.as_secs())));
        }
        self.receive()
    }

    /// As `receive`, but None also when there is nothing yet.
    pub fn receive_pending<T: DeserializeOwned>(&self) -> Result<Option<(T, Option<OwnedFd>)>> {
        let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut waiting = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        let ready = rustix::event::poll(&mut waiting, Some(&now)).attempt("look for a start-up message")?;
        if ready == 0 { Ok(None) } else { self.receive() }
    }

    /// The next message and the descriptor it carries; None when the other side is gone.
    pub fn receive<T: DeserializeOwned>(&self) -> Result<Option<(T, Option<OwnedFd>)>> {
        let mut bytes = vec![0u8; MAX_MESSAGE_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let length = loop {
            let received = rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC);
            match received {
                // The other side went away without reading all we sent. That is told once, before what it had sent itself.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {}
                result => break result.attempt("receive a start-up message")?.bytes,
            }
        };
        if length == 0 {
            return Ok(None);
        }
        let mut fd = None;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                fd = fds.into_iter().last();
            }
        }
        let message =
            serde_json::from_slice(&bytes[..length]).map_err(|error| Failure::bug(format!("parse a start-up message: {error}")))?;
        Ok(Some((message, fd)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
