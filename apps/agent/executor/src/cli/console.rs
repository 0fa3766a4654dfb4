//! Sending descriptors to a socket that the caller listens on.

use crate::failure::{Attempt, Result};
use rustix::fd::BorrowedFd;
use rustix::net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::path::Path;

pub fn send(socket: &Path, fd: BorrowedFd) -> Result<()> {
    let what = format!("send a descriptor to {}", socket.display());
    let connection = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).attempt(&what)?;
    // The path may be longer than a socket address may be.
    let directory = rustix::fs::open(
        socket.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .attempt(&what)?;
    let name = socket.file_name().unwrap_or_default().to_string_lossy();
    let short = format!("/proc/self/fd/{}/{name}", rustix::fd::AsRawFd::as_raw_fd(&directory));
    rustix::net::connect(&connection, &SocketAddrUnix::new(short).attempt(&what)?).attempt(&what)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    // The message is a name for people.
    rustix::net::sendmsg(&connection, &[IoSlice::new(b"/dev/ptmx")], &mut ancillary, SendFlags::NOSIGNAL).attempt(what).map(drop)
}
