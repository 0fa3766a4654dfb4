//! System calls that rustix does not offer in a safe form, each behind a safe function.
//! No other crate of this workspace contains `unsafe`.

mod bpf;
mod clone;
mod exec;
mod fds;
mod memory;
mod mount;
mod process;
mod signals;
mod tty;

pub use bpf::{BpfInsn, attach_device_program, detach_device_program, device_programs, load_device_program};
pub use clone::{Child, IdMapGate, Spawn};
pub use exec::{Image, execve, execveat};
pub use fds::{adopt, begin_writeback, cloexec_from, close_from, renumber};
pub use memory::{malloc_trim, release_memory};
pub use mount::{MountAttr, mount_setattr};
pub use process::{
    EndedChild, InstallFilter, IoPriority, SchedAttr, install_seccomp, join_session_keyring, next_ended_child, personality, set_ioprio,
    set_last_argument, set_mempolicy, set_sched_attr, signal_of, unshare_namespaces,
};
pub use signals::{SignalFd, block_all_signals, reset_signals};
pub use tty::{open_pty_peer, unlock_pty};

pub type Result<T> = std::result::Result<T, rustix::io::Errno>;

/// The error the last libc call left behind.
pub(crate) fn last_errno() -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(rustix::io::Errno::IO)
}

pub(crate) fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 { Err(last_errno()) } else { Ok(result) }
}
