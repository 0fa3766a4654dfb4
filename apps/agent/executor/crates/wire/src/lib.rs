//! Frames and JSON messages between the agent, the server and the shims. The same shapes as libs/contracts/executor; the fixtures
//! there are read by the tests of both sides.
#![forbid(unsafe_code)]

mod error;
mod frame;
mod server;
mod shim;

pub use error::{Code, Failure, Kind};
pub use frame::{Frame, FrameDecoder, FrameError, FrameKind, HEADER_BYTES, MAX_PAYLOAD_BYTES, encode_frame, read_frame, write_frame};
pub use server::{
    Answer, ArchiveWrite, BlockIoStats, Change, ContainerLog, ContainerState, ContainerStats, CpuStats, Create, DiffResult, ExecExit,
    Execs, ExitStatus, FinishResult, Hello, LayerDiff, LayerFinish, LayerUnpack, MemoryStats, NetworkAttachment, NetworkStats, Operation,
    OverlayRootfs, PROTOCOL, PathStat, PidsStats, Request, RootfsRef, Status, UnpackResult,
};
pub use shim::{Exited, ShimAnswer, ShimRequest, Size};
