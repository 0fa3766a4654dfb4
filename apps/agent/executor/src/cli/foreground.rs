//! Staying with a process until it ends: its terminal is joined to ours, our signals are its.

use crate::failure::{Attempt, Result};
use crate::launch::Launched;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::process::ExitCode;
use sys::SignalFd;

/// Our terminal in raw mode, until dropped.
struct RawTerminal(Termios);

impl RawTerminal {
    fn enter() -> Option<Self> {
        let stdin = rustix::stdio::stdin();
        if !isatty(stdin) {
            return None;
        }
        let before = tcgetattr(stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}

fn copy_window_size(console: &OwnedFd) {
    if let Ok(size) = tcgetwinsize(rustix::stdio::stdin()) {
        let _ = tcsetwinsize(console, size);
    }
}

/// Returns the process's exit code.
pub fn attend(launched: &mut Launched) -> Result<ExitCode> {
    const SIGCHLD: i32 = 17;
    const SIGWINCH: i32 = 28;
    let signals = SignalFd::new().attempt("receive signals")?;
    let console = launched.console.take();
    let raw = console.as_ref().and_then(|_| RawTerminal::enter());
    if let Some(console) = &console {
        copy_window_size(console);
    }
    let mut wants_stdin = console.is_some();
    let code = loop {
        // Before waiting: it may have ended before we listened.
        if let Some(status) = waitid(WaitId::PidFd(launched.child.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
            .attempt("wait for the process")?
        {
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            break signal.or(status.exit_status()).unwrap_or(255);
        }
        let mut waiting = vec![PollFd::new(&signals, PollFlags::IN), PollFd::new(&launched.child.pidfd, PollFlags::IN)];
        let stdin = rustix::stdio::stdin();
        if let Some(console) = &console {
            waiting.push(PollFd::new(console, PollFlags::IN));
            if wants_stdin {
                waiting.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
            }
        }
        match poll(&mut waiting, None) {
            Err(Errno::INTR) => continue,
            result => result.attempt("wait for events")?,
        };
        let has_output = waiting.get(2).is_some_and(|fd| fd.revents().contains(PollFlags::IN));
        let has_input = waiting.get(3).is_some_and(|fd| !fd.revents().is_empty());
        while let Some(signal) = signals.next() {
            match (signal, &console) {
                (SIGCHLD, _) => bury_strays(launched),
                (SIGWINCH, Some(console)) => copy_window_size(console),
                (signal, _) => {
                    if let Some(signal) = sys::signal_of(signal) {
                        let _ = pidfd_send_signal(&launched.child.pidfd, signal);
                    }
                }
            }
        }
        if let Some(console) = &console {
            if has_output {
                pass(console.as_fd(), rustix::stdio::stdout())?;
            }
            if has_input {
                wants_stdin = pass(stdin, console.as_fd())?;
            }
        }
    };
    if let Some(console) = &console {
        drain(console)?;
    }
    drop(raw);
    Ok(ExitCode::from(code as u8))
}

/// Orphans of the container that became our children.
fn bury_strays(launched: &Launched) {
    while let Ok(Some(ended)) = sys::next_ended_child() {
        if ended.pid == launched.child.pid.as_raw_nonzero().get() {
            return;
        }
        let Some(pid) = rustix::process::Pid::from_raw(ended.pid) else { return };
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

/// Copies one buffer; false at the end of the source.
fn pass(from: BorrowedFd, to: BorrowedFd) -> Result<bool> {
    let mut buffer = [0u8; 8192];
    let count = match rustix::io::retry_on_intr(|| rustix::io::read(from, &mut buffer)) {
        Ok(0) | Err(Errno::IO) => return Ok(false),
        Err(Errno::AGAIN) => return Ok(true),
        result => result.attempt("read the terminal")?,
    };
    let mut rest = &buffer[..count];
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(to, rest)).attempt("write the terminal")?;
        rest = &rest[written..];
    }
    Ok(true)
}

/// What the process wrote before it ended.
fn drain(console: &OwnedFd) -> Result<()> {
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        let mut waiting = [PollFd::new(console, PollFlags::IN)];
        poll(&mut waiting, Some(&now)).attempt("look for output")?;
        if !waiting[0].revents().contains(PollFlags::IN) || !pass(console.as_fd(), rustix::stdio::stdout())? {
            return Ok(());
        }
    }
}
