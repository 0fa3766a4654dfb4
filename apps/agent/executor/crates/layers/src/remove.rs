use crate::error::{Error, Result, kernel, shown};
use crate::tree::stat_at;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::path::Path;

const MAX_REFILLED: u32 = 1000;

/// Names in a directory, except `.` and `..`, with the type when the file system tells.
fn names(dir: impl AsFd) -> rustix::io::Result<Vec<(Vec<u8>, FileType)>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((name.to_vec(), entry.file_type()));
        }
    }
    Ok(names)
}

/// Empties `dir` whatever its depth, with two descriptors: a directory that is not empty moves up to `dir` to be taken apart there.
pub(crate) fn remove_content(dir: impl AsFd) -> rustix::io::Result<()> {
    let dir = dir.as_fd();
    let mut serial = 0u64;
    let mut refilled = 0;
    let mut pending: Vec<Vec<u8>> = Vec::new();
    for (name, kind) in names(dir)? {
        if !remove_simple(dir, &name, kind)? {
            pending.push(name);
        }
    }
    while let Some(name) = pending.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inner = match openat(dir, &name[..], flags, Mode::empty()) {
            Ok(inner) => inner,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno),
        };
        for (child, kind) in names(&inner)? {
            if remove_simple(&inner, &child, kind)? {
                continue;
            }
            let moved = loop {
                serial += 1;
                let moved = format!(".removed-{serial}").into_bytes();
                if matches!(stat_at(dir, &moved), Err(Errno::NOENT)) {
                    break moved;
                }
            };
            renameat(&inner, &child[..], dir, &moved[..])?;
            pending.push(moved);
        }
        match unlinkat(dir, &name[..], AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            // Somebody else put something in: take it apart again, but not for ever.
            Err(Errno::NOTEMPTY) if refilled < MAX_REFILLED => {
                refilled += 1;
                pending.push(name);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Removes a file or an empty directory; false when the directory is not empty.
fn remove_simple(dir: impl AsFd, name: &[u8], kind: FileType) -> rustix::io::Result<bool> {
    let flags = if kind == FileType::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    match unlinkat(&dir, name, flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) if kind == FileType::Directory => Ok(false),
        // The type was unknown.
        Err(Errno::ISDIR) => remove_simple(dir, name, FileType::Directory),
        Err(errno) => Err(errno),
    }
}

/// Removes whatever `name` in `parent` is, without following it. `path` is what to call it in an error.
pub(crate) fn remove(parent: impl AsFd, name: &[u8], path: &[u8]) -> Result<()> {
    let attempt = || {
        if remove_simple(&parent, name, FileType::Unknown)? {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(&parent, name, flags, Mode::empty())?;
        remove_content(&dir)?;
        match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        }
    };
    attempt().map_err(kernel("remove", path))
}

/// Removes whatever is at `path`, without following it; nothing there is no error.
pub fn remove_tree(path: &Path) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else {
        return Err(Error::NotADirectory { path: shown(name) });
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(CWD, parent, flags, Mode::empty()) {
        Ok(parent) => remove(&parent, last.as_encoded_bytes(), name),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(kernel("open directory", name)(errno)),
    }
}
