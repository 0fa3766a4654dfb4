//! The union that overlayfs would show of some layer directories, without mounting them.

use crate::attributes::is_opaque;
use crate::error::{Result, kernel};
use crate::path;
use crate::tree::{file_type, is_whiteout};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::Path;

const MAX_LINKS: usize = 40;

/// Layer directories, topmost first.
pub(crate) struct Merged {
    layers: Vec<OwnedFd>,
}

/// A directory of the union: its path, and the layers whose directories at that path make it up.
#[derive(Clone)]
pub(crate) struct MergedDir {
    pub(crate) path: Vec<u8>,
    layers: Vec<usize>,
}

impl MergedDir {
    /// No layer has it: only the root can be so.
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

pub(crate) enum Child {
    Directory(MergedDir),
    /// The file itself, opened as a path, in the layer that provides it.
    Other(OwnedFd, Stat),
}

impl Merged {
    pub(crate) fn open<P: AsRef<Path>>(dirs: &[P]) -> Result<Self> {
        let open = |dir: &P| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            openat(CWD, dir.as_ref(), flags, Mode::empty()).map_err(kernel("open layer", dir.as_ref().as_os_str().as_encoded_bytes()))
        };
        Ok(Self { layers: dirs.iter().map(open).collect::<Result<_>>()? })
    }

    /// The same with another layer on top.
    pub(crate) fn below(mut self, top: OwnedFd) -> Self {
        self.layers.insert(0, top);
        self
    }

    pub(crate) fn root(&self) -> MergedDir {
        MergedDir { path: Vec::new(), layers: (0..self.layers.len()).collect() }
    }

    /// The root as it is without the topmost layer.
    pub(crate) fn root_below(&self) -> MergedDir {
        MergedDir { path: Vec::new(), layers: (1..self.layers.len()).collect() }
    }

    fn open_in(&self, layer: usize, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.layers[layer], path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// The topmost layer's own directory, opened as a path, and its state.
    pub(crate) fn top_of(&self, dir: &MergedDir) -> Result<Option<(OwnedFd, Stat)>> {
        let Some(&layer) = dir.layers.first() else { return Ok(None) };
        let fd = self.open_in(layer, &dir.path, OFlags::PATH | OFlags::DIRECTORY).map_err(kernel("open", &dir.path))?;
        let stat = fstat(&fd).map_err(kernel("look at", &dir.path))?;
        Ok(Some((fd, stat)))
    }

    pub(crate) fn child(&self, dir: &MergedDir, name: &[u8]) -> Result<Option<Child>> {
        let path = path::join(&dir.path, name);
        let mut layers = Vec::new();
        for &layer in &dir.layers {
            let fd = match self.open_in(layer, &path, OFlags::PATH | OFlags::NOFOLLOW) {
                Ok(fd) => fd,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(kernel("open", &path)(errno)),
            };
            let stat = fstat(&fd).map_err(kernel("look at", &path))?;
            match file_type(&stat) {
                FileType::Directory => {
                    layers.push(layer);
                    if is_opaque(fd.as_fd(), b"").map_err(kernel("read the attributes of", &path))? {
                        break;
                    }
                }
                _ if !layers.is_empty() || is_whiteout(&stat) => break,
                _ => return Ok(Some(Child::Other(fd, stat))),
            }
        }
        Ok(if layers.is_empty() { None } else { Some(Child::Directory(MergedDir { path, layers })) })
    }

    /// The directory at a link-free path.
    pub(crate) fn directory(&self, path: &[u8]) -> Result<Option<MergedDir>> {
        let mut dir = self.root();
        for name in path::components(path) {
            match self.child(&dir, &name)? {
                Some(Child::Directory(child)) => dir = child,
                _ => return Ok(None),
            }
        }
        Ok(Some(dir))
    }

    /// What the layers under the topmost one show at a link-free path, as far as the topmost one lets them be seen in its parent.
    pub(crate) fn below_at(&self, path: &[u8]) -> Result<Option<MergedDir>> {
        let (parent, name) = path::split(path);
        let Some(mut parent) = self.directory(parent)? else { return Ok(None) };
        parent.layers.retain(|&layer| layer != 0);
        match self.child(&parent, name)? {
            Some(Child::Directory(dir)) => Ok(Some(dir)),
            _ => Ok(None),
        }
    }

    /// Follows links on the way to `path`, but not one at its end. Answers the path really taken and what is there.
    pub(crate) fn resolve(&self, path: &[u8]) -> Result<Option<(Vec<u8>, Child)>> {
        let mut stack = vec![self.root()];
        let mut pending = path::components(path);
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            if name == b".." {
                stack.truncate(stack.len().saturating_sub(1).max(1));
                continue;
            }
            let Some(dir) = stack.last() else { return Ok(None) };
            match self.child(dir, &name)? {
                Some(Child::Directory(child)) => stack.push(child),
                Some(other) if pending.is_empty() => return Ok(Some((path::join(&dir.path, &name), other))),
                Some(Child::Other(link, stat)) if file_type(&stat) == FileType::Symlink && links < MAX_LINKS => {
                    links += 1;
                    let target =
                        readlinkat(&link, c"", Vec::new()).map_err(kernel("read link", &path::join(&dir.path, &name)))?.into_bytes();
                    stack.truncate(if target.starts_with(b"/") { 1 } else { stack.len() });
                    for component in path::components(&target).into_iter().rev() {
                        pending.push_front(component);
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(stack.pop().map(|dir| (dir.path.clone(), Child::Directory(dir))))
    }

    /// Everything visible in a directory, by name, and whether it is a directory itself.
    pub(crate) fn names(&self, dir: &MergedDir) -> Result<BTreeMap<Vec<u8>, bool>> {
        let mut names = BTreeMap::new();
        for &layer in &dir.layers {
            let fd = self.open_in(layer, &dir.path, OFlags::RDONLY | OFlags::DIRECTORY).map_err(kernel("open", &dir.path))?;
            for entry in Dir::read_from(&fd).map_err(kernel("list", &dir.path))? {
                let entry = entry.map_err(kernel("list", &dir.path))?;
                let name = entry.file_name().to_bytes();
                if name != b"." && name != b".." && !names.contains_key(name) {
                    let stat = crate::tree::stat_at(&fd, name).map_err(kernel("look at", name))?;
                    names.insert(name.to_vec(), Some(file_type(&stat) == FileType::Directory).filter(|_| !is_whiteout(&stat)));
                }
            }
        }
        Ok(names.into_iter().filter_map(|(name, is_directory)| Some((name, is_directory?))).collect())
    }
}
