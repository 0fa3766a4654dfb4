use crate::attributes::{is_opaque, set_opaque};
use crate::compression::Compression;
use crate::digest::{Algorithm, Digest};
use crate::directories::{fallback, of_merged};
use crate::error::{Error, Result, kernel, shown};
use crate::extract::{Extractor, Owner, Rules};
use crate::merged::Merged;
use crate::path;
use crate::pipeline::{self, Plan};
use crate::remove::remove_content;
use crate::tar::{Entry, Kind, Reader};
use crate::tree::{Tree, file_type, stat_at};
use crate::whiteout::Marker;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, mknodat, openat, syncfs, unlinkat};
use rustix::io::Errno;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct UnpackOptions {
    pub compression: Compression,
    /// What the compressed bytes must amount to.
    pub digest: Option<Digest>,
    /// What the tar must amount to.
    pub diff_id: Option<Digest>,
    /// Of the tar; also of what hard links make it copy from layers below.
    pub max_bytes: u64,
    pub max_entries: u64,
    /// Return only when everything is on disk. This is one syncfs(2), which also waits for what others wrote to the file system; a
    /// caller that unpacks several layers may do without and sync once itself.
    pub durable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// In the algorithm of the expected digest, else SHA-256; so is `diff_id`.
    pub digest: Digest,
    pub diff_id: Digest,
    /// Length of all files together, holes included.
    pub size_bytes: u64,
    /// Entries of the archive and directories made for them.
    pub entries: u64,
}

/// Applies a layer's tar to `target` as an overlayfs lower directory: whiteouts become character devices 0/0, opaque markers the
/// `trusted.overlay.opaque` attribute, and both act on the layers below only, wherever they stand among their siblings.
///
/// `target` must be empty, or is made (its parent must exist). When anything fails all that was made is removed; when the process
/// dies it is not: unpack into a temporary name and rename.
///
/// Names are resolved as text first (`..` stops at the root), then below `target`, where links made by the layer are followed inside
/// it. A directory that no entry names is like the one in `lower_dirs` (topmost first), else root's with mode 0755.
pub fn unpack(source: impl Read, target: &Path, options: &UnpackOptions, lower_dirs: &[PathBuf]) -> Result<Unpacked> {
    receive(source, target, options)?.finish(lower_dirs, options.durable)
}

/// Returns when everything that was written to the file system of `path` is on disk.
pub fn sync(path: &Path) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    let root = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(kernel("open", name))?;
    syncfs(&root).map_err(kernel("write to disk", name))
}

/// As `unpack`, up to where the layers below must be there: several layers can be received at once, in any order, and finished from
/// the bottom up.
pub fn receive(source: impl Read, target: &Path, options: &UnpackOptions) -> Result<Received> {
    let name = target.as_os_str().as_encoded_bytes();
    let is_new = match mkdirat(CWD, target, Mode::from_raw_mode(0o755)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(kernel("make directory", name)(errno)),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = openat(CWD, target, flags, Mode::empty()).map_err(kernel("open directory", name))?;
    if !is_empty(&root).map_err(kernel("list", name))? {
        return Err(Error::NotEmpty { path: shown(name) });
    }
    let mut received = Received { target: target.to_owned(), root, is_new, is_kept: false, unpacked: None, layer: None };
    received.take_in(source, options)?;
    Ok(received)
}

/// All of a layer that does not depend on the layers below. What is not finished is removed when this is dropped.
pub struct Received {
    target: PathBuf,
    root: OwnedFd,
    is_new: bool,
    is_kept: bool,
    unpacked: Option<Unpacked>,
    layer: Option<Layer>,
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // The error that led here is the one worth telling.
        let _ = remove_content(&self.root);
        if self.is_new {
            let _ = unlinkat(CWD, &self.target, AtFlags::REMOVEDIR);
        }
    }
}

fn is_empty(dir: &OwnedFd) -> rustix::io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Received {
    /// Digests, and what was made so far.
    pub fn unpacked(&self) -> &Unpacked {
        let Some(unpacked) = &self.unpacked else { unreachable!("a layer is handed out when it was taken in") };
        unpacked
    }

    fn take_in(&mut self, source: impl Read, options: &UnpackOptions) -> Result<()> {
        let algorithm = |digest: &Option<Digest>| digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let hash = Some((algorithm(&options.digest), algorithm(&options.diff_id)));
        let plan = Plan { compression: options.compression, max_bytes: options.max_bytes, hash, digest: options.digest.clone() };
        let root = &self.root;
        let extract = |stream: &mut dyn BufRead| {
            let mut layer = Layer::new(root, options)?;
            let mut archive = Reader::new(stream);
            while let Some(entry) = archive.next_entry()? {
                layer.apply(entry, &mut archive)?;
            }
            Ok(layer)
        };
        let (layer, digests) = pipeline::run(source, &plan, extract)?;
        let Some((digest, diff_id)) = digests else { unreachable!("digests were asked for") };
        for (what, expected, actual) in [("digest", &options.digest, &digest), ("diff id", &options.diff_id, &diff_id)] {
            match expected {
                Some(expected) if expected != actual => {
                    return Err(Error::DigestMismatch { what, expected: expected.clone(), actual: actual.clone() });
                }
                _ => {}
            }
        }
        let (entries, size_bytes) = layer.extractor.totals();
        self.unpacked = Some(Unpacked { digest, diff_id, size_bytes, entries });
        self.layer = Some(layer);
        Ok(())
    }

    /// `lower_dirs` are the layers below, topmost first.
    pub fn finish(mut self, lower_dirs: &[PathBuf], durable: bool) -> Result<Unpacked> {
        let Some(mut layer) = self.layer.take() else { unreachable!("a layer is handed out when it was taken in") };
        let top = self.root.try_clone().map_err(Error::Source)?;
        layer.finish(&Merged::open(lower_dirs)?.below(top))?;
        if durable {
            syncfs(&self.root).map_err(kernel("write to disk", b"/"))?;
        }
        self.is_kept = true;
        let (entries, size_bytes) = layer.extractor.totals();
        Ok(Unpacked { entries, size_bytes, ..self.unpacked().clone() })
    }
}

struct Layer {
    extractor: Extractor,
    has_root: bool,
    hides_all: bool,
}

impl Layer {
    fn new(root: &OwnedFd, options: &UnpackOptions) -> Result<Self> {
        let rules = Rules {
            owner: Owner::OfEntry,
            keeps_kinds: false,
            max_entries: options.max_entries,
            max_copied: options.max_bytes,
            is_layer: true,
        };
        let tree = Tree::new(root.try_clone().map_err(Error::Source)?, false);
        Ok(Self { extractor: Extractor::new(tree, Vec::new(), rules), has_root: false, hides_all: false })
    }

    fn apply(&mut self, entry: Entry, archive: &mut Reader<&mut dyn BufRead>) -> Result<()> {
        self.extractor.count()?;
        let path = path::clean(&entry.name);
        let marker = Marker::of(&path).map_err(|problem| Error::Entry { entry: shown(&entry.name), problem })?;
        match marker {
            Marker::Ignored => Ok(()),
            Marker::Opaque { directory } => self.hide_all_below(directory),
            Marker::Whiteout { directory, name } => self.hide(directory, name),
            Marker::None if path.is_empty() => {
                // Only a directory can say anything about the root; other engines pass over the rest too.
                self.has_root |= entry.kind == Kind::Directory;
                if entry.kind == Kind::Directory { self.extractor.set_root(entry.attributes) } else { Ok(()) }
            }
            Marker::None => self.extractor.make(&path, entry, archive),
        }
    }

    fn hide_all_below(&mut self, directory: &[u8]) -> Result<()> {
        let place = self.extractor.place(directory)?;
        self.hides_all |= place.path.is_empty();
        set_opaque(place.as_fd(), b"", &place.path)
    }

    /// Hides a name of the layers below, and never what this layer has under the same name.
    fn hide(&mut self, directory: &[u8], name: &[u8]) -> Result<()> {
        let place = self.extractor.place(directory)?;
        let path = path::join(&place.path, name);
        match stat_at(&place, name) {
            Err(Errno::NOENT) => mknodat(&place, name, FileType::CharacterDevice, Mode::empty(), 0).map_err(kernel("make whiteout", &path)),
            Ok(stat) if file_type(&stat) == FileType::Directory => set_opaque(place.as_fd(), name, &path),
            Ok(_) => Ok(()),
            Err(errno) => Err(kernel("look at", &path)(errno)),
        }
    }

    fn finish(&mut self, lower: &Merged) -> Result<()> {
        if self.hides_all {
            self.hide_lower_root(lower)?;
        }
        if !self.has_root {
            let below = of_merged(lower, &lower.root_below())?;
            self.extractor.set_root(below.unwrap_or_else(fallback))?;
        }
        self.extractor.finish(Some(lower))
    }

    /// Overlayfs merges the roots of layers whatever their attributes say, so every name in them is hidden one by one.
    fn hide_lower_root(&mut self, lower: &Merged) -> Result<()> {
        let names = lower.names(&lower.root_below())?;
        let place = self.extractor.place(b"")?;
        for (name, is_directory) in names {
            let is_ours = stat_at(&place, &name[..]).is_ok();
            if !is_ours {
                self.hide(b"", &name)?;
            } else if is_directory && !is_opaque(place.as_fd(), &name).map_err(kernel("read the attributes of", &name))? {
                set_opaque(place.as_fd(), &name, &name)?;
            }
        }
        Ok(())
    }
}
