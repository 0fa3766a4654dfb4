//! Layers and archives: the work is in the `layers` crate; here it meets the protocol.

use super::Server;
use crate::clock;
use crate::failure::{Attempt, Result};
use crate::init::overlay::overlay_mount;
use crate::state;
use layers::{Compression, Decompressed, Digest, Root, UnpackOptions, WriteOptions};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use wire::{
    ArchiveWrite, Change, Code, DiffResult, Failure, FinishResult, LayerDiff, LayerFinish, LayerUnpack, OverlayRootfs, PathStat, RootfsRef,
    UnpackResult,
};

/// What `docker cp` may bring in: the disk is the real limit.
const MAX_ARCHIVE_BYTES: u64 = 1 << 44;
const MAX_ARCHIVE_ENTRIES: u64 = 1 << 32;
/// How much of a blob is written before the disk is asked to begin with it.
const WRITEBACK_BYTES: u64 = 8 << 20;
const DECOMPRESS_CHUNK_BYTES: usize = 256 * 1024;

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
        "bzip2" => Compression::Bzip2,
        "xz" => Compression::Xz,
        "auto" => Compression::Auto,
        other => return Err(Failure::new(Code::Invalid, format!("{other:?} is not a compression"))),
    })
}

fn paths(names: &[String]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

/// Appends what is read from `inner` to a file.
struct Kept<R> {
    inner: R,
    file: Option<File>,
    bytes: u64,
    /// Of `bytes`: what the disk has begun with.
    begun: u64,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(file) = &mut self.file {
            file.write_all(&buffer[..count])?;
            if self.bytes - self.begun >= WRITEBACK_BYTES {
                sys::begin_writeback(file.as_fd(), self.begun);
                self.begun = self.bytes;
            }
        }
        self.bytes += count as u64;
        Ok(count)
    }
}

/// What an earlier attempt has kept comes first.
fn resume(path: &str, is_known: bool) -> Result<(io::Take<File>, File)> {
    let open = || File::options().read(true).append(true).create(true).open(path);
    let file = open().attempt(format!("open {path}"))?;
    if !is_known {
        // Nobody has said what it should be: it cannot be the beginning of anything.
        file.set_len(0).attempt(format!("truncate {path}"))?;
    }
    let length = file.metadata().attempt(format!("look at {path}"))?.len();
    let beginning = File::open(path).attempt(format!("open {path}"))?;
    Ok((beginning.take(length), file))
}

/// Bytes in a compression that no manifest has a name for are kept, and counted, as what they are a compression of.
fn plain_if_rare<'a>(mut source: impl Read + 'a) -> Result<(Box<dyn Read + 'a>, &'static str)> {
    let mut start = Vec::new();
    source.by_ref().take(Compression::MAGIC_LENGTH).read_to_end(&mut start).attempt("read the layer")?;
    let name = match Compression::recognize(&start).map_err(failure)? {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::None | Compression::Auto => "none",
        Compression::Bzip2 | Compression::Xz => {
            let plain = Decompressed::new(io::Cursor::new(start).chain(source)).map_err(failure)?;
            return Ok((Box::new(plain), "none"));
        }
    };
    Ok((Box::new(io::Cursor::new(start).chain(source)), name))
}

/// A layer of which everything is there but what depends on the layers below.
pub fn receive(request: &LayerUnpack, stream: impl Read) -> Result<(layers::Received, UnpackResult)> {
    let digest = |text: &Option<String>| {
        text.as_ref().map(|text| text.parse::<Digest>()).transpose().map_err(|error| Failure::from_error(Code::Invalid, &error))
    };
    let options = UnpackOptions {
        compression: compression(&request.compression)?,
        digest: digest(&request.digest)?,
        diff_id: digest(&request.diff_id)?,
        max_bytes: request.max_bytes,
        max_entries: request.max_entries,
        durable: false,
    };
    let is_known = options.digest.is_some();
    let (source, kept_compression) = match &request.source {
        Some(path) => (Box::new(File::open(path).attempt(format!("open layer {path}"))?) as Box<dyn Read>, ""),
        None if is_known => (Box::new(stream) as Box<dyn Read>, ""),
        None => plain_if_rare(stream)?,
    };
    let (beginning, file) = request.keep.as_deref().map(|path| resume(path, is_known)).transpose()?.unzip();
    let before = beginning.as_ref().map_or(0, io::Take::limit);
    let mut kept = Kept { inner: source, file, bytes: before, begun: before };
    let received = match beginning {
        Some(beginning) => layers::receive(beginning.chain(&mut kept), Path::new(&request.target), &options),
        None => layers::receive(&mut kept, Path::new(&request.target), &options),
    };
    if received.as_ref().is_err_and(|error| error.kind() == layers::ErrorKind::Invalid) {
        // It is no layer. What it is may still be wanted.
        io::copy(&mut kept, &mut io::sink()).attempt("read the rest of the layer")?;
    }
    let received = received.map_err(failure)?;
    let unpacked = received.unpacked();
    let result = UnpackResult {
        digest: unpacked.digest.to_string(),
        diff_id: unpacked.diff_id.to_string(),
        kept_bytes: kept.bytes,
        kept_compression: kept_compression.into(),
    };
    Ok((received, result))
}

pub fn finish(received: layers::Received, request: &LayerFinish) -> Result<FinishResult> {
    let unpacked = received.finish(&paths(&request.lower_dirs), false).map_err(failure)?;
    Ok(FinishResult { size_bytes: unpacked.size_bytes, entries: unpacked.entries })
}

pub fn remove_tree(path: &str) -> Result<()> {
    layers::remove_tree(Path::new(path)).map_err(failure)
}

pub fn sync_tree(path: &str) -> Result<()> {
    layers::sync(Path::new(path)).map_err(failure)
}

/// The uncompressed bytes of whatever comes.
pub fn decompress(source: impl Read, mut sink: impl Write) -> Result<()> {
    let mut stream = Decompressed::new(source).map_err(failure)?;
    let mut chunk = vec![0; DECOMPRESS_CHUNK_BYTES];
    loop {
        let length = stream.fill(&mut chunk).map_err(failure)?;
        sink.write_all(&chunk[..length]).attempt("send the uncompressed bytes")?;
        if length < chunk.len() {
            return stream.finish().map_err(failure);
        }
    }
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
