use crate::attributes::{is_opaque, modified};
use crate::diff::open_upper;
use crate::error::{Result, kernel};
use crate::merged::{Child, Merged};
use crate::pack::{Found, walk};
use crate::path;
use crate::tree::{file_type, is_whiteout};
use rustix::fd::AsFd;
use rustix::fs::FileType;
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The numbers are Docker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Modified = 0,
    Added = 1,
    Deleted = 2,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute.
    pub path: PathBuf,
    pub kind: ChangeKind,
}

/// What an overlay's upper directory changes about the layers below (topmost first), as `docker diff` lists it: parents of what was
/// added or deleted count as modified, directories that overlayfs copied up without a change do not count.
pub fn changes(upper_dir: &Path, lower_dirs: &[PathBuf]) -> Result<Vec<Change>> {
    let (tree, lower) = open_upper(upper_dir, lower_dirs)?;
    let mut list = List { lower, changes: Vec::new(), directories: HashSet::new() };
    walk(&tree, b"", |found| {
        if !found.path.is_empty() {
            list.add(found)?;
        }
        Ok(true)
    })?;
    Ok(list.changes)
}

struct List {
    lower: Merged,
    changes: Vec<Change>,
    /// Directories that are in the list.
    directories: HashSet<Vec<u8>>,
}

impl List {
    fn push(&mut self, path: &[u8], kind: ChangeKind) {
        let path = PathBuf::from(OsString::from_vec([b"/", path].concat()));
        self.changes.push(Change { path, kind });
    }

    /// Parents first, each once.
    fn push_with_parents(&mut self, path: &[u8], kind: ChangeKind) {
        let mut parents = Vec::new();
        let mut parent = path::split(path).0;
        while !parent.is_empty() && self.directories.insert(parent.to_vec()) {
            parents.push(parent.to_vec());
            parent = path::split(parent).0;
        }
        for parent in parents.iter().rev() {
            self.push(parent, ChangeKind::Modified);
        }
        self.push(path, kind);
    }

    fn add(&mut self, found: &Found) -> Result<()> {
        let (directory, name) = path::split(&found.path);
        let below = match self.lower.directory(directory)? {
            Some(directory) => self.lower.child(&directory, name)?,
            None => None,
        };
        if is_whiteout(&found.stat) {
            if below.is_some() {
                self.push_with_parents(&found.path, ChangeKind::Deleted);
            }
            return Ok(());
        }
        let is_directory = file_type(&found.stat) == FileType::Directory;
        match below {
            None => {
                self.mark(found, is_directory);
                self.push_with_parents(&found.path, ChangeKind::Added);
            }
            Some(Child::Directory(below)) if is_directory => {
                let hides = is_opaque(found.fd.as_fd(), b"").map_err(kernel("read the attributes of", &found.path))?;
                let is_same = !hides
                    && self.lower.top_of(&below)?.is_some_and(|(_, stat)| {
                        let identity = |stat: &rustix::fs::Stat| (stat.st_mode, stat.st_uid, stat.st_gid, modified(stat));
                        identity(&stat) == identity(&found.stat)
                    });
                if !is_same {
                    self.mark(found, true);
                    self.push(&found.path, ChangeKind::Modified);
                }
                if hides {
                    self.add_hidden(found, &below)?;
                }
            }
            Some(_) => {
                self.mark(found, is_directory);
                self.push(&found.path, ChangeKind::Modified);
            }
        }
        Ok(())
    }

    fn mark(&mut self, found: &Found, is_directory: bool) {
        if is_directory {
            self.directories.insert(found.path.clone());
        }
    }

    /// What an opaque directory hides is gone, unless it has the same name itself.
    fn add_hidden(&mut self, found: &Found, below: &crate::merged::MergedDir) -> Result<()> {
        for name in self.lower.names(below)?.into_keys() {
            let own = crate::attributes::reopen(found.fd.as_fd()).and_then(|dir| crate::tree::stat_at(dir, &name));
            if own.is_err() || own.is_ok_and(|stat| is_whiteout(&stat)) {
                self.push_with_parents(&path::join(&found.path, &name), ChangeKind::Deleted);
            }
        }
        Ok(())
    }
}
