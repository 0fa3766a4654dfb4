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
    /// The layers below, topmost first.
    pub lower_dirs: Vec<PathBuf>,
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
/// it. A directory that no entry names is like the one in `lower_dirs`, else root's with mode 0755.
pub fn unpack(source: impl Read, target: &Path, options: &UnpackOptions) -> Result<Unpacked> {
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
    let unpacked = unpack_into(source, &root, options);
    if unpacked.is_err() {
        // The error that led here is the one worth telling.
        let _ = remove_content(&root);
        if is_new {
            let _ = unlinkat(CWD, target, AtFlags::REMOVEDIR);
        }
    }
    unpacked
}

fn is_empty(dir: &OwnedFd) -> rustix::io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unpack_into(source: impl Read, root: &OwnedFd, options: &UnpackOptions) -> Result<Unpacked> {
    let algorithm = |digest: &Option<Digest>| digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let hash = Some((algorithm(&options.digest), algorithm(&options.diff_id)));
    let plan = Plan { compression: options.compression, max_bytes: options.max_bytes, hash };
    let extract = |stream: &mut dyn BufRead| {
        let mut layer = Layer::new(root, options)?;
        let mut archive = Reader::new(stream);
        while let Some(entry) = archive.next_entry()? {
            layer.apply(entry, &mut archive)?;
        }
        layer.finish()
    };
    let ((entries, size_bytes), digests) = pipeline::run(source, &plan, extract)?;
    let Some((digest, diff_id)) = digests else { unreachable!("digests were asked for") };
    for (what, expected, actual) in [("digest", &options.digest, &digest), ("diff id", &options.diff_id, &diff_id)] {
        match expected {
            Some(expected) if expected != actual => {
                return Err(Error::DigestMismatch { what, expected: expected.clone(), actual: actual.clone() });
            }
            _ => {}
        }
    }
    if options.durable {
        syncfs(root).map_err(kernel("write to disk", b"/"))?;
    }
    Ok(Unpacked { digest, diff_id, size_bytes, entries })
}

struct Layer {
    extractor: Extractor,
    has_root: bool,
    hides_all: bool,
}

impl Layer {
    fn new(root: &OwnedFd, options: &UnpackOptions) -> Result<Self> {
        let duplicate = || root.try_clone().map_err(Error::Source);
        let lower = Merged::open(&options.lower_dirs)?.below(duplicate()?);
        let rules = Rules {
            owner: Owner::OfEntry,
            keeps_kinds: false,
            max_entries: options.max_entries,
            max_copied: options.max_bytes,
            lower: Some(lower),
        };
        let extractor = Extractor::new(Tree::new(duplicate()?, false), Vec::new(), rules);
        Ok(Self { extractor, has_root: false, hides_all: false })
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

    fn finish(mut self) -> Result<(u64, u64)> {
        if self.hides_all {
            self.hide_lower_root()?;
        }
        if !self.has_root {
            let below = self.extractor.lower().map(|lower| of_merged(lower, &lower.root_below())).transpose()?.flatten();
            self.extractor.set_root(below.unwrap_or_else(fallback))?;
        }
        self.extractor.finish()?;
        Ok(self.extractor.totals())
    }

    /// Overlayfs merges the roots of layers whatever their attributes say, so every name in them is hidden one by one.
    fn hide_lower_root(&mut self) -> Result<()> {
        let Some(lower) = self.extractor.lower() else { return Ok(()) };
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
