//! Layers and archives: the work is in the `layers` crate; here it meets the protocol.

use super::Server;
use crate::clock;
use crate::failure::{Attempt, Result};
use crate::init::root::overlay_mount;
use crate::state;
use layers::{Compression, Digest, Root, UnpackOptions, WriteOptions};
use rustix::fs::{Mode, OFlags};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use wire::{ArchiveWrite, Change, Code, DiffResult, Failure, LayerDiff, LayerUnpack, OverlayRootfs, PathStat, RootfsRef, UnpackResult};

/// What `docker cp` may bring in: the disk is the real limit.
const MAX_ARCHIVE_BYTES: u64 = 1 << 44;
const MAX_ARCHIVE_ENTRIES: u64 = 1 << 32;

fn failure(error: layers::Error) -> Failure {
    let code = match error.kind() {
        layers::ErrorKind::Invalid => Code::Invalid,
        layers::ErrorKind::NotFound => Code::NotFound,
        layers::ErrorKind::Exists => Code::Exists,
        layers::ErrorKind::DigestMismatch => Code::DigestMismatch,
        layers::ErrorKind::TooLarge => Code::TooLarge,
        layers::ErrorKind::NoSpace => Code::NoSpace,
        layers::ErrorKind::PermissionDenied => Code::PermissionDenied,
        layers::ErrorKind::Unsupported => Code::Unsupported,
        layers::ErrorKind::Failed => Code::Failed,
    };
    Failure::from_error(code, &error)
}

fn compression(name: &str) -> Result<Compression> {
    Ok(match name {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        "auto" => Compression::Auto,
        other => return Err(Failure::new(Code::Invalid, format!("{other:?} is not a compression"))),
    })
}

fn paths(names: &[String]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

pub fn unpack_file(request: &LayerUnpack, source: &str) -> Result<UnpackResult> {
    let file = std::fs::File::open(source).attempt(format!("open layer {source}"))?;
    unpack(request, file)
}

pub fn unpack(request: &LayerUnpack, source: impl Read) -> Result<UnpackResult> {
    let digest = |text: &Option<String>| {
        text.as_ref().map(|text| text.parse::<Digest>()).transpose().map_err(|error| Failure::from_error(Code::Invalid, &error))
    };
    let options = UnpackOptions {
        compression: compression(&request.compression)?,
        digest: digest(&request.digest)?,
        diff_id: digest(&request.diff_id)?,
        max_bytes: request.max_bytes,
        max_entries: request.max_entries,
        lower_dirs: paths(&request.lower_dirs),
        durable: request.durable,
    };
    let unpacked = layers::unpack(source, Path::new(&request.target), &options).map_err(failure)?;
    Ok(UnpackResult {
        digest: unpacked.digest.to_string(),
        diff_id: unpacked.diff_id.to_string(),
        size_bytes: unpacked.size_bytes,
        entries: unpacked.entries,
    })
}

pub fn diff(request: &LayerDiff) -> Result<DiffResult> {
    let output = Path::new(&request.output);
    let file = std::fs::File::create(output).attempt(format!("create {}", request.output))?;
    let packed = layers::diff(Path::new(&request.upper_dir), &paths(&request.lower_dirs), compression(&request.compression)?, file);
    if packed.is_err() {
        let _ = std::fs::remove_file(output);
    }
    let packed = packed.map_err(failure)?;
    Ok(DiffResult {
        digest: packed.digest.to_string(),
        diff_id: packed.diff_id.to_string(),
        size_bytes: packed.size_bytes,
        uncompressed_bytes: packed.uncompressed_bytes,
    })
}

#[derive(serde::Serialize)]
pub struct Changes {
    changes: Vec<Change>,
}

pub fn changes(upper_dir: &str, lower_dirs: &[String]) -> Result<Changes> {
    let found = layers::changes(Path::new(upper_dir), &paths(lower_dirs)).map_err(failure)?;
    let changes = found.into_iter().map(|change| Change { path: change.path.to_string_lossy().into_owned(), kind: change.kind as u8 });
    Ok(Changes { changes: changes.collect() })
}

/// A running container's root as it sees it, or a mount of a stopped one's layers that nobody else sees.
fn open_root(server: &Server, rootfs: &RootfsRef, is_written: bool) -> Result<Root> {
    let overlay = match rootfs {
        RootfsRef::Process { pid } => return open_process_root(server, *pid),
        RootfsRef::Overlay { overlay } => overlay,
    };
    if is_written {
        return Ok(Root::new(overlay_mount(overlay)?));
    }
    // Reading needs no upper directory: it is just the topmost layer, and nothing can be written by mistake.
    let lower_dirs = [overlay.upper_dir.clone()].into_iter().chain(overlay.lower_dirs.iter().cloned()).collect();
    Ok(Root::new(overlay_mount(&OverlayRootfs { lower_dirs, upper_dir: String::new(), work_dir: String::new() })?))
}

fn open_process_root(server: &Server, pid: i32) -> Result<Root> {
    let path = format!("/proc/{pid}/root");
    let gone = || Failure::new(Code::NotFound, format!("process {pid} is not a running container's"));
    let root = rustix::fs::open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(|_| gone())?;
    // Asked after the opening: if it is one of ours now, it was then.
    let is_ours = state::list(&server.root)?.iter().any(|record| record.live_process().is_some_and(|process| process.pid == pid));
    if is_ours { Ok(Root::new(root)) } else { Err(gone()) }
}

fn to_path_stat(stat: &layers::PathStat) -> PathStat {
    PathStat {
        name: stat.name.to_string_lossy().into_owned(),
        size: stat.size,
        mode: stat.mode,
        mtime: clock::format_time(stat.modified.seconds, stat.modified.nanoseconds),
        link_target: stat.link_target.to_string_lossy().into_owned(),
    }
}

pub fn stat(server: &Server, rootfs: &RootfsRef, path: &str) -> Result<PathStat> {
    let root = open_root(server, rootfs, false)?;
    root.stat(Path::new(path)).map(|stat| to_path_stat(&stat)).map_err(failure)
}

/// Calls `announce` with what was found, then writes the archive to what that returns.
pub fn read_archive<W: Write>(
    server: &Server,
    rootfs: &RootfsRef,
    path: &str,
    announce: impl FnOnce(PathStat) -> W,
) -> std::result::Result<(), ReadFailure> {
    let root = open_root(server, rootfs, false).map_err(ReadFailure::BeforeBytes)?;
    let source = root.source(Path::new(path)).map_err(|error| ReadFailure::BeforeBytes(failure(error)))?;
    let sink = announce(to_path_stat(source.stat()));
    source.write_to(sink).map_err(|error| ReadFailure::AmongBytes(failure(error)))
}

pub enum ReadFailure {
    BeforeBytes(Failure),
    AmongBytes(Failure),
}

#[derive(serde::Serialize)]
pub struct Written {
    entries: u64,
}

pub fn write_archive(server: &Server, request: &ArchiveWrite, archive: impl Read) -> Result<Written> {
    let root = open_root(server, &request.rootfs, true)?;
    let options = WriteOptions {
        keeps_kinds: request.no_overwrite_dir_non_dir,
        owner: (!request.keep_owner).then_some((0, 0)),
        max_bytes: MAX_ARCHIVE_BYTES,
        max_entries: MAX_ARCHIVE_ENTRIES,
    };
    root.write_archive(Path::new(&request.path), archive, &options).map(|entries| Written { entries }).map_err(failure)
}
