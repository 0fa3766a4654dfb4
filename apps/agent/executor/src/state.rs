//! The state directory: ROOT/ID/ holds `state.json` (this record), `exit`, `config.json` (as it was at creation), `shim.sock` and `shim.log`,
//! or `exec.fifo` when the command line created the container. It is all that a restarted server or another command knows.
//! ROOT/.seccomp/ holds compiled filters, and can be made anew.

use crate::clock;
use crate::exit_record;
use crate::failure::{Attempt, Result};
use crate::process::{ProcessRef, boot_id};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use wire::{Code, ContainerState, ExecExit, ExitStatus, Failure, Status};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub id: String,
    pub bundle: String,
    pub rootfs: String,
    pub boot_id: String,
    pub created_at: String,
    pub started_at: Option<String>,
    /// None until the container's first process exists.
    pub process: Option<ProcessRef>,
    /// None for containers of the command line.
    pub shim: Option<ProcessRef>,
    pub cgroups_path: String,
    /// The container's processes end with its first one.
    pub private_pid: bool,
    pub annotations: BTreeMap<String, String>,
    /// Hooks to run at its deletion; their names are in the configuration.
    #[serde(default = "unknown_means_yes")]
    pub has_poststop: bool,
    /// The OCI runtime that made it and removes it; None: this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Kept in a file of its own, see [`crate::exit_record`].
    #[serde(default, skip_serializing)]
    pub exit: Option<ExitStatus>,
}

fn unknown_means_yes() -> bool {
    true
}

impl Record {
    pub fn new(id: &str, bundle: &Path, rootfs: &Path, config: &oci::Config) -> Self {
        Self {
            id: id.to_owned(),
            bundle: bundle.to_string_lossy().into_owned(),
            rootfs: rootfs.to_string_lossy().into_owned(),
            boot_id: boot_id().to_owned(),
            created_at: clock::now(),
            started_at: None,
            process: None,
            shim: None,
            cgroups_path: config.linux.cgroups_path.clone(),
            private_pid: config.linux.is_new(oci::NamespaceKind::Pid),
            annotations: config.annotations.clone(),
            has_poststop: config.hooks.as_ref().is_some_and(|hooks| !hooks.poststop.is_empty()),
            runtime: None,
            exit: None,
        }
    }

    /// The first process, if it can still be trusted to be the container's.
    pub fn live_process(&self) -> Option<ProcessRef> {
        self.process.filter(|process| self.exit.is_none() && self.boot_id == boot_id() && process.is_alive())
    }

    pub fn live_shim(&self) -> Option<ProcessRef> {
        self.shim.filter(|shim| self.boot_id == boot_id() && shim.is_alive())
    }

    pub fn cgroup(&self) -> cgroups::Cgroup {
        cgroups::Hierarchies::detect().cgroup(&self.cgroups_path, &self.id)
    }

    pub fn status(&self) -> Status {
        if self.process.is_none() && self.exit.is_none() {
            let is_creating = self.shim.is_none() || self.live_shim().is_some();
            return if is_creating && self.boot_id == boot_id() { Status::Creating } else { Status::Stopped };
        }
        match (self.live_process(), &self.started_at) {
            (None, _) => Status::Stopped,
            (Some(_), None) => Status::Created,
            (Some(_), Some(_)) if self.cgroup().is_frozen() => Status::Paused,
            (Some(_), Some(_)) => Status::Running,
        }
    }

    pub fn to_state(&self) -> ContainerState {
        self.to_state_of(self.status())
    }

    /// For those who know how the container is, since they have just made it so.
    pub fn to_state_of(&self, status: Status) -> ContainerState {
        ContainerState {
            container_id: self.id.clone(),
            status,
            pid: if status == Status::Stopped { 0 } else { self.process.map_or(0, |process| process.pid) },
            shim_pid: self.live_shim().map_or(0, |shim| shim.pid),
            bundle: self.bundle.clone(),
            created_at: self.created_at.clone(),
            started_at: self.started_at.clone(),
            exit: self.exit.clone(),
        }
    }
}

/// One container's directory.
#[derive(Debug)]
pub struct StateDir {
    pub path: PathBuf,
    pub fd: OwnedFd,
}

const RECORD: &str = "state.json";
const RECORD_NEW: &str = "state.json.new";
const EXEC_EXITS: &str = "execs.json";
pub const CONFIG: &str = "config.json";
pub const EXEC_FIFO: &str = "exec.fifo";
pub const SHIM_SOCKET: &str = "shim.sock";
pub const SHIM_LOG: &str = "shim.log";

pub fn not_found(id: &str) -> Failure {
    Failure::new(Code::NotFound, format!("container {id} does not exist"))
}

impl StateDir {
    /// Claims the id: of two creators exactly one succeeds.
    pub fn create(root: &Path, id: &str) -> Result<Self> {
        oci::check_container_id(id)?;
        std::fs::create_dir_all(root).attempt(format!("create {}", root.display()))?;
        let path = root.join(id);
        match rustix::fs::mkdir(&path, Mode::RWXU) {
            Err(rustix::io::Errno::EXIST) => return Err(Failure::new(Code::Exists, format!("container {id} exists"))),
            result => result.attempt(format!("create {}", path.display()))?,
        }
        Self::open_path(path, id)
    }

    pub fn open(root: &Path, id: &str) -> Result<Self> {
        oci::check_container_id(id)?;
        Self::open_path(root.join(id), id)
    }

    fn open_path(path: PathBuf, id: &str) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => Err(not_found(id)),
            result => Ok(Self { fd: result.attempt(format!("open {}", path.display()))?, path }),
        }
    }

    /// Of the state of all containers.
    pub fn root(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Serialises start and delete of one container across processes; released when this value is dropped.
    pub fn lock(&self) -> Result<()> {
        rustix::fs::flock(&self.fd, FlockOperation::LockExclusive).attempt(format!("lock {}", self.path.display()))?;
        if self.path.exists() { Ok(()) } else { Err(not_found(&self.path.file_name().unwrap_or_default().to_string_lossy())) }
    }

    pub fn read(&self) -> Result<Record> {
        let path = self.path.join(RECORD);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            text => text.attempt(format!("read {}", path.display()))?,
        };
        let mut record = if text.is_empty() {
            // Between mkdir and the first write, after a delete that was cut short, or after a power cut soon after creation.
            let id = self.path.file_name().unwrap_or_default().to_string_lossy();
            Record { has_poststop: true, ..Record::new(&id, Path::new(""), Path::new(""), &oci::Config::default()) }
        } else {
            serde_json::from_slice(&text).map_err(|error| Failure::failed(format!("parse {}: {error}", path.display())))?
        };
        record.exit = record.exit.or(exit_record::read(&self.fd)?);
        Ok(record)
    }

    pub fn read_config(&self) -> Result<oci::Config> {
        let path = self.path.join(CONFIG);
        Ok(oci::Config::parse(&std::fs::read(&path).attempt(format!("read {}", path.display()))?)?)
    }

    pub fn write_config(&self, json: &[u8]) -> Result<()> {
        self.write_file(CONFIG, json)
    }

    /// Left by the shim when the container has ended, for who was away until then.
    pub fn write_exec_exits(&self, exits: &[ExecExit]) -> Result<()> {
        let json = serde_json::to_vec(exits).map_err(|error| Failure::bug(format!("encode exits: {error}")))?;
        self.write_file(EXEC_EXITS, &json)
    }

    /// None of them while the container runs: its shim knows.
    pub fn read_exec_exits(&self) -> Result<Vec<ExecExit>> {
        let path = self.path.join(EXEC_EXITS);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            text => {
                let text = text.attempt(format!("read {}", path.display()))?;
                serde_json::from_slice(&text).map_err(|error| Failure::failed(format!("parse {}: {error}", path.display())))
            }
        }
    }

    /// Replaces the record in one step.
    pub fn write(&self, record: &Record) -> Result<()> {
        let json = serde_json::to_vec(record).map_err(|error| Failure::bug(format!("encode the record: {error}")))?;
        self.write_file(RECORD_NEW, &json)?;
        rustix::fs::renameat(&self.fd, RECORD_NEW, &self.fd, RECORD).attempt(format!("replace {RECORD} in {}", self.path.display()))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let what = || format!("write {name} in {}", self.path.display());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR).attempt(what())?;
        std::fs::File::from(fd).write_all(bytes).attempt(what())
    }

    /// The record goes last: whatever stops this half-way, the container can be found and deleted again.
    pub fn remove(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.path).attempt(format!("list {}", self.path.display()))?.flatten() {
            if entry.file_name() != RECORD {
                let _ = rustix::fs::unlinkat(&self.fd, entry.file_name(), AtFlags::empty());
            }
        }
        let _ = rustix::fs::unlinkat(&self.fd, RECORD, AtFlags::empty());
        std::fs::remove_dir(&self.path).attempt(format!("remove {}", self.path.display()))
    }
}

/// Every container below `root`; one that is being deleted meanwhile is left out.
pub fn list(root: &Path) -> Result<Vec<Record>> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.attempt(format!("list {}", root.display()))?,
    };
    let mut records: Vec<Record> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| StateDir::open(root, &entry.file_name().to_string_lossy()).ok()?.read().ok())
        .collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(records)
}
