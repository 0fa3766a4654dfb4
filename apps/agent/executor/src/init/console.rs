//! The terminal: made in the container's own devpts, its controlling end sent to whoever owns the container's stdio.

use super::mounts::attach as attach_mount;
use super::resolve;
use super::root::Root;
use crate::channel::{Channel, FromInit};
use crate::failure::{Attempt, Result};
use oci::Process;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Gid, Mode, OFlags, Uid};
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::termios::Winsize;
use wire::Failure;

const DEVPTS_MAGIC: i64 = 0x1cd1;

/// For init: also shows it as /dev/console.
pub fn attach(channel: &Channel, root: &Root, process: &Process) -> Result<()> {
    let terminal = open(channel, root.as_fd(), process)?;
    let dev = resolve::plain_directory(root.as_fd(), "dev")?;
    match rustix::fs::mknodat(&dev, "console", FileType::RegularFile, Mode::from_raw_mode(0o620), 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(errno).attempt("make /dev/console"),
    }
    let place = rustix::fs::openat(&dev, "console", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .attempt("open /dev/console")?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(&terminal, c"", flags).attempt("clone the terminal")?;
    attach_mount(tree.as_fd(), place.as_fd())?;
    become_stdio(terminal)
}

/// For exec: the root is `/` already.
pub fn attach_exec(channel: &Channel, process: &Process) -> Result<()> {
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).attempt("open the root")?;
    become_stdio(open(channel, root.as_fd(), process)?)
}

fn open(channel: &Channel, root: BorrowedFd, process: &Process) -> Result<OwnedFd> {
    let controller = resolve::open_in_no_symlinks(root, "dev/pts/ptmx", OFlags::RDWR | OFlags::NOCTTY).attempt("open /dev/pts/ptmx")?;
    if rustix::fs::fstatfs(&controller).attempt("look at /dev/pts")?.f_type as i64 != DEVPTS_MAGIC {
        return Err(Failure::failed("/dev/pts is not a devpts file system"));
    }
    sys::unlock_pty(controller.as_fd()).attempt("unlock the terminal")?;
    let terminal = sys::open_pty_peer(controller.as_fd()).attempt("open the terminal")?;
    if let Some(size) = process.console_size {
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&terminal, size).attempt("set the terminal's size")?;
    }
    // As login does: the terminal is the user's.
    match rustix::fs::fchown(&terminal, Some(Uid::from_raw(process.user.uid)), None::<Gid>) {
        // An id the user namespace does not map, or a read-only devpts.
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => {}
        Err(errno) => return Err(errno).attempt("give the terminal to the user"),
    }
    channel.send_with(&FromInit::Console, Some(controller.as_fd()))?;
    Ok(terminal)
}

fn become_stdio(terminal: OwnedFd) -> Result<()> {
    rustix::process::ioctl_tiocsctty(&terminal).attempt("make the terminal the controlling one")?;
    rustix::stdio::dup2_stdin(&terminal).attempt("use the terminal as stdin")?;
    rustix::stdio::dup2_stdout(&terminal).attempt("use the terminal as stdout")?;
    rustix::stdio::dup2_stderr(&terminal).attempt("use the terminal as stderr")
}
