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

/// Returns freed heap pages to the kernel: a shim lives for months on what it needs after start-up.
pub fn malloc_trim() {
    // SAFETY: glibc's allocator is internally synchronised.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Leaves namespaces for new ones (CLONE_NEW* flags); never the descriptor table, whose sharing safe code relies on.
pub fn unshare_namespaces(flags: u64) -> Result<()> {
    let flags = flags & !(libc::CLONE_FILES as u64 | libc::CLONE_FS as u64);
    // SAFETY: namespace flags change what names mean to the kernel, not memory.
    check(unsafe { libc::unshare(flags as libc::c_int) } as libc::c_long).map(drop)
}
