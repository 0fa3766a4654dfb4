//! Control groups v1, v2 and hybrid behind one set of operations. Each controller is taken from wherever it is mounted.
#![forbid(unsafe_code)]

mod cgroup;
mod device_program;
mod devices;
mod files;
mod freezer;
mod hierarchy;
mod limits_v1;
mod limits_v2;
mod stats;

pub use cgroup::{Cgroup, SHIMS, enter};
pub use hierarchy::{Hierarchies, Mode};
pub use stats::{BlockIo, Cpu, Memory, Pids, Stats};

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{attempt} {path}")]
    Io { attempt: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{field} needs the {controller} cgroup controller, which is not available")]
    NoController { field: String, controller: &'static str },
    #[error("{field}: {problem}")]
    Value { field: String, problem: String },
    #[error("{path} did not become {wanted} in time")]
    Freezer { path: PathBuf, wanted: &'static str },
    #[error("load or attach the device filter of {path}")]
    Devices { path: PathBuf, source: rustix::io::Errno },
}

pub type Result<T> = std::result::Result<T, Error>;
