//! Pausing and killing everything in a cgroup.

use crate::{Cgroup, Error, Result, files};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::time::{Duration, Instant};

const FREEZE_LIMIT: Duration = Duration::from_secs(10);
const KILL_LIMIT: Duration = Duration::from_secs(10);

impl Cgroup {
    pub fn freeze(&self) -> Result<()> {
        let deadline = Instant::now() + FREEZE_LIMIT;
        let timed_out = |path: &Path| Error::Freezer { path: path.to_owned(), wanted: "frozen" };
        if let Some(path) = self.v1_path("freezer") {
            // Processes that fork while it happens leave v1 in FREEZING until it is told again.
            loop {
                files::write(&path.join("freezer.state"), "FROZEN")?;
                if files::read(&path.join("freezer.state"))?.trim() == "FROZEN" {
                    return Ok(());
                }
                if Instant::now() > deadline {
                    files::write(&path.join("freezer.state"), "THAWED")?;
                    return Err(timed_out(path));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let Some(path) = self.v2_path() else { return Err(no_freezer()) };
        files::write(&path.join("cgroup.freeze"), "1")?;
        while files::keyed(&path.join("cgroup.events"), "frozen") != Some(1) {
            if Instant::now() > deadline {
                files::write(&path.join("cgroup.freeze"), "0")?;
                return Err(timed_out(path));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub fn thaw(&self) -> Result<()> {
        if let Some(path) = self.v1_path("freezer") {
            return files::write(&path.join("freezer.state"), "THAWED");
        }
        self.v2_path().map_or_else(|| Err(no_freezer()), |path| files::write(&path.join("cgroup.freeze"), "0"))
    }

    pub fn is_frozen(&self) -> bool {
        if let Some(path) = self.v1_path("freezer") {
            return std::fs::read_to_string(path.join("freezer.state")).is_ok_and(|state| matches!(state.trim(), "FROZEN" | "FREEZING"));
        }
        self.v2_path().is_some_and(|path| files::number(&path.join("cgroup.freeze")) == Some(1))
    }

    pub fn signal_all(&self, signal: Signal) -> Result<()> {
        for pid in self.pids()?.into_iter().filter_map(Pid::from_raw) {
            // One that has just ended is as good as signalled.
            let _ = kill_process(pid, signal);
        }
        Ok(())
    }

    /// Kills everything inside, also what forks meanwhile, and waits until it is gone.
    pub fn kill(&self) -> Result<()> {
        let deadline = Instant::now() + KILL_LIMIT;
        if let Some(path) = self.v2_path() {
            // Absent before Linux 5.14, and useless for processes that v2 does not hold.
            let _ = files::try_write(&path.join("cgroup.kill"), "1");
        }
        loop {
            self.signal_all(Signal::KILL)?;
            if self.is_frozen() {
                self.thaw()?;
            }
            if self.pids()?.is_empty() || Instant::now() > deadline {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn no_freezer() -> Error {
    Error::NoController { field: "pause".into(), controller: "freezer" }
}
