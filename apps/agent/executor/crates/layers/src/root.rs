//! `docker cp`: looking at, reading and writing files of a container that may be running, and hostile.

use crate::attributes::modified;
use crate::compression::Compression;
use crate::error::{Error, Result, kernel, shown};
use crate::extract::{Extractor, Owner, Rules};
use crate::pack::{Found, Packer, walk};
use crate::path;
use crate::pipeline::{self, Plan};
use crate::tar::{Reader, Timestamp};
use crate::tree::{Tree, Walked, file_type};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat, readlinkat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io::{BufRead, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// A root file system: every path and every link in it is resolved inside it.
pub struct Root {
    tree: Tree,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStat {
    /// Last component of the path that was asked for.
    pub name: OsString,
    pub size: u64,
    /// st_mode as the kernel gives it.
    pub mode: u32,
    pub modified: Timestamp,
    /// Where a symbolic link leads in the end, as an absolute path in the root, whether or not anything is there; else empty.
    pub link_target: OsString,
}

#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// Refuse to replace a directory with a file, or a file with a directory.
    pub keeps_kinds: bool,
    /// Give everything to this user and group instead of the archive's.
    pub owner: Option<(u32, u32)>,
    /// Of the uncompressed archive.
    pub max_bytes: u64,
    pub max_entries: u64,
}

/// A path that was found, ready to be read.
pub struct Source<'a> {
    tree: &'a Tree,
    path: Vec<u8>,
    name: Vec<u8>,
    stat: PathStat,
}

/// What a path names, links followed as `docker cp` does.
struct Located {
    path: Vec<u8>,
    /// As entries call it: the requested name, `.` for the content of a directory, nothing for the root.
    name: Vec<u8>,
    fd: OwnedFd,
    stat: Stat,
}

impl Root {
    /// `root` is a directory, opened as a path or for reading; /proc/PID/root of a process shows its mounts too.
    pub fn new(root: OwnedFd) -> Self {
        Self { tree: Tree::new(root, true) }
    }

    pub fn open(path: &Path) -> Result<Self> {
        let name = path.as_os_str().as_encoded_bytes();
        openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map(Self::new).map_err(kernel("open", name))
    }

    /// A link at the end is followed only when the path ends in `/` or `/.`.
    fn locate(&self, requested: &Path) -> Result<Located> {
        let requested = requested.as_os_str().as_encoded_bytes();
        let path = path::clean(requested);
        let is_content = requested == b"." || requested.ends_with(b"/.");
        let is_directory = is_content || requested.ends_with(b"/");
        let path = match self.tree.walk(&path, is_directory, None)? {
            Walked::Directory(place) => place.path,
            Walked::Other(_, _) if is_directory => return Err(Error::NotADirectory { path: shown(requested) }),
            Walked::Other(place, name) => path::join(&place.path, &name),
            Walked::Missing(_) => return Err(kernel("find", requested)(Errno::NOENT)),
        };
        let name = path::clean(requested);
        let name = if is_content && !name.is_empty() { b".".to_vec() } else { path::split(&name).1.to_vec() };
        let fd = self.tree.open_plain(self.tree.root(), &path, OFlags::PATH | OFlags::NOFOLLOW).map_err(kernel("open", requested))?;
        let stat = fstat(&fd).map_err(kernel("look at", requested))?;
        Ok(Located { path, name, fd, stat })
    }

    fn describe(&self, located: &Located) -> Result<PathStat> {
        let link_target = match file_type(&located.stat) {
            FileType::Symlink => match self.tree.walk(&located.path, true, None) {
                Ok(Walked::Directory(place)) => [b"/", &place.path[..]].concat(),
                Ok(Walked::Other(place, name)) => [b"/", &path::join(&place.path, &name)[..]].concat(),
                Ok(Walked::Missing(path)) => [b"/", &path[..]].concat(),
                // Links in a circle, or through a file, lead nowhere: tell what is written.
                Err(_) => readlinkat(&located.fd, c"", Vec::new()).map_err(kernel("read link", &located.path))?.into_bytes(),
            },
            _ => Vec::new(),
        };
        let name = if located.name.is_empty() { b"/".to_vec() } else { located.name.clone() };
        Ok(PathStat {
            name: OsString::from_vec(name),
            size: located.stat.st_size.unsigned_abs(),
            mode: located.stat.st_mode,
            modified: modified(&located.stat),
            link_target: OsString::from_vec(link_target),
        })
    }

    pub fn stat(&self, path: &Path) -> Result<PathStat> {
        self.describe(&self.locate(path)?)
    }

    /// Finds what to archive; `Source::write_to` then makes the tar.
    pub fn source(&self, path: &Path) -> Result<Source<'_>> {
        let located = self.locate(path)?;
        let stat = self.describe(&located)?;
        Ok(Source { tree: &self.tree, path: located.path, name: located.name, stat })
    }

    /// Extracts a tar, compressed or not, below the directory `path`, links followed. Answers the number of entries. What was
    /// extracted before a failure stays, as with Docker.
    pub fn write_archive(&self, path: &Path, archive: impl Read, options: &WriteOptions) -> Result<u64> {
        let requested = path.as_os_str().as_encoded_bytes();
        let base = match self.tree.walk(&path::clean(requested), true, None)? {
            Walked::Directory(place) => place.path,
            Walked::Other(_, _) => return Err(Error::NotADirectory { path: shown(requested) }),
            Walked::Missing(_) => return Err(kernel("find", requested)(Errno::NOENT)),
        };
        let root = self.tree.root().try_clone_to_owned().map_err(Error::Source)?;
        let plan = Plan { compression: Compression::Auto, max_bytes: options.max_bytes, hash: None, digest: None };
        let extract = |stream: &mut dyn BufRead| {
            let rules = Rules {
                owner: options.owner.map_or(Owner::OfEntry, |(uid, gid)| Owner::Fixed { uid, gid }),
                keeps_kinds: options.keeps_kinds,
                max_entries: options.max_entries,
                max_copied: 0,
                is_layer: false,
            };
            let mut extractor = Extractor::new(Tree::new(root, true), base, rules);
            let mut archive = Reader::new(stream);
            while let Some(entry) = archive.next_entry()? {
                extractor.count()?;
                let path = path::clean(&entry.name);
                // The directory itself is not part of what is copied into it.
                if !path.is_empty() {
                    extractor.make(&path, entry, &mut archive)?;
                }
            }
            extractor.finish(None)?;
            Ok(extractor.totals().0)
        };
        let (entries, _) = pipeline::run(archive, &plan, extract)?;
        Ok(entries)
    }
}

impl Source<'_> {
    pub fn stat(&self) -> &PathStat {
        &self.stat
    }

    /// Archives the whole root without what is mounted in it (`docker export`), anything else with it, but never the kernel's own
    /// file systems. A file that grows or shrinks meanwhile keeps the length it had.
    pub fn write_to(&self, sink: impl Write) -> Result<()> {
        let mut packer = Packer::new(sink);
        let home = fstat(self.tree.root()).map_err(kernel("look at", b"/"))?.st_dev;
        walk(self.tree, &self.path, |found| {
            let below = found.path.strip_prefix(&self.path[..]).unwrap_or_default();
            let name = path::clean(below);
            let name = match (self.name.is_empty(), name.is_empty()) {
                (true, true) => return Ok(true),
                (true, false) => name,
                (false, true) => self.name.clone(),
                (false, false) => path::join(&self.name, &name),
            };
            if file_type(&found.stat) != FileType::Directory {
                packer.add(found, name)?;
                return Ok(true);
            }
            packer.add(found, [&name[..], b"/"].concat())?;
            if found.stat.st_dev == home {
                return Ok(true);
            }
            Ok(!self.name.is_empty() && !is_kernels_own(found)?)
        })?;
        packer.finish().map(drop)
    }
}

/// proc, sysfs, cgroups, devpts and the like: endless, private to the host, or without files.
fn is_kernels_own(found: &Found) -> Result<bool> {
    const MAGIC: [u64; 9] = [
        0x9fa0,      // proc
        0x6265_6572, // sysfs
        0x0027_e0eb, // cgroup
        0x6367_7270, // cgroup2
        0x1cd1,      // devpts
        0x1980_0202, // mqueue
        0x6462_6720, // debugfs
        0x7472_6163, // tracefs
        0xcafe_4a11, // bpf
    ];
    let kind = fstatfs(found.fd.as_fd()).map_err(kernel("look at", &found.path))?.f_type;
    Ok(MAGIC.contains(&(kind as u64)))
}
