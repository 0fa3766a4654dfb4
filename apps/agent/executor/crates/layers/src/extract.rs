//! Makes files from archive entries inside a tree. What is new is always created exclusively, so that nothing existing is written to or
//! followed; what is in the way is looked at, and removed, by name in its own directory.

use crate::attributes::{set_by_fd, set_by_name, set_opaque};
use crate::directories::{Directories, fallback};
use crate::error::{Error, Result, kernel, shown};
use crate::merged::{Child, Merged};
use crate::path;
use crate::remove::remove;
use crate::tar::{Attributes, Entry, Kind, Reader};
use crate::tree::{Gap, Place, Tree, file_type, is_whiteout, stat_at};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, makedev, mkdirat, mknodat, openat, symlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::BufRead;

/// How often something may appear between looking and making, when others work in the same tree.
const MAX_TRIES: usize = 8;
/// Files from so many bytes on: the disk begins with them while the rest is still coming.
const WORTH_WRITING_BACK: u64 = 256 << 10;
/// A sparse file costs nothing here, but everything that reads it sees its whole length.
const MAX_SPARSE_SIZE: u64 = 1 << 40;

pub(crate) enum Owner {
    OfEntry,
    Fixed { uid: u32, gid: u32 },
}

pub(crate) struct Rules {
    pub(crate) owner: Owner,
    /// Docker's noOverwriteDirNonDir: a directory never replaces a file, nor a file a directory.
    pub(crate) keeps_kinds: bool,
    /// Directories that no entry names count too.
    pub(crate) max_entries: u64,
    /// For content that does not come from the archive.
    pub(crate) max_copied: u64,
    /// Whiteouts mean something, and there are layers below, of which `finish` is told.
    pub(crate) is_layer: bool,
}

pub(crate) struct Extractor {
    tree: Tree,
    /// Names in the archive are relative to this path; links are relative to the root.
    base: Vec<u8>,
    making: Making,
    /// Entries of one directory mostly come together.
    last: Option<(Vec<u8>, Place)>,
    /// Their targets are not in the tree, so they must be in the layers below.
    late_links: Vec<LateLink>,
}

struct LateLink {
    directory: Vec<u8>,
    name: Vec<u8>,
    target: Vec<u8>,
}

/// What filling gaps needs while the tree is borrowed.
struct Making {
    rules: Rules,
    directories: Directories,
    entries: u64,
    content: u64,
    copied: u64,
}

impl Making {
    fn count(&mut self) -> Result<()> {
        self.entries += 1;
        let limit = self.rules.max_entries;
        if self.entries > limit { Err(Error::TooLarge { what: "the number of files", limit }) } else { Ok(()) }
    }

    fn own(&self, mut attributes: Attributes) -> Attributes {
        if let Owner::Fixed { uid, gid } = self.rules.owner {
            (attributes.uid, attributes.gid) = (uid, gid);
        }
        attributes
    }
}

impl Gap for Making {
    /// A directory that no entry names is as the layers below have it, so that naming a file in it changes nothing else; unless the
    /// layer hides it there.
    fn fill(&mut self, parent: BorrowedFd, path: &[u8], name: &[u8], is_hidden: bool) -> Result<()> {
        self.count()?;
        let path = path::join(path, name);
        match mkdirat(parent, name, Mode::RWXU) {
            Ok(()) => {}
            // Somebody else was faster.
            Err(Errno::EXIST) => return Ok(()),
            Err(errno) => return Err(kernel("make directory", &path)(errno)),
        }
        if is_hidden {
            set_opaque(parent, name, &path)?;
        }
        let attributes = (is_hidden || !self.rules.is_layer).then(|| self.own(fallback()));
        self.directories.push(parent, name, path, attributes)
    }

    fn has_whiteouts(&self) -> bool {
        self.rules.is_layer
    }
}

impl Extractor {
    pub(crate) fn new(tree: Tree, base: Vec<u8>, rules: Rules) -> Self {
        let making = Making { rules, directories: Directories::default(), entries: 0, content: 0, copied: 0 };
        Self { tree, base, making, last: None, late_links: Vec::new() }
    }

    /// Entries seen and directories made for them; bytes of files.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.making.entries, self.making.content)
    }

    pub(crate) fn count(&mut self) -> Result<()> {
        self.making.count()
    }

    /// Where a cleaned name of the archive is.
    pub(crate) fn place(&mut self, directory: &[u8]) -> Result<Place> {
        if let Some((_, place)) = self.last.as_ref().filter(|(path, _)| path == directory) {
            return Ok(place.clone());
        }
        let mut path = self.base.clone();
        if !directory.is_empty() {
            path::push(&mut path, directory);
        }
        if path.len() > path::MAX_LENGTH {
            return Err(kernel("make", &path)(Errno::NAMETOOLONG));
        }
        let place = self.tree.directory(&path, Some(&mut self.making))?;
        self.last = Some((directory.to_vec(), place.clone()));
        Ok(place)
    }

    /// Sets the root's own attributes when everything else is done.
    pub(crate) fn set_root(&mut self, attributes: Attributes) -> Result<()> {
        let Place { dir, path } = self.place(b"")?;
        let attributes = self.making.own(attributes);
        self.making.directories.push(dir.as_fd(), b".", path, Some(attributes))
    }

    /// Makes what `entry` says under its cleaned, not empty, `path`. Its content comes from `archive`.
    pub(crate) fn make(&mut self, path: &[u8], mut entry: Entry, archive: &mut Reader<&mut dyn BufRead>) -> Result<()> {
        let (directory, name) = path::split(path);
        let place = self.place(directory)?;
        let path = path::join(&place.path, name);
        entry.attributes = self.making.own(std::mem::take(&mut entry.attributes));
        let refuse = |problem| Err(Error::Entry { entry: shown(&entry.name), problem });
        match entry.kind {
            Kind::Directory => return self.make_directory(&place, name, path, entry.attributes),
            Kind::File => return self.make_file(&place, name, &path, &entry, archive),
            Kind::HardLink => return self.make_hard_link(&place, name, &path, &entry),
            Kind::Symlink if entry.link.is_empty() => return refuse("a symbolic link has no target"),
            Kind::Symlink => self.exclusively(&place, name, &path, || symlinkat(&entry.link[..], &place, name))?,
            Kind::CharDevice { major: 0, minor: 0 } | Kind::BlockDevice { major: 0, minor: 0 } => {
                return refuse("a device 0:0 is overlayfs's whiteout");
            }
            Kind::CharDevice { major, minor } => self.make_node(&place, name, &path, FileType::CharacterDevice, makedev(major, minor))?,
            Kind::BlockDevice { major, minor } => self.make_node(&place, name, &path, FileType::BlockDevice, makedev(major, minor))?,
            Kind::Fifo => self.make_node(&place, name, &path, FileType::Fifo, 0)?,
        }
        set_by_name(place.as_fd(), name, &entry.attributes, &path)
    }

    /// Makes what had to wait for the layers below, and sets what had to wait for everything: directories change while files are made
    /// in them. `lower` has the tree itself as its topmost layer.
    pub(crate) fn finish(&mut self, lower: Option<&Merged>) -> Result<()> {
        for link in std::mem::take(&mut self.late_links) {
            self.make_late_link(&link, lower)?;
        }
        self.making.directories.finish(&self.tree, lower)
    }

    /// Repeats `attempt` after removing what is in its way.
    fn exclusively<T>(&mut self, place: &Place, name: &[u8], path: &[u8], attempt: impl Fn() -> rustix::io::Result<T>) -> Result<T> {
        for _ in 0..MAX_TRIES {
            match attempt() {
                Err(Errno::EXIST) => self.clear(place, name, path)?,
                made => return made.map_err(kernel("make", path)),
            }
        }
        Err(kernel("make", path)(Errno::EXIST))
    }

    fn clear(&mut self, place: &Place, name: &[u8], path: &[u8]) -> Result<()> {
        let stat = match stat_at(place, name) {
            Err(Errno::NOENT) => return Ok(()),
            stat => stat.map_err(kernel("look at", path))?,
        };
        if self.making.rules.keeps_kinds && file_type(&stat) == FileType::Directory {
            return Err(Error::DirectoryInTheWay { path: shown(path) });
        }
        self.last = None;
        remove(place, name, path)
    }

    fn make_directory(&mut self, place: &Place, name: &[u8], path: Vec<u8>, attributes: Attributes) -> Result<()> {
        let mut replaces = false;
        let mut tries = 0;
        loop {
            match mkdirat(place, name, Mode::RWXU) {
                Ok(()) => break,
                Err(Errno::EXIST) if tries < MAX_TRIES => tries += 1,
                Err(errno) => return Err(kernel("make directory", &path)(errno)),
            }
            match stat_at(place, name) {
                Ok(stat) if file_type(&stat) == FileType::Directory => break,
                Ok(stat) if self.making.rules.keeps_kinds && !is_whiteout(&stat) => return Err(Error::FileInTheWay { path: shown(&path) }),
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(kernel("look at", &path)(errno)),
            }
            self.clear(place, name, &path)?;
            replaces = true;
        }
        // What was there before, a whiteout or a file, hid what the layers below have: so must the directory.
        if replaces && self.making.rules.is_layer {
            set_opaque(place.as_fd(), name, &path)?;
        }
        self.making.directories.push(place.as_fd(), name, path, Some(attributes))
    }

    fn make_file(&mut self, place: &Place, name: &[u8], path: &[u8], entry: &Entry, archive: &mut Reader<&mut dyn BufRead>) -> Result<()> {
        if entry.size > MAX_SPARSE_SIZE && entry.segments.is_some() {
            return Err(Error::TooLarge { what: "a sparse file", limit: MAX_SPARSE_SIZE });
        }
        let fd = self.create(place, name, path)?;
        let write = |at: u64, mut bytes: &[u8]| {
            let mut at = at;
            while !bytes.is_empty() {
                let length = match entry.segments {
                    None => rustix::io::write(&fd, bytes),
                    Some(_) => rustix::io::pwrite(&fd, bytes, at),
                };
                match length {
                    Ok(length) => (at, bytes) = (at + length as u64, &bytes[length..]),
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(kernel("write", path)(errno)),
                }
            }
            Ok(())
        };
        archive.copy_content(write)?;
        if entry.segments.is_some() {
            rustix::fs::ftruncate(&fd, entry.size).map_err(kernel("extend", path))?;
        }
        self.making.content += entry.size;
        if entry.size >= WORTH_WRITING_BACK {
            sys::begin_writeback(fd.as_fd(), 0);
        }
        set_by_fd(fd.as_fd(), &entry.attributes, path)
    }

    fn create(&mut self, place: &Place, name: &[u8], path: &[u8]) -> Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.exclusively(place, name, path, || openat(place, name, flags, Mode::RUSR | Mode::WUSR))
    }

    fn make_node(&mut self, place: &Place, name: &[u8], path: &[u8], kind: FileType, device: u64) -> Result<()> {
        self.exclusively(place, name, path, || mknodat(place, name, kind, Mode::RUSR | Mode::WUSR, device))
    }

    /// The target is a path in the archive. A link's own attributes are those of its target, which has them already.
    fn make_hard_link(&mut self, place: &Place, name: &[u8], path: &[u8], entry: &Entry) -> Result<()> {
        let target = path::clean(&[&self.base[..], b"/", &path::clean(&entry.link)].concat());
        match self.find(&target)? {
            Some(found) => self.link(place, name, path, &found, &target),
            None if self.making.rules.is_layer => {
                // Not to be taken for what was there before it.
                self.clear(place, name, path)?;
                self.late_links.push(LateLink { directory: place.path.clone(), name: name.to_vec(), target });
                Ok(())
            }
            None => Err(missing_target(&entry.name)),
        }
    }

    /// What came later under the same name has replaced it.
    fn make_late_link(&mut self, link: &LateLink, lower: Option<&Merged>) -> Result<()> {
        let path = path::join(&link.directory, &link.name);
        let place = self.tree.directory(&link.directory, Some(&mut self.making))?;
        match stat_at(&place, &link.name) {
            Ok(stat) if !is_whiteout(&stat) => {
                let is_below = || lower.map_or(Ok(false), |lower| lower.resolve(&link.target).map(|found| found.is_some()));
                return if self.find(&link.target)?.is_some() || is_below()? { Ok(()) } else { Err(missing_target(&path)) };
            }
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(kernel("look at", &path)(errno)),
        }
        let found = match (self.find(&link.target)?, lower) {
            (Some(found), _) => found,
            (None, Some(lower)) => self.copy_up(&link.target, lower)?.ok_or_else(|| missing_target(&path))?,
            (None, None) => return Err(missing_target(&path)),
        };
        self.link(&place, &link.name, &path, &found, &link.target)
    }

    fn link(
        &mut self,
        place: &Place,
        name: &[u8],
        path: &[u8],
        (target_place, target_name): &(Place, Vec<u8>),
        target: &[u8],
    ) -> Result<()> {
        let identity = |place: &Place, name: &[u8]| stat_at(place, name).map(|stat| (stat.st_dev, stat.st_ino));
        let wanted = identity(target_place, target_name).map_err(kernel("look at", target))?;
        if identity(place, name).is_ok_and(|existing| existing == wanted) {
            return Ok(());
        }
        self.exclusively(place, name, path, || linkat(target_place, &target_name[..], place, name, AtFlags::empty()))
    }

    /// Something in the tree that a hard link can point to.
    fn find(&self, target: &[u8]) -> Result<Option<(Place, Vec<u8>)>> {
        let (directory, name) = path::split(target);
        let place = match self.tree.directory(directory, None) {
            Ok(place) => place,
            Err(Error::Kernel { source: Errno::NOENT, .. } | Error::NotADirectory { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match stat_at(&place, name) {
            Ok(stat) if is_whiteout(&stat) && self.making.rules.is_layer => Ok(None),
            Ok(stat) if file_type(&stat) == FileType::Directory => {
                Err(Error::Entry { entry: shown(target), problem: "a hard link points to a directory" })
            }
            Ok(_) => Ok(Some((place, name.to_vec()))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(kernel("look at", target)(errno)),
        }
    }

    /// Copies a file of a layer below into this one, as overlayfs does before it links one.
    fn copy_up(&mut self, target: &[u8], lower: &Merged) -> Result<Option<(Place, Vec<u8>)>> {
        let Some((path, Child::Other(found, stat))) = lower.resolve(target)? else { return Ok(None) };
        let kind = file_type(&stat);
        if !matches!(kind, FileType::RegularFile | FileType::Symlink) {
            return Ok(None);
        }
        let (directory, name) = path::split(&path);
        let place = self.tree.directory(directory, Some(&mut self.making))?;
        let attributes = crate::directories::attributes_of(&found, &stat, &path)?;
        self.making.count()?;
        if kind == FileType::Symlink {
            let link = rustix::fs::readlinkat(&found, c"", Vec::new()).map_err(kernel("read link", &path))?;
            self.exclusively(&place, name, &path, || symlinkat(&link, &place, name))?;
            set_by_name(place.as_fd(), name, &attributes, &path)?;
        } else {
            self.making.copied += stat.st_size.unsigned_abs();
            let limit = self.making.rules.max_copied;
            if self.making.copied > limit {
                return Err(Error::TooLarge { what: "what hard links copy from layers below", limit });
            }
            let fd = self.create(&place, name, &path)?;
            let mut from = File::from(crate::attributes::reopen(found.as_fd()).map_err(kernel("open", &path))?);
            let mut to = File::from(fd);
            std::io::copy(&mut from, &mut to).map_err(Error::Source)?;
            set_by_fd(to.as_fd(), &attributes, &path)?;
        }
        Ok(Some((place, name.to_vec())))
    }
}

fn missing_target(entry: &[u8]) -> Error {
    Error::Entry { entry: shown(entry), problem: "the target of a hard link does not exist" }
}
