//! bpf(2) for device cgroup programs, which cgroup v2 uses in place of v1's devices controller.

use crate::{Result, check};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// One eBPF instruction in the kernel's layout (struct bpf_insn): `registers` holds dst in its low four bits, src in its high four.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BpfInsn {
    pub code: u8,
    pub registers: u8,
    pub offset: i16,
    pub immediate: i32,
}

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_ATTACH: libc::c_long = 8;
const BPF_PROG_DETACH: libc::c_long = 9;
const BPF_PROG_GET_FD_BY_ID: libc::c_long = 13;
const BPF_PROG_QUERY: libc::c_long = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 2;

#[repr(C)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
}

#[repr(C)]
struct AttachAttr {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

pub fn load_device_program(program: &[BpfInsn]) -> Result<OwnedFd> {
    let attr = LoadAttr {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: c"Apache".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
    };
    // SAFETY: `attr` is a prefix of union bpf_attr, its size is passed, and its pointers live through the call.
    let fd = check(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attr, size_of::<LoadAttr>()) })?;
    // SAFETY: a new descriptor owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

fn change(command: libc::c_long, cgroup: BorrowedFd, program: BorrowedFd) -> Result<()> {
    let attr = AttachAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: if command == BPF_PROG_ATTACH { BPF_F_ALLOW_MULTI } else { 0 },
        replace_bpf_fd: 0,
    };
    // SAFETY: `attr` is a prefix of union bpf_attr and its size is passed.
    check(unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size_of::<AttachAttr>()) }).map(drop)
}

/// Beside those that are attached: all of them must agree.
pub fn attach_device_program(cgroup: BorrowedFd, program: BorrowedFd) -> Result<()> {
    change(BPF_PROG_ATTACH, cgroup, program)
}

pub fn detach_device_program(cgroup: BorrowedFd, program: BorrowedFd) -> Result<()> {
    change(BPF_PROG_DETACH, cgroup, program)
}

#[repr(C)]
struct QueryAttr {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
}

/// What is attached to this very cgroup; the kernel allows 64 programs.
pub fn device_programs(cgroup: BorrowedFd) -> Result<Vec<OwnedFd>> {
    let mut ids = [0u32; 64];
    let mut attr = QueryAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: ids.len() as u32,
    };
    // SAFETY: `attr` is a prefix of union bpf_attr, its size is passed, and `ids` has room for the count it states.
    check(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut attr, size_of::<QueryAttr>()) })?;
    ids.iter().take(attr.prog_cnt as usize).map(|id| open_program(*id)).collect()
}

fn open_program(id: u32) -> Result<OwnedFd> {
    // prog_id, next_id, open_flags
    let attr = [id, 0, 0];
    // SAFETY: `attr` is a prefix of union bpf_attr and its size is passed.
    let fd = check(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_GET_FD_BY_ID, &raw const attr, size_of_val(&attr)) })?;
    // SAFETY: a new descriptor owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
