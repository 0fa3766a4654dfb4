use crate::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const PROTOCOL: u32 = 1;

/// One request frame: `{ id, op, ...arguments }`.
#[derive(Debug, Deserialize)]
pub struct Request {
    pub id: i64,
    #[serde(flatten)]
    pub operation: Operation,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all_fields = "camelCase")]
pub enum Operation {
    #[serde(rename = "hello")]
    Hello { protocol: u32 },
    #[serde(rename = "container.create")]
    Create(Create),
    #[serde(rename = "container.start")]
    Start { container_id: String },
    #[serde(rename = "container.state")]
    State { container_id: String },
    #[serde(rename = "container.list")]
    List {},
    #[serde(rename = "container.kill")]
    Kill { container_id: String, signal: i32, all: bool },
    #[serde(rename = "container.delete")]
    Delete { container_id: String, force: bool },
    #[serde(rename = "container.pause")]
    Pause { container_id: String },
    #[serde(rename = "container.resume")]
    Resume { container_id: String },
    #[serde(rename = "container.update")]
    Update { container_id: String, resources: serde_json::Value },
    #[serde(rename = "container.stats")]
    Stats { container_id: String },
    #[serde(rename = "container.processes")]
    Processes { container_id: String },
    #[serde(rename = "container.execs")]
    Execs { container_id: String },
    #[serde(rename = "network.bridge.ensure")]
    BridgeEnsure { name: String, addresses: Vec<String>, mtu: u32 },
    #[serde(rename = "network.bridge.delete")]
    BridgeDelete { name: String },
    #[serde(rename = "network.connect")]
    Connect { container_id: String, attachment: NetworkAttachment },
    #[serde(rename = "network.disconnect")]
    Disconnect { container_id: String, host_interface: String, name: String },
    #[serde(rename = "layer.unpack")]
    Unpack(LayerUnpack),
    #[serde(rename = "layer.finish")]
    Finish(LayerFinish),
    #[serde(rename = "tree.remove")]
    RemoveTree { path: String },
    #[serde(rename = "tree.sync")]
    SyncTree { path: String },
    #[serde(rename = "archive.decompress")]
    Decompress {},
    #[serde(rename = "layer.diff")]
    Diff(LayerDiff),
    #[serde(rename = "layer.changes")]
    Changes { upper_dir: String, lower_dirs: Vec<String> },
    #[serde(rename = "path.stat")]
    Stat { rootfs: RootfsRef, path: String },
    #[serde(rename = "archive.read")]
    ArchiveRead { rootfs: RootfsRef, path: String },
    #[serde(rename = "archive.write")]
    ArchiveWrite(ArchiveWrite),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OverlayRootfs {
    /// Topmost layer first.
    pub lower_dirs: Vec<String>,
    pub upper_dir: String,
    pub work_dir: String,
}

fn default_mtu() -> u32 {
    1500
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAttachment {
    pub bridge: String,
    pub host_interface: String,
    pub name: String,
    pub mac: String,
    pub addresses: Vec<String>,
    pub gateways: Vec<String>,
    #[serde(default = "default_mtu")]
    pub mtu: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerLog {
    pub path: String,
    /// 0 means never rotate.
    pub max_size_bytes: u64,
    pub max_files: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    pub container_id: String,
    pub bundle: String,
    pub rootfs: Option<OverlayRootfs>,
    pub networks: Vec<NetworkAttachment>,
    pub stdin: bool,
    pub stdin_once: bool,
    pub log: Option<ContainerLog>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitStatus {
    /// 0 to 255; 128 + signal when a signal ended it.
    pub code: i32,
    pub signal: Option<i32>,
    pub exited_at: String,
    pub oom_killed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Creating,
    Created,
    Running,
    Paused,
    Stopped,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerState {
    pub container_id: String,
    pub status: Status,
    pub pid: i32,
    pub shim_pid: i32,
    pub bundle: String,
    pub created_at: String,
    pub started_at: Option<String>,
    pub exit: Option<ExitStatus>,
}

/// How a process besides the first one ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecExit {
    pub process_id: String,
    pub exit: ExitStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Execs {
    pub exits: Vec<ExecExit>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuStats {
    pub usage_ns: u64,
    pub user_ns: u64,
    pub system_ns: u64,
    pub throttled_periods: u64,
    pub periods: u64,
    pub throttled_ns: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryStats {
    pub usage_bytes: u64,
    pub max_usage_bytes: u64,
    pub limit_bytes: u64,
    pub cache_bytes: u64,
    pub inactive_file_bytes: u64,
    pub oom_kills: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct PidsStats {
    pub current: u64,
    /// 0 when unlimited.
    pub limit: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockIoStats {
    pub read_bytes: u64,
    pub write_bytes: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkStats {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStats {
    pub read_at: String,
    pub cpu: CpuStats,
    pub memory: MemoryStats,
    pub pids: PidsStats,
    pub block_io: BlockIoStats,
    pub networks: BTreeMap<String, NetworkStats>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum RootfsRef {
    Process { pid: i32 },
    Overlay { overlay: OverlayRootfs },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerUnpack {
    pub source: Option<String>,
    pub compression: String,
    pub target: String,
    /// Where the bytes that come are kept too. What is there already is their beginning.
    pub keep: Option<String>,
    pub digest: Option<String>,
    pub diff_id: Option<String>,
    pub max_bytes: u64,
    pub max_entries: u64,
}

/// Of the layer that was unpacked on the same connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerFinish {
    pub lower_dirs: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerDiff {
    pub upper_dir: String,
    pub lower_dirs: Vec<String>,
    pub output: String,
    pub compression: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveWrite {
    pub rootfs: RootfsRef,
    pub path: String,
    pub no_overwrite_dir_non_dir: bool,
    pub keep_owner: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Hello {
    pub protocol: u32,
    pub version: String,
    pub cgroup: String,
    pub controllers: Vec<String>,
    pub overlay: bool,
    pub seccomp: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpackResult {
    pub digest: String,
    pub diff_id: String,
    /// Bytes that were kept, and what they are compressed with.
    pub kept_bytes: u64,
    pub kept_compression: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishResult {
    pub size_bytes: u64,
    pub entries: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffResult {
    pub digest: String,
    pub diff_id: String,
    pub size_bytes: u64,
    pub uncompressed_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub path: String,
    /// 0 modified, 1 added, 2 deleted.
    pub kind: u8,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStat {
    pub name: String,
    pub size: u64,
    pub mode: u32,
    pub mtime: String,
    pub link_target: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer<T> {
    Ok { id: i64, ok: bool, result: T },
    Failed { id: i64, ok: bool, error: Failure },
}

impl<T> Answer<T> {
    pub fn new(id: i64, result: Result<T, Failure>) -> Self {
        match result {
            Ok(result) => Self::Ok { id, ok: true, result },
            Err(error) => Self::Failed { id, ok: false, error },
        }
    }
}
