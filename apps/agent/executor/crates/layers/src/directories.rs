//! Attributes of directories that were made or named, set when all files are: making a file changes its directory's times, a default
//! ACL or a set-group-id bit would pass on to it, and a mode could forbid it.

use crate::attributes::{from_stat, is_overlay_xattr, read_xattrs_of, set_by_fd};
use crate::error::{Result, kernel};
use crate::merged::{Merged, MergedDir};
use crate::tar::{Attributes, Timestamp};
use crate::tree::{Tree, stat_at};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{OFlags, Stat, fstat};
use rustix::io::Errno;
use std::collections::HashMap;

struct Pending {
    path: Vec<u8>,
    /// None: no entry names it, so that it is as the layers below have it.
    attributes: Option<Attributes>,
}

/// By device and inode, because a path may have come to mean another directory; the last one to speak of a directory wins.
#[derive(Default)]
pub(crate) struct Directories {
    pending: HashMap<(u64, u64), Pending>,
}

/// A directory nobody describes.
pub(crate) fn fallback() -> Attributes {
    Attributes { mode: 0o755, modified: Timestamp::default(), ..Attributes::default() }
}

/// Attributes of an open path, without those that mean something to overlayfs in one layer only.
pub(crate) fn attributes_of(fd: &OwnedFd, stat: &Stat, path: &[u8]) -> Result<Attributes> {
    let mut xattrs = read_xattrs_of(fd.as_fd()).map_err(kernel("read the attributes of", path))?;
    xattrs.retain(|xattr| !is_overlay_xattr(&xattr.name));
    Ok(from_stat(stat, xattrs))
}

/// Attributes of the directory at `path` in the layers below.
fn copied_up(lower: &Merged, path: &[u8]) -> Result<Option<Attributes>> {
    lower.below_at(path)?.map_or(Ok(None), |dir| of_merged(lower, &dir))
}

pub(crate) fn of_merged(lower: &Merged, dir: &MergedDir) -> Result<Option<Attributes>> {
    lower.top_of(dir)?.map(|(fd, stat)| attributes_of(&fd, &stat, &dir.path)).transpose()
}

impl Directories {
    pub(crate) fn push(&mut self, parent: BorrowedFd, name: &[u8], path: Vec<u8>, attributes: Option<Attributes>) -> Result<()> {
        let stat = stat_at(parent, name).map_err(kernel("look at", &path))?;
        self.pending.insert((stat.st_dev, stat.st_ino), Pending { path, attributes });
        Ok(())
    }

    /// Directories that were removed again, or replaced, are passed over. `lower` has the tree itself as its topmost layer.
    pub(crate) fn finish(&mut self, tree: &Tree, lower: Option<&Merged>) -> Result<()> {
        for (identity, Pending { path, attributes }) in self.pending.drain() {
            let fd = match tree.open_plain(tree.root(), &path, OFlags::RDONLY | OFlags::DIRECTORY) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                opened => opened.map_err(kernel("open directory", &path))?,
            };
            let stat = fstat(&fd).map_err(kernel("look at", &path))?;
            if (stat.st_dev, stat.st_ino) == identity {
                let attributes = match (attributes, lower) {
                    (Some(attributes), _) => attributes,
                    (None, Some(lower)) => copied_up(lower, &path)?.unwrap_or_else(fallback),
                    (None, None) => fallback(),
                };
                set_by_fd(fd.as_fd(), &attributes, &path)?;
            }
        }
        Ok(())
    }
}
