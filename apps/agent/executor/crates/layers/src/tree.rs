//! Finds directories below a root that a hostile archive, or a hostile process at the same time, fills with symbolic links.
//!
//! A path without links is opened by one openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). Where that meets a link or a gap, the path is
//! walked one component at a time with a stack of open directories: links are read and followed as text, an absolute one starts again
//! at the root, `..` pops the stack. Nothing ever opens more than one plain component below a directory already known to be inside, so
//! neither a link nor a rename that happens meanwhile leads out, and the path that was really taken is known.

use crate::error::{Error, Result, kernel, shown};
use crate::path;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2, readlinkat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::sync::Arc;

/// Directories inside one another. Each costs a descriptor while a path is walked.
pub(crate) const MAX_DEPTH: usize = 255;
/// As Linux allows in one path.
const MAX_LINKS: usize = 40;

pub(crate) struct Tree {
    root: OwnedFd,
    resolve: ResolveFlags,
}

/// A directory that was found, and the link-free path to it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) dir: Arc<OwnedFd>,
    pub(crate) path: Vec<u8>,
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// What to do about a component that is missing while walking to a directory.
pub(crate) trait Gap {
    /// Makes the directory `name` in `parent`, whose path is `path`. `is_hidden` when a whiteout was there, and has been removed.
    fn fill(&mut self, parent: BorrowedFd, path: &[u8], name: &[u8], is_hidden: bool) -> Result<()>;
    /// Whether a character device 0/0 means that nothing is there.
    fn has_whiteouts(&self) -> bool;
}

/// Where a walk ended.
pub(crate) enum Walked {
    Directory(Place),
    /// Something else, under this name in this directory; a link when the walk was told not to follow the last one.
    Other(Place, Vec<u8>),
    /// Nothing; this is where it would be.
    Missing(Vec<u8>),
}

pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(crate) fn is_whiteout(stat: &Stat) -> bool {
    file_type(stat) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Looks at one name without following it. `name` must be a plain component.
pub(crate) fn stat_at(dir: impl AsFd, name: &[u8]) -> rustix::io::Result<Stat> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

impl Tree {
    /// `may_cross_mounts` is for a container's root, whose volumes are mounts; nothing is mounted in a layer.
    pub(crate) fn new(root: OwnedFd, may_cross_mounts: bool) -> Self {
        let confined = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let resolve = if may_cross_mounts { confined } else { confined | ResolveFlags::NO_XDEV };
        Self { root, resolve }
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a path that must not contain links. Renames by others can make the kernel ask for another try.
    pub(crate) fn open_plain(&self, dir: BorrowedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let mut tries = 0;
        loop {
            match openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), self.resolve) {
                Err(Errno::AGAIN | Errno::INTR) if tries < 64 => tries += 1,
                opened => return opened,
            }
        }
    }

    /// The directory at `path` (cleaned), following links inside the root; gaps are filled when `gap` is given.
    pub(crate) fn directory(&self, path: &[u8], gap: Option<&mut dyn Gap>) -> Result<Place> {
        match self.open_plain(self.root(), path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(dir) if path.iter().filter(|&&byte| byte == b'/').count() < MAX_DEPTH => {
                return Ok(Place { dir: Arc::new(dir), path: path.to_vec() });
            }
            Ok(_) | Err(Errno::LOOP | Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => return Err(kernel("open directory", path)(errno)),
        }
        match self.walk(path, true, gap)? {
            Walked::Directory(place) => Ok(place),
            Walked::Other(place, name) => Err(Error::NotADirectory { path: shown(&path::join(&place.path, &name)) }),
            Walked::Missing(_) => Err(kernel("find", path)(Errno::NOENT)),
        }
    }

    /// Walks `path`, following a link at its end only when told to.
    pub(crate) fn walk(&self, path: &[u8], follow_last: bool, mut gap: Option<&mut dyn Gap>) -> Result<Walked> {
        let mut walk = Walk { tree: self, stack: Vec::new(), path: Vec::new(), pending: path::components(path), links: 0 };
        while let Some(name) = walk.pending.pop_front() {
            if name == b".." {
                walk.pop();
                continue;
            }
            let entered = match (walk.enter(&name), gap.as_deref_mut()) {
                (Ok(entered), _) => entered,
                // Beyond what exists there are no links, so `..` is text: `gone/../etc` is `etc`, as container engines have it.
                (Err(Errno::NOENT), _) if walk.pending.iter().any(|name| name == b"..") => {
                    walk.restart(&name)?;
                    continue;
                }
                (Err(Errno::NOENT), None) => {
                    return Ok(Walked::Missing(walk.remaining(&name)));
                }
                (Err(Errno::NOENT), Some(gap)) => walk.fill(gap, &name, false)?,
                (Err(errno), _) => return Err(kernel("open", &path::join(&walk.path, &name))(errno)),
            };
            match entered {
                Entered::Directory => {}
                Entered::Link(_) if walk.pending.is_empty() && !follow_last => return Ok(Walked::Other(walk.place()?, name)),
                Entered::Link(target) => walk.follow(&target)?,
                Entered::Whiteout if gap.as_deref().is_some_and(Gap::has_whiteouts) => {
                    rustix::fs::unlinkat(walk.top(), &name[..], AtFlags::empty())
                        .map_err(kernel("remove", &path::join(&walk.path, &name)))?;
                    if let Some(gap) = gap.as_deref_mut() {
                        walk.fill(gap, &name, true)?;
                    }
                }
                Entered::Whiteout | Entered::Other if walk.pending.is_empty() => return Ok(Walked::Other(walk.place()?, name)),
                Entered::Whiteout | Entered::Other => {
                    return Err(Error::NotADirectory { path: shown(&path::join(&walk.path, &name)) });
                }
            }
        }
        Ok(Walked::Directory(walk.place()?))
    }
}

enum Entered {
    Directory,
    Link(Vec<u8>),
    Whiteout,
    Other,
}

struct Walk<'a> {
    tree: &'a Tree,
    stack: Vec<OwnedFd>,
    path: Vec<u8>,
    pending: VecDeque<Vec<u8>>,
    links: usize,
}

impl Walk<'_> {
    fn top(&self) -> BorrowedFd<'_> {
        self.stack.last().map_or(self.tree.root(), AsFd::as_fd)
    }

    fn pop(&mut self) {
        self.stack.pop();
        self.path.truncate(path::split(&self.path).0.len());
    }

    /// Looks at one component and steps into it when it is a directory.
    fn enter(&mut self, name: &[u8]) -> rustix::io::Result<Entered> {
        let fd = self.tree.open_plain(self.top(), name, OFlags::PATH | OFlags::NOFOLLOW)?;
        let stat = fstat(&fd)?;
        match file_type(&stat) {
            FileType::Directory if self.stack.len() >= MAX_DEPTH => Err(Errno::NAMETOOLONG),
            FileType::Directory => {
                self.stack.push(fd);
                path::push(&mut self.path, name);
                Ok(Entered::Directory)
            }
            FileType::Symlink => Ok(Entered::Link(readlinkat(&fd, c"", Vec::new())?.into_bytes())),
            _ if is_whiteout(&stat) => Ok(Entered::Whiteout),
            _ => Ok(Entered::Other),
        }
    }

    fn fill(&mut self, gap: &mut dyn Gap, name: &[u8], is_hidden: bool) -> Result<Entered> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error::TooLarge { what: "the depth of a directory", limit: MAX_DEPTH as u64 });
        }
        gap.fill(self.top(), &self.path, name, is_hidden)?;
        self.enter(name).map_err(kernel("open", &path::join(&self.path, name)))
    }

    fn follow(&mut self, target: &[u8]) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(kernel("follow the links of", &self.path)(Errno::LOOP));
        }
        if target.starts_with(b"/") {
            self.stack.clear();
            self.path.clear();
        }
        for component in path::components(target).into_iter().rev() {
            self.pending.push_front(component);
        }
        Ok(())
    }

    /// The whole path with what is still to come, resolved as text.
    fn remaining(&self, name: &[u8]) -> Vec<u8> {
        let rest = self.pending.iter().fold(path::join(&self.path, name), |path, component| path::join(&path, component));
        path::clean(&rest)
    }

    fn restart(&mut self, name: &[u8]) -> Result<()> {
        let remaining = [b"/", &self.remaining(name)[..]].concat();
        self.pending.clear();
        self.follow(&remaining)
    }

    fn place(&mut self) -> Result<Place> {
        let dir = match self.stack.pop() {
            Some(dir) => dir,
            None => self.tree.open_plain(self.tree.root(), b"", OFlags::PATH | OFlags::DIRECTORY).map_err(kernel("open", b"/"))?,
        };
        Ok(Place { dir: Arc::new(dir), path: std::mem::take(&mut self.path) })
    }
}
