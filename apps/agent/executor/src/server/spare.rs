//! A shim that has been started already and waits to be told which container is its own: starting a program takes longer than all else that
//! a shim does before it can begin. It ends with this server, whose end of the pipe it reads from goes.

use crate::failure::{Attempt, Result};
use crate::shim::{PLAN_FD, REPORT_FD, ShimPlan};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use sys::{Child, Image, Spawn};
use wire::Failure;

/// A shim without a container.
pub struct Shim {
    pub child: Child,
    pub report: OwnedFd,
    plan: OwnedFd,
}

/// Room for a container's id among the arguments, for people who look at a process list.
const ID_PLACE: [u8; 64] = [b'-'; 64];

impl Shim {
    pub fn start(sealed: &OwnedFd) -> Result<Self> {
        let (report, their_report) = pipe_with(PipeFlags::CLOEXEC).attempt("create a pipe")?;
        let (their_plan, plan) = pipe_with(PipeFlags::CLOEXEC).attempt("create a pipe")?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).attempt("open /dev/null")?;
        let place = CString::new(ID_PLACE).map_err(|_| Failure::bug("an argument contains a NUL byte"))?;
        let argv = [CString::from(c"gantry-executor"), CString::from(c"shim"), place];
        // What is freed in passing would otherwise be kept for the next in passing, and so its page for ever.
        let env = [CString::from(c"GLIBC_TUNABLES=glibc.malloc.tcache_count=0")];
        let image = Image::new(sealed.as_fd(), &argv, &env);
        let null = null.as_fd();
        let fds = [(null, 0), (null, 1), (null, 2), (their_report.as_fd(), REPORT_FD), (their_plan.as_fd(), PLAN_FD)];
        let spawn = Spawn { image: &image, flags: 0, cgroup: None, fds: &fds, id_map_gate: None, new_session: true };
        Ok(Self { child: spawn.start().attempt("start a shim")?, report, plan })
    }

    /// Its container: from now on they are one. The shim itself is left to the caller when it is gone already.
    pub fn adopt(self, plan: &ShimPlan) -> std::result::Result<(Child, OwnedFd), (Child, Failure)> {
        let Self { child, report, plan: pipe } = self;
        let written = serde_json::to_vec(plan)
            .map_err(|error| Failure::bug(format!("encode the shim's plan: {error}")))
            .and_then(|json| File::from(pipe).write_all(&json).attempt("write the shim's plan"));
        match written {
            Ok(()) => Ok((child, report)),
            Err(failure) => Err((child, failure)),
        }
    }
}

#[derive(Default)]
pub struct Spare(Mutex<Option<Shim>>);

impl Spare {
    pub fn take(&self) -> Option<Shim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// For the next container. Without one it has to wait a little.
    pub fn refill(&self, sealed: &OwnedFd) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            *spare = Shim::start(sealed).ok();
        }
    }
}
