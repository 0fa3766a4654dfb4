//! Signals as descriptors, and a clean slate before exec.

use crate::{Result, check};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

fn full_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the whole set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

pub fn block_all_signals() -> Result<()> {
    let set = full_set();
    // SAFETY: a valid set, no old set wanted.
    check(unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) } as libc::c_long).map(drop)
}

/// Default dispositions and an empty mask, as a program expects to find them.
pub fn reset_signals() {
    // SAFETY: SIG_DFL for every signal (the kernel refuses KILL and STOP, harmlessly) and an empty, initialised mask.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// All signals of the (single-threaded) process, blocked and read from a descriptor.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    pub fn new() -> Result<Self> {
        block_all_signals()?;
        let set = full_set();
        // SAFETY: a valid set; -1 asks for a new descriptor.
        let fd = check(unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) } as libc::c_long)?;
        // SAFETY: a new descriptor owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    /// The number of the next pending signal.
    pub fn next(&self) -> Option<i32> {
        let mut record = std::mem::MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the kernel writes whole records only; a short or failed read yields None before the record is looked at.
        unsafe {
            if libc::read(self.0.as_raw_fd(), record.as_mut_ptr().cast(), size) != size as isize {
                return None;
            }
            Some(record.assume_init().ssi_signo as i32)
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
