//! A process the shim looks after: the container's first one, or one of `exec`.

use crate::clock;
use crate::failure::{Attempt, Result};
use crate::launch::Launched;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sys::EndedChild;
use wire::ExitStatus;

/// Number of the container's first process among the supervised ones.
pub const INIT: u32 = 0;

pub struct Supervised {
    /// "init" or the exec's id.
    pub id: String,
    pub pid: i32,
    pub pidfd: OwnedFd,
    /// stdout (or the terminal) and stderr; None when ended, or when the process has none.
    pub stdout: Option<Output>,
    pub stderr: Option<Output>,
    pub stdin: Option<Input>,
    /// For resizing.
    pub terminal: Option<OwnedFd>,
    /// Until its program runs.
    pub startup: Option<Launched>,
    pub exit: Option<ExitStatus>,
    /// Everything has been said about its end.
    pub is_announced: bool,
    /// The end of the first client's input is the end of stdin.
    pub closes_stdin: bool,
}

pub struct Output {
    pub fd: OwnedFd,
    /// Nobody reads from it because a client is behind.
    pub is_held: bool,
    /// It had nothing more to give after the process had ended.
    pub is_drained: bool,
    has_room: bool,
}

/// What a pipe holds unless it is told otherwise.
const PIPE_BYTES: usize = 64 * 1024;
/// Of a program that writes faster than we come round to reading.
pub const ROOMY_PIPE_BYTES: usize = 256 * 1024;

impl Output {
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, is_held: false, is_drained: false, has_room: false }
    }

    /// `count` bytes were there at once. If that was all the pipe holds, the program waits for us: from now on it holds more.
    pub fn make_room_after(&mut self, count: usize) {
        if count >= PIPE_BYTES && !self.has_room {
            // Refused to a user who has many; tried once.
            let _ = rustix::pipe::fcntl_setpipe_size(&self.fd, ROOMY_PIPE_BYTES);
            self.has_room = true;
        }
    }
}

pub struct Input {
    pub fd: OwnedFd,
    pending: Vec<u8>,
    ends: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Wrote {
    Everything,
    Partly,
    /// Stdin is closed, by either side.
    Closed,
}

impl Input {
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, pending: Vec::new(), ends: false }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Close once what is pending has been written.
    pub fn end(&mut self) {
        self.ends = true;
    }

    pub fn write(&mut self) -> Wrote {
        let mut written = 0;
        let outcome = loop {
            if written == self.pending.len() {
                break if self.ends { Wrote::Closed } else { Wrote::Everything };
            }
            match rustix::io::write(&self.fd, &self.pending[written..]) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break Wrote::Partly,
                // EPIPE: the process has closed its end.
                Err(_) => break Wrote::Closed,
            }
        };
        self.pending.drain(..written);
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        outcome
    }
}

impl Supervised {
    /// Nothing more will come out of it.
    pub fn is_drained(&self) -> bool {
        [&self.stdout, &self.stderr].into_iter().flatten().all(|output| output.is_drained)
    }
}

/// The child's ends of stdio and ours.
pub struct Stdio {
    pub theirs: [OwnedFd; 3],
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
}

impl Stdio {
    /// Pipes; with a terminal, or where there is nothing to pass, /dev/null.
    pub fn new(has_terminal: bool, has_stdin: bool) -> Result<Self> {
        let null = || rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null");
        if has_terminal {
            return Ok(Self { theirs: [null()?, null()?, null()?], stdin: None, stdout: None, stderr: None });
        }
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).attempt("create a pipe");
        let (their_stdin, stdin) = if has_stdin {
            let (read, write) = pipe()?;
            (read, Some(write))
        } else {
            (null()?, None)
        };
        let ((stdout, their_stdout), (stderr, their_stderr)) = (pipe()?, pipe()?);
        for fd in stdin.iter().chain([&stdout, &stderr]) {
            set_nonblocking(fd.as_fd())?;
        }
        Ok(Self { theirs: [their_stdin, their_stdout, their_stderr], stdin, stdout: Some(stdout), stderr: Some(stderr) })
    }

    pub fn borrowed(&self) -> [BorrowedFd<'_>; 3] {
        let [stdin, stdout, stderr] = &self.theirs;
        [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]
    }
}

pub fn set_nonblocking(fd: BorrowedFd) -> Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd).attempt("read descriptor flags")?;
    rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK).attempt("make a descriptor non-blocking")
}

pub fn to_exit_status(ended: EndedChild, oom_killed: bool) -> ExitStatus {
    let signal = ended.is_signal.then_some(ended.status);
    let code = signal.map_or(ended.status, |signal| 128 + signal);
    ExitStatus { code, signal, exited_at: clock::now(), oom_killed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{fcntl_getpipe_size, pipe};

    #[test]
    fn a_pipe_that_was_full_holds_more() {
        let (read_end, _write_end) = pipe().unwrap();
        let mut output = Output::new(read_end);
        output.make_room_after(PIPE_BYTES - 1);
        assert_eq!(fcntl_getpipe_size(&output.fd).unwrap(), PIPE_BYTES);
        output.make_room_after(PIPE_BYTES);
        assert_eq!(fcntl_getpipe_size(&output.fd).unwrap(), ROOMY_PIPE_BYTES);
    }
}
