//! What a container's process is told at birth: JSON and the compiled seccomp program, in a memory file it inherits.

use crate::failure::{Attempt, Result};
use rustix::fd::OwnedFd;
use rustix::fs::MemfdFlags;
use serde::{Deserialize, Serialize};
use std::io::{Read, Seek, SeekFrom, Write};
use sys::InstallFilter;
use wire::{Failure, NetworkAttachment, OverlayRootfs};

/// Descriptor numbers of a process at birth, after stdio.
pub const CHANNEL_FD: i32 = 3;
pub const PLAN_FD: i32 = 4;
/// The exec FIFO (command line) or the container's pidfd (exec).
pub const EXTRA_FD: i32 = 5;
/// Preserved descriptors start here, and are moved to 3 before the exec.
pub const PRESERVED_FD: i32 = 6;
/// The doors of the cgroup start here, beyond the last preserved one.
pub const DOORS_FD: i32 = PRESERVED_FD + MAX_PRESERVED;
/// Most descriptors beyond stdio that a program can inherit.
pub const MAX_PRESERVED: i32 = 128;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub process: oci::Process,
    pub role: Role,
    pub seccomp_flags: u32,
    /// The container keeps its starter's session keyring.
    pub keep_keyring: bool,
    /// Descriptors beyond stdio that the program inherits.
    pub preserve_fds: i32,
    /// Doors of the cgroup to enter.
    pub doors: i32,
    /// There is a user namespace of the container's own, in which this process must be root before it becomes the user.
    pub user_namespace: bool,
    #[serde(skip)]
    pub filter: Vec<InstallFilter>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Init(Box<InitPlan>),
    Exec {
        /// CLONE_NEW* flags of what to enter.
        namespaces: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitPlan {
    /// Without process, resources and seccomp.
    pub config: oci::Config,
    pub bundle: String,
    pub rootfs: String,
    pub overlay: Option<OverlayRootfs>,
    pub networks: Vec<NetworkAttachment>,
    /// (directory name below the cgroup mount, path on the host); the name is empty for v2 alone.
    pub cgroups: Vec<(String, String)>,
    /// Wait for a byte in the exec FIFO, rather than for a message.
    pub gate_is_fifo: bool,
    pub no_pivot: bool,
    /// For hooks.
    pub state: crate::oci_state::OciState,
}

impl Plan {
    pub fn to_memfd(&self) -> Result<OwnedFd> {
        let json = serde_json::to_vec(self).map_err(|error| Failure::bug(format!("encode a plan: {error}")))?;
        let fd = rustix::fs::memfd_create("plan", MemfdFlags::CLOEXEC).attempt("create a memory file for the plan")?;
        let mut file = std::fs::File::from(fd);
        let mut bytes = Vec::with_capacity(4 + json.len() + self.filter.len() * 8);
        bytes.extend((json.len() as u32).to_ne_bytes());
        bytes.extend(json);
        for step in &self.filter {
            bytes.extend(step.code.to_ne_bytes());
            bytes.extend([step.jt, step.jf]);
            bytes.extend(step.k.to_ne_bytes());
        }
        file.write_all(&bytes).and_then(|()| file.seek(SeekFrom::Start(0))).attempt("write the plan")?;
        Ok(file.into())
    }

    pub fn from_memfd(fd: OwnedFd) -> Result<Self> {
        let mut bytes = Vec::new();
        std::fs::File::from(fd).read_to_end(&mut bytes).attempt("read the plan")?;
        let truncated = || Failure::bug("the plan is truncated");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(truncated)?;
        let (json, filter) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize).ok_or_else(truncated)?;
        let mut plan: Self = serde_json::from_slice(json).map_err(|error| Failure::bug(format!("parse the plan: {error}")))?;
        plan.filter = filter
            .chunks_exact(8)
            .map(|step| InstallFilter {
                code: u16::from_ne_bytes([step[0], step[1]]),
                jt: step[2],
                jf: step[3],
                k: u32::from_ne_bytes([step[4], step[5], step[6], step[7]]),
            })
            .collect();
        Ok(plan)
    }
}
