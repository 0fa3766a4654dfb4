//! Turns files of a tree into archive entries, in an order that depends on their names alone.

use crate::attributes::{from_stat, is_overlay_xattr, read_xattrs_of, reopen};
use crate::error::{Error, Result, kernel, shown};
use crate::path;
use crate::tar::{BLOCK, Entry, Kind, Segment, Writer};
use crate::tree::{Tree, file_type};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir, FileType, OFlags, SeekFrom, Stat, fstat, major, minor, readlinkat, seek};
use rustix::io::Errno;
use std::collections::HashMap;
use std::io::Write;

const BUFFER: usize = 256 * 1024;
/// Fewer bytes of holes than this are written as zeros: not every program reads sparse entries, and zeros compress.
const WORTHWHILE_HOLES: u64 = 1 << 20;

/// Attributes that describe the host and its policies, or a layer's part in an overlay, rather than the file.
pub(crate) fn belongs_to_host(xattr: &[u8]) -> bool {
    const POLICIES: [&[u8]; 4] = [b"security.selinux", b"security.ima", b"security.evm", b"security.apparmor"];
    is_overlay_xattr(xattr) || xattr.starts_with(b"security.SMACK64") || POLICIES.contains(&xattr)
}

/// A file met on a walk, opened as a path.
pub(crate) struct Found {
    pub(crate) fd: OwnedFd,
    pub(crate) stat: Stat,
    /// Inside the tree.
    pub(crate) path: Vec<u8>,
}

/// Visits `start` and, wherever `visit` says so, what is below, parents first and siblings by the bytes of their names. What vanishes
/// or turns into a link meanwhile is passed over.
pub(crate) fn walk(tree: &Tree, start: &[u8], mut visit: impl FnMut(&Found) -> Result<bool>) -> Result<()> {
    let mut pending = vec![start.to_vec()];
    while let Some(path) = pending.pop() {
        let fd = match tree.open_plain(tree.root(), &path, OFlags::PATH | OFlags::NOFOLLOW) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) if path != start => continue,
            opened => opened.map_err(kernel("open", &path))?,
        };
        let stat = fstat(&fd).map_err(kernel("look at", &path))?;
        let found = Found { fd, stat, path };
        if !visit(&found)? || file_type(&stat) != FileType::Directory {
            continue;
        }
        let mut names = names(&found)?;
        names.sort_unstable_by(|a, b| b.cmp(a));
        pending.extend(names.into_iter().map(|name| path::join(&found.path, &name)));
    }
    Ok(())
}

fn names(found: &Found) -> Result<Vec<Vec<u8>>> {
    let list = || {
        let mut names = Vec::new();
        for entry in Dir::read_from(reopen(found.fd.as_fd())?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    };
    list().map_err(kernel("list", &found.path))
}

pub(crate) struct Packer<W: Write> {
    writer: Writer<W>,
    /// Names given to files that have several, by device and inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    buffer: Vec<u8>,
}

impl<W: Write> Packer<W> {
    pub(crate) fn new(sink: W) -> Self {
        Self { writer: Writer::new(sink), links: HashMap::new(), buffer: vec![0; BUFFER] }
    }

    pub(crate) fn finish(self) -> Result<W> {
        self.writer.finish().map_err(Error::Sink)
    }

    /// An entry without content or attributes.
    pub(crate) fn add_marker(&mut self, name: Vec<u8>) -> Result<()> {
        let entry = Entry { name, kind: Kind::File, attributes: Default::default(), size: 0, link: Vec::new(), segments: None };
        self.writer.entry(&entry).map_err(Error::Sink)
    }

    /// Adds a file under `name`, which for a directory ends in a slash. Sockets are left out: no archive can hold them.
    pub(crate) fn add(&mut self, found: &Found, name: Vec<u8>) -> Result<()> {
        let Found { fd, stat, path } = found;
        let device = (major(stat.st_rdev), minor(stat.st_rdev));
        let kind = match file_type(stat) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            FileType::CharacterDevice => Kind::CharDevice { major: device.0, minor: device.1 },
            FileType::BlockDevice => Kind::BlockDevice { major: device.0, minor: device.1 },
            FileType::Fifo => Kind::Fifo,
            _ => return Ok(()),
        };
        let mut entry = Entry { name, kind, attributes: from_stat(stat, Vec::new()), size: 0, link: Vec::new(), segments: None };
        if stat.st_nlink > 1 && kind != Kind::Directory {
            let identity = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&identity) {
                (entry.kind, entry.link) = (Kind::HardLink, first.clone());
                return self.writer.entry(&entry).map_err(Error::Sink);
            }
            self.links.insert(identity, entry.name.clone());
        }
        let mut xattrs = read_xattrs_of(fd.as_fd()).map_err(kernel("read the attributes of", path))?;
        xattrs.retain(|xattr| !belongs_to_host(&xattr.name));
        entry.attributes.xattrs = xattrs;
        match kind {
            Kind::Symlink => entry.link = readlinkat(fd, c"", Vec::new()).map_err(kernel("read link", path))?.into_bytes(),
            Kind::File => return self.add_content(found, entry),
            _ => {}
        }
        self.writer.entry(&entry).map_err(Error::Sink)
    }

    fn add_content(&mut self, found: &Found, mut entry: Entry) -> Result<()> {
        entry.size = found.stat.st_size.unsigned_abs();
        if entry.size == 0 {
            return self.writer.entry(&entry).map_err(Error::Sink);
        }
        let file = reopen(found.fd.as_fd()).map_err(kernel("open", &found.path))?;
        let allocated = found.stat.st_blocks.unsigned_abs() * BLOCK as u64;
        if allocated + WORTHWHILE_HOLES <= entry.size {
            entry.segments = segments(&file, entry.size).map_err(kernel("find the holes of", &found.path))?;
        }
        self.writer.entry(&entry).map_err(Error::Sink)?;
        let whole = [Segment { offset: 0, length: entry.size }];
        for segment in entry.segments.as_deref().unwrap_or(&whole) {
            let mut at = segment.offset;
            let end = segment.offset + segment.length;
            while at < end {
                let room = usize::try_from(end - at).map_or(BUFFER, |left| left.min(BUFFER));
                let length = match rustix::io::pread(&file, &mut self.buffer[..room], at) {
                    Err(Errno::INTR) => continue,
                    read => read.map_err(kernel("read", &found.path))?,
                };
                if length == 0 {
                    // It shrank. The rest of this segment reads as zeros, like the hole it has become.
                    self.buffer.fill(0);
                    self.writer.content(&self.buffer[..room]).map_err(Error::Sink)?;
                    at += room as u64;
                    continue;
                }
                self.writer.content(&self.buffer[..length]).map_err(Error::Sink)?;
                at += length as u64;
            }
        }
        Ok(())
    }
}

/// Where a file has data; none when its file system cannot tell.
fn segments(file: &OwnedFd, size: u64) -> rustix::io::Result<Option<Vec<Segment>>> {
    let mut segments = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match seek(file, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::NOTSUP) => return Ok(None),
            start => start?,
        };
        let end = seek(file, SeekFrom::Hole(start))?.min(size);
        if start >= end {
            break;
        }
        segments.push(Segment { offset: start, length: end - start });
        at = end;
    }
    Ok(Some(segments))
}

/// What to call a tree's path in an error about something an archive cannot say.
pub(crate) fn unrepresentable(path: &[u8], problem: &'static str) -> Error {
    Error::Unrepresentable { path: shown(path), problem }
}
