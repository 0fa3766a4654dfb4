use crate::attributes::{is_opaque, read_xattrs_of};
use crate::compression::Compression;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::directories::fallback;
use crate::error::{Error, Result, kernel};
use crate::merged::Merged;
use crate::pack::{Found, Packer, belongs_to_host, unrepresentable, walk};
use crate::path;
use crate::tree::{Tree, file_type, is_whiteout};
use crate::whiteout;
use flate2::write::GzEncoder;
use rustix::fd::AsFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, openat};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

const CHUNK: usize = 256 * 1024;
const QUEUE: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Of what was written.
    pub digest: Digest,
    pub size_bytes: u64,
    /// Of the tar inside.
    pub diff_id: Digest,
    pub uncompressed_bytes: u64,
}

/// Hashes and counts what passes.
struct Counted<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
}

impl<W: Write> Counted<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(Algorithm::Sha256), bytes: 0 }
    }

    fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.hasher.finish(), self.bytes)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hands pieces to another thread.
struct Queued(SyncSender<Vec<u8>>);

impl Write for Queued {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the compressor failed"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what an overlay's upper directory changes about the layers below (topmost first) as a layer's tar. The same directory gives
/// the same bytes. `compression` is none or gzip.
///
/// Whiteouts and opaque directories become AUFS's names again; an opaque directory that hides nothing is an ordinary one, as overlayfs
/// marks every new directory. Owners of attributes: see `pack::belongs_to_host`. The root's own entry is there only when its owner,
/// mode or attributes differ from those of the layer below.
pub fn diff(upper_dir: &Path, lower_dirs: &[PathBuf], compression: Compression, out: impl Write + Send) -> Result<Packed> {
    match compression {
        Compression::None => {
            let sink = pack(upper_dir, lower_dirs, Counted::new(BufWriter::with_capacity(CHUNK, out)))?;
            let (_, digest, bytes) = sink.finish();
            Ok(Packed { diff_id: digest.clone(), digest, size_bytes: bytes, uncompressed_bytes: bytes })
        }
        Compression::Gzip => thread::scope(|scope| {
            let (sender, queue) = sync_channel(QUEUE);
            let compressing = scope.spawn(move || compress(&queue, out));
            let packed = pack(upper_dir, lower_dirs, Counted::new(BufWriter::with_capacity(CHUNK, Queued(sender))));
            let packed = packed.map(|sink| {
                // Dropping the queue's end is how the compressor learns of the end.
                let (_, diff_id, uncompressed_bytes) = sink.finish();
                (diff_id, uncompressed_bytes)
            });
            let compressed = compressing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (digest, size_bytes) = compressed.map_err(Error::Sink)?;
            let (diff_id, uncompressed_bytes) = packed?;
            Ok(Packed { digest, size_bytes, diff_id, uncompressed_bytes })
        }),
        Compression::Zstd | Compression::Bzip2 | Compression::Xz | Compression::Auto => {
            Err(Error::UnsupportedCompression { format: "anything but gzip" })
        }
    }
}

fn compress(queue: &Receiver<Vec<u8>>, out: impl Write) -> io::Result<(Digest, u64)> {
    let mut encoder = GzEncoder::new(Counted::new(BufWriter::with_capacity(CHUNK, out)), flate2::Compression::default());
    while let Ok(chunk) = queue.recv() {
        encoder.write_all(&chunk)?;
    }
    let mut counted = encoder.finish()?;
    counted.flush()?;
    let (_, digest, bytes) = counted.finish();
    Ok((digest, bytes))
}

/// The directory as a tree, with the layers below it.
pub(crate) fn open_upper(upper_dir: &Path, lower_dirs: &[PathBuf]) -> Result<(Tree, Merged)> {
    let name = upper_dir.as_os_str().as_encoded_bytes();
    let upper = openat(CWD, upper_dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(kernel("open", name))?;
    Ok((Tree::new(upper, false), Merged::open(lower_dirs)?))
}

fn pack<W: Write>(upper_dir: &Path, lower_dirs: &[PathBuf], sink: W) -> Result<W> {
    let (tree, lower) = open_upper(upper_dir, lower_dirs)?;
    let mut packer = Packer::new(sink);
    // The directory whose whiteouts say nothing, because it hides everything: they come right after it.
    let mut opaque: Option<Vec<u8>> = None;
    walk(&tree, b"", |found| {
        let (directory, name) = path::split(&found.path);
        let is_below = |opaque: &Vec<u8>| directory == opaque && !found.path.is_empty();
        refuse_unrepresentable(found, name)?;
        if is_whiteout(&found.stat) {
            if !opaque.as_ref().is_some_and(is_below) {
                packer.add_marker(path::join(directory, &[whiteout::PREFIX, name].concat()))?;
            }
            return Ok(true);
        }
        if file_type(&found.stat) != FileType::Directory {
            packer.add(found, found.path.clone())?;
            return Ok(true);
        }
        if !found.path.is_empty() || differs_from_lower(found, &lower)? {
            let name = if found.path.is_empty() { b"." } else { &found.path[..] };
            packer.add(found, [name, b"/"].concat())?;
        }
        let hides = is_opaque(found.fd.as_fd(), b"").map_err(kernel("read the attributes of", &found.path))?;
        if hides && lower.directory(&found.path)?.is_some_and(|dir| !dir.is_empty()) {
            packer.add_marker(path::join(&found.path, whiteout::OPAQUE))?;
            opaque = Some(found.path.clone());
        }
        Ok(true)
    })?;
    packer.finish()
}

/// Overlayfs features that leave an upper directory unreadable by itself, and names that would change their meaning.
fn refuse_unrepresentable(found: &Found, name: &[u8]) -> Result<()> {
    if name.starts_with(whiteout::PREFIX) {
        return Err(unrepresentable(&found.path, "its name would hide another file"));
    }
    if !matches!(file_type(&found.stat), FileType::Directory | FileType::RegularFile) {
        return Ok(());
    }
    let xattrs = read_xattrs_of(found.fd.as_fd()).map_err(kernel("read the attributes of", &found.path))?;
    let has = |name: &[u8]| xattrs.iter().any(|xattr| xattr.name == name);
    if has(b"trusted.overlay.metacopy") || has(b"trusted.overlay.redirect") {
        return Err(unrepresentable(&found.path, "it is a reference to a layer below (metacopy or redirect_dir)"));
    }
    Ok(())
}

fn differs_from_lower(root: &Found, lower: &Merged) -> Result<bool> {
    let own = crate::directories::attributes_of(&root.fd, &root.stat, b"/")?;
    let below = crate::directories::of_merged(lower, &lower.root())?.unwrap_or_else(fallback);
    let visible = |attributes: &crate::tar::Attributes| {
        let mut xattrs = attributes.xattrs.clone();
        xattrs.retain(|xattr| !belongs_to_host(&xattr.name));
        (attributes.mode, attributes.uid, attributes.gid, xattrs)
    };
    Ok(visible(&own) != visible(&below))
}
