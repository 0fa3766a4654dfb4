//! Replacing the process image.

use crate::{Result, last_errno};
use rustix::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ffi::{CStr, CString};
use std::marker::PhantomData;

/// A program by descriptor with its arguments and environment, laid out for the kernel before any clone.
pub struct Image<'a> {
    fd: RawFd,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
    borrowed: PhantomData<&'a CString>,
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

impl<'a> Image<'a> {
    pub fn new(program: BorrowedFd<'a>, argv: &'a [CString], envp: &'a [CString]) -> Self {
        Self { fd: program.as_raw_fd(), argv: pointers(argv), envp: pointers(envp), borrowed: PhantomData }
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd
    }

    /// Execs through `fd`; returns the errno if that fails. Async-signal-safe.
    pub(crate) fn exec_at(&self, fd: RawFd) -> i32 {
        // SAFETY: argv and envp are null-terminated arrays of strings that `'a` keeps alive.
        unsafe {
            libc::syscall(libc::SYS_execveat, fd, c"".as_ptr(), self.argv.as_ptr(), self.envp.as_ptr(), libc::AT_EMPTY_PATH);
            *libc::__errno_location()
        }
    }
}

/// Returns only if it failed.
pub fn execve(path: &CStr, argv: &[CString], envp: &[CString]) -> rustix::io::Errno {
    let (argv, envp) = (pointers(argv), pointers(envp));
    // SAFETY: null-terminated arrays of live C strings.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    last_errno()
}

/// Returns only if it failed.
pub fn execveat(program: BorrowedFd, argv: &[CString], envp: &[CString]) -> Result<()> {
    let errno = Image::new(program, argv, envp).exec_at(program.as_raw_fd());
    Err(rustix::io::Errno::from_raw_os_error(errno))
}
