//! Collects shims that have ended while this server lives. Each is known by pidfd, so that children of other kinds (hooks) are left to
//! those who started them.

use crate::failure::{Attempt, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::sync::{Arc, Mutex, PoisonError};

struct Shared {
    new: Mutex<Vec<OwnedFd>>,
    wake: OwnedFd,
}

pub struct Reaper(Arc<Shared>);

impl Reaper {
    pub fn start() -> Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).attempt("create an eventfd")?;
        let shared = Arc::new(Shared { new: Mutex::new(Vec::new()), wake });
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("reaper".into()).spawn(move || run(&for_thread)).attempt("start the reaper")?;
        Ok(Self(shared))
    }

    pub fn adopt(&self, pidfd: OwnedFd) {
        self.0.new.lock().unwrap_or_else(PoisonError::into_inner).push(pidfd);
        // Can fail only when it is pending already.
        let _ = rustix::io::write(&self.0.wake, &1u64.to_ne_bytes());
    }
}

fn run(shared: &Shared) {
    let mut children: Vec<OwnedFd> = Vec::new();
    loop {
        let mut waiting = vec![PollFd::new(&shared.wake, PollFlags::IN)];
        waiting.extend(children.iter().map(|child| PollFd::new(child, PollFlags::IN)));
        if poll(&mut waiting, None).is_err() {
            continue;
        }
        let _ = rustix::io::read(&shared.wake, &mut [0u8; 8]);
        let has_ended =
            |child: &OwnedFd| !matches!(waitid(WaitId::PidFd(child.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(None));
        children.retain(|child| !has_ended(child));
        children.append(&mut shared.new.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
