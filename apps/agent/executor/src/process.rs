//! Processes by pid that may have been reused: a pid means something only together with its start time, within one boot.

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A pid and the time it was born at, in ticks since boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    pub pid: i32,
    pub start: u64,
}

/// (state letter, start time) of a process, from /proc/PID/stat.
fn stat(pid: i32) -> Option<(char, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything, also parentheses and spaces.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

impl ProcessRef {
    pub fn of(pid: i32) -> Self {
        Self { pid, start: stat(pid).map_or(0, |(_, start)| start) }
    }

    /// Alive, and still the process it was: zombies do not count.
    pub fn is_alive(&self) -> bool {
        self.pid > 0 && stat(self.pid).is_some_and(|(state, start)| start == self.start && !matches!(state, 'Z' | 'X'))
    }

    /// A handle that cannot be redirected to another process, checked after it was opened.
    pub fn open(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        self.is_alive().then_some(fd)
    }
}

/// The process a pidfd stands for, as we see it.
pub fn pid_of(pidfd: BorrowedFd) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok()).filter(|pid| *pid > 0)
}

/// Identifies this boot of the machine.
pub fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_itself_and_not_an_impostor() {
        let own = ProcessRef::of(std::process::id() as i32);
        assert!(own.is_alive() && own.open().is_some());
        let impostor = ProcessRef { start: own.start + 1, ..own };
        assert!(!impostor.is_alive() && impostor.open().is_none());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let process = ProcessRef::of(child.id() as i32);
        assert!(process.is_alive());
        child.kill().unwrap();
        while process.is_alive() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
