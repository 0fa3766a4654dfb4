//! Attributes of the calling process that rustix has no function for.

use crate::{Result, check};
use rustix::fd::{FromRawFd, OwnedFd, RawFd};

/// One classic BPF instruction in the kernel's layout (struct sock_filter).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallFilter {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

#[repr(C)]
struct FilterProgram {
    length: u16,
    filter: *const InstallFilter,
}

/// Installs a seccomp filter on the calling thread; with `SECCOMP_FILTER_FLAG_NEW_LISTENER` in `flags` returns the notify descriptor.
pub fn install_seccomp(filter: &[InstallFilter], flags: u32) -> Result<Option<OwnedFd>> {
    let length = u16::try_from(filter.len()).map_err(|_| rustix::io::Errno::TOOBIG)?;
    let program = FilterProgram { length, filter: filter.as_ptr() };
    // SAFETY: `program` points at `length` instructions that live through the call; the kernel verifies them.
    let result = check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })?;
    if flags & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32 == 0 {
        return Ok(None);
    }
    // SAFETY: with NEW_LISTENER the result is a new descriptor owned by nobody else.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(result as RawFd) }))
}

/// Gives the process a session keyring of its own, so that the container cannot read its starter's keys.
pub fn join_session_keyring(name: &std::ffi::CStr) -> Result<()> {
    // SAFETY: `name` is a C string.
    check(unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr()) }).map(drop)
}

pub fn personality(domain: u64) -> Result<()> {
    // SAFETY: a number in, a number out.
    check(unsafe { libc::personality(domain) } as libc::c_long).map(drop)
}

#[derive(Debug, Clone, Copy)]
pub struct IoPriority {
    /// 1 real time, 2 best effort, 3 idle.
    pub class: u32,
    pub level: u32,
}

pub fn set_ioprio(priority: IoPriority) -> Result<()> {
    const WHO_PROCESS: u32 = 1;
    // SAFETY: numbers only; 0 means the calling thread.
    check(unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, priority.class << 13 | priority.level) }).map(drop)
}

/// struct sched_attr, version 0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct SchedAttr {
    pub size: u32,
    pub policy: u32,
    pub flags: u64,
    pub nice: i32,
    pub priority: u32,
    pub runtime: u64,
    pub deadline: u64,
    pub period: u64,
}

pub fn set_sched_attr(attr: SchedAttr) -> Result<()> {
    let attr = SchedAttr { size: size_of::<SchedAttr>() as u32, ..attr };
    // SAFETY: `attr` has the kernel's layout and states its own size.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) }).map(drop)
}

/// `nodes` is a bit mask of NUMA nodes, lowest first.
pub fn set_mempolicy(mode: u32, nodes: &[u64]) -> Result<()> {
    let bits = nodes.len() * 64 + 1;
    let pointer = if nodes.is_empty() { std::ptr::null() } else { nodes.as_ptr() };
    // SAFETY: the kernel reads `bits - 1` bits, which is exactly the slice.
    check(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, pointer, bits) }).map(drop)
}

/// Leaves namespaces for new ones (CLONE_NEW* flags); never the descriptor table, whose sharing safe code relies on.
pub fn unshare_namespaces(flags: u64) -> Result<()> {
    let flags = flags & !(libc::CLONE_FILES as u64 | libc::CLONE_FS as u64);
    // SAFETY: namespace flags change what names mean to the kernel, not memory.
    check(unsafe { libc::unshare(flags as libc::c_int) } as libc::c_long).map(drop)
}

/// A child that has ended and has not been waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedChild {
    pub pid: i32,
    /// The exit code, or the number of the signal.
    pub status: i32,
    pub is_signal: bool,
}

/// The next ended child of any kind, left for [`rustix::process::waitid`] to collect; rustix does not tell the pid.
pub fn next_ended_child() -> Result<Option<EndedChild>> {
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: an all-zero siginfo_t is valid, and waitid fills it in or leaves its pid zero; the union members read are those of SIGCHLD.
    unsafe {
        let mut status: libc::siginfo_t = std::mem::zeroed();
        check(libc::waitid(libc::P_ALL, 0, &raw mut status, flags) as libc::c_long)?;
        if status.si_pid() == 0 {
            return Ok(None);
        }
        Ok(Some(EndedChild { pid: status.si_pid(), status: status.si_status(), is_signal: status.si_code != libc::CLD_EXITED }))
    }
}

/// Any signal by number, the real-time ones included.
pub fn signal_of(number: i32) -> Option<rustix::process::Signal> {
    // SAFETY: within 1 to 64 the number is a signal; those that libc keeps for itself are only ever sent to other programs.
    (1..=64).contains(&number).then(|| unsafe { rustix::process::Signal::from_raw_unchecked(number) })
}

/// Replaces this process' last argument in what others see of it, as far as there is room. Whoever reads our arguments after this reads
/// the new one.
pub fn set_last_argument(value: &[u8]) {
    let Some(last) = std::env::args_os().next_back() else { return };
    let Some(end) = arguments_end() else { return };
    let room = last.len();
    // SAFETY: the kernel has put the arguments one after the other, each with its NUL, and `end` is behind the last one's: the `room` bytes
    // before that NUL are its own, in writable memory of the stack. Rust's std has copied none and keeps no reference to it but the pointer,
    // which it reads up to the NUL; other threads, of which a shim has none, would at worst see a mixture.
    unsafe {
        let place = std::slice::from_raw_parts_mut((end - 1 - room) as *mut u8, room);
        if place != std::os::unix::ffi::OsStrExt::as_bytes(last.as_os_str()) {
            return;
        }
        for (index, byte) in place.iter_mut().enumerate() {
            *byte = value.get(index).copied().unwrap_or(0);
        }
    }
}

/// Field 49 of /proc/self/stat; its name in parentheses may contain anything.
fn arguments_end() -> Option<usize> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(46)?.parse().ok().filter(|end| *end > 0)
}
