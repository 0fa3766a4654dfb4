//! Starting a program with `clone3`: new namespaces, a cgroup at birth, and no copy of the caller's page tables
//! (CLONE_VM | CLONE_VFORK) unless a user namespace makes the child wait for its id maps first.

use crate::exec::Image;
use crate::{Result, check};
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::process::Pid;
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};

/// A child that has begun to run its program (or, behind an [`IdMapGate`], waits to).
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    pub pidfd: OwnedFd,
}

/// The child blocks on `read_end` until a byte arrives, then becomes uid and gid 0 of its user namespace and execs.
pub struct IdMapGate<'a> {
    pub read_end: BorrowedFd<'a>,
    pub write_end: BorrowedFd<'a>,
}

pub struct Spawn<'a> {
    pub image: &'a Image<'a>,
    /// CLONE_NEW* and CLONE_PARENT flags.
    pub flags: u64,
    pub cgroup: Option<BorrowedFd<'a>>,
    /// (ours, the child's number), numbers ascending from 0; everything else the child must not see is O_CLOEXEC.
    pub fds: &'a [(BorrowedFd<'a>, RawFd)],
    pub id_map_gate: Option<IdMapGate<'a>>,
    /// Make the child the leader of a session of its own.
    pub new_session: bool,
}

/// clone3 flags above 32 bits, which libc declares too narrow.
const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
const CLONE_INTO_CGROUP: u64 = 1 << 33;
const STACK_BYTES: usize = 64 * 1024;

struct ChildPlan<'a> {
    image: &'a Image<'a>,
    fds: &'a [(RawFd, RawFd)],
    gate: Option<(RawFd, RawFd)>,
    new_session: bool,
    failure: AtomicI32,
}

impl Spawn<'_> {
    /// Returns once the child has exec'd (or, with a gate, once it exists).
    pub fn start(&self) -> Result<Child> {
        let fds: Vec<(RawFd, RawFd)> = self.fds.iter().map(|(from, to)| (from.as_raw_fd(), *to)).collect();
        if fds.len() > MAX_INHERITED {
            return Err(rustix::io::Errno::TOOBIG);
        }
        let plan = ChildPlan {
            image: self.image,
            fds: &fds,
            gate: self.id_map_gate.as_ref().map(|gate| (gate.read_end.as_raw_fd(), gate.write_end.as_raw_fd())),
            new_session: self.new_session,
            failure: AtomicI32::new(0),
        };
        let mut stack = vec![0u128; STACK_BYTES / size_of::<u128>()];
        let mut pidfd: RawFd = -1;
        let shared = if plan.gate.is_some() { 0 } else { libc::CLONE_VM | libc::CLONE_VFORK };
        let mut flags = self.flags | (libc::CLONE_PIDFD | shared) as u64 | CLONE_CLEAR_SIGHAND;
        if self.cgroup.is_some() {
            flags |= CLONE_INTO_CGROUP;
        }
        let args = libc::clone_args {
            flags,
            pidfd: &raw mut pidfd as u64,
            child_tid: 0,
            parent_tid: 0,
            exit_signal: if self.flags & libc::CLONE_PARENT as u64 == 0 { libc::SIGCHLD as u64 } else { 0 },
            stack: stack.as_mut_ptr() as u64,
            stack_size: STACK_BYTES as u64,
            tls: 0,
            set_tid: 0,
            set_tid_size: 0,
            cgroup: self.cgroup.map_or(0, |fd| fd.as_raw_fd() as u64),
        };
        let blocked = BlockedSignals::new();
        // SAFETY: `args` describes a stack that outlives the child's use of it: with CLONE_VFORK we resume only after the child
        // has exec'd or exited; without CLONE_VM it runs on a copy. `run_child` touches only `plan`, system calls and the stack.
        let pid = check(unsafe { clone3_call(&args, run_child, &raw const plan as *mut c_void) } as libc::c_long)?;
        drop(blocked);
        // SAFETY: CLONE_PIDFD stored a new descriptor, owned by nobody else, before clone3 returned.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        let pid = Pid::from_raw(pid as i32).ok_or(rustix::io::Errno::SRCH)?;
        let failure = plan.failure.load(Ordering::Acquire);
        if failure != 0 {
            let _ = rustix::process::waitid(rustix::process::WaitId::Pid(pid), rustix::process::WaitIdOptions::EXITED);
            return Err(rustix::io::Errno::from_raw_os_error(failure));
        }
        Ok(Child { pid, pidfd })
    }
}

/// Keeps handlers of ours from running in a child that shares our memory.
struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    fn new() -> Self {
        let mut old = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both sets are ours; sigfillset initialises the first and pthread_sigmask the second.
        unsafe {
            let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
            Self(old.assume_init())
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: restores the set that `new` read.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}

/// First descriptor number used while the inherited ones are being moved into place.
const PARKING: RawFd = 256;
/// Most descriptors a child can be given.
pub const MAX_INHERITED: usize = 160;

extern "C" fn run_child(argument: *mut c_void) -> ! {
    // SAFETY: `argument` is the `ChildPlan` of `Spawn::start`, alive until this function execs or exits. Only async-signal-safe
    // calls follow: no allocation, no locks, no drop.
    unsafe {
        let plan = &*(argument as *const ChildPlan);
        let errno = become_program(plan);
        plan.failure.store(errno, Ordering::Release);
        libc::_exit(127)
    }
}

/// Returns the errno of what failed.
unsafe fn become_program(plan: &ChildPlan) -> i32 {
    // SAFETY: plain system calls on numbers the parent owns, in a copy of its descriptor table; see `run_child`.
    unsafe {
        let errno = || *libc::__errno_location();
        if plan.new_session && libc::setsid() < 0 {
            return errno();
        }
        if let Some((read_end, write_end)) = plan.gate {
            libc::close(write_end);
            let mut byte = 0u8;
            if libc::read(read_end, (&raw mut byte).cast(), 1) != 1 {
                return libc::EPIPE;
            }
            if libc::syscall(libc::SYS_setresgid, 0, 0, 0) < 0 || libc::syscall(libc::SYS_setresuid, 0, 0, 0) < 0 {
                return errno();
            }
        }
        let program = libc::fcntl(plan.image.fd(), libc::F_DUPFD_CLOEXEC, PARKING);
        if program < 0 {
            return errno();
        }
        let mut parked = [-1; MAX_INHERITED];
        for (slot, (from, _)) in parked.iter_mut().zip(plan.fds) {
            *slot = libc::fcntl(*from, libc::F_DUPFD_CLOEXEC, PARKING);
            if *slot < 0 {
                return errno();
            }
        }
        for (slot, (_, to)) in parked.iter().zip(plan.fds) {
            if libc::dup2(*slot, *to) < 0 {
                return errno();
            }
        }
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
        plan.image.exec_at(program)
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn clone3_call(args: *const libc::clone_args, entry: extern "C" fn(*mut c_void) -> !, argument: *mut c_void) -> isize {
    let result: isize;
    // SAFETY: the child starts on the stack named in `args` and never returns from `entry`; the parent falls through to `2:`.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {argument}",
            "call {entry}",
            "ud2",
            "2:",
            entry = in(reg) entry,
            argument = in(reg) argument,
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") args,
            in("rsi") size_of::<libc::clone_args>(),
            out("rcx") _,
            out("r11") _,
        );
    }
    to_libc_result(result)
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone3_call(args: *const libc::clone_args, entry: extern "C" fn(*mut c_void) -> !, argument: *mut c_void) -> isize {
    let result: isize;
    // SAFETY: as on x86_64.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {argument}",
            "blr {entry}",
            "brk #1",
            "2:",
            entry = in(reg) entry,
            argument = in(reg) argument,
            in("x8") libc::SYS_clone3,
            inlateout("x0") args => result,
            in("x1") size_of::<libc::clone_args>(),
            out("x30") _,
        );
    }
    to_libc_result(result)
}

/// Turns a raw kernel result into libc's convention (-1 and errno).
fn to_libc_result(result: isize) -> isize {
    if result < 0 {
        // SAFETY: errno is this thread's own.
        unsafe { *libc::__errno_location() = -result as i32 };
        -1
    } else {
        result
    }
}
