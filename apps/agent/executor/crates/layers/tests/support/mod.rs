//! An archive builder that shares nothing with the crate's own writer, temporary directories, and looks at what came out.
#![allow(dead_code, reason = "each test program uses a part of it")]

use layers::{Compression, Error, UnpackOptions, Unpacked, unpack};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("layers-{}-{serial}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// One header, every field open to abuse.
#[derive(Clone)]
pub struct Header {
    pub name: Vec<u8>,
    pub flag: u8,
    pub link: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub size: u64,
    pub mtime: u64,
    pub device: (u32, u32),
    pub magic: [u8; 8],
}

impl Header {
    pub fn new(name: impl AsRef<[u8]>, flag: u8) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            flag,
            link: Vec::new(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 1_600_000_000,
            device: (0, 0),
            magic: *b"ustar\x0000",
        }
    }

    pub fn bytes(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let text = |block: &mut [u8], text: &[u8]| block[..text.len()].copy_from_slice(text);
        text(&mut block[..100], &self.name);
        text(&mut block[100..108], format!("{:07o}", self.mode).as_bytes());
        text(&mut block[108..116], format!("{:07o}", self.uid).as_bytes());
        text(&mut block[116..124], format!("{:07o}", self.gid).as_bytes());
        text(&mut block[124..136], format!("{:011o}", self.size).as_bytes());
        text(&mut block[136..148], format!("{:011o}", self.mtime).as_bytes());
        block[156] = self.flag;
        text(&mut block[157..257], &self.link);
        block[257..265].copy_from_slice(&self.magic);
        text(&mut block[329..337], format!("{:07o}", self.device.0).as_bytes());
        text(&mut block[337..345], format!("{:07o}", self.device.1).as_bytes());
        seal(&mut block);
        block
    }
}

pub fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

pub fn record(key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let rest = key.len() + value.as_ref().len() + 3;
    let length = (rest..).find(|length| length - rest == length.to_string().len()).unwrap();
    [format!("{length} {key}=").as_bytes(), value.as_ref(), b"\n"].concat()
}

#[derive(Default, Clone)]
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        pad(&mut self.0);
        self
    }

    pub fn header(self, header: &Header) -> Self {
        self.raw(header.bytes())
    }

    pub fn content(self, mut header: Header, content: impl AsRef<[u8]>) -> Self {
        header.size = content.as_ref().len() as u64;
        self.header(&header).raw(content)
    }

    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.content(Header::new(name, b'0'), content)
    }

    pub fn dir(self, name: impl AsRef<[u8]>, mode: u32) -> Self {
        self.header(&Header { mode, ..Header::new(name, b'5') })
    }

    pub fn symlink(self, target: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Self {
        self.header(&Header { link: target.as_ref().to_vec(), mode: 0o777, ..Header::new(name, b'2') })
    }

    pub fn link(self, target: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Self {
        self.header(&Header { link: target.as_ref().to_vec(), ..Header::new(name, b'1') })
    }

    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let records: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.content(Header::new("pax", b'x'), records)
    }

    /// Without the zero blocks at the end.
    pub fn open_end(self) -> Vec<u8> {
        self.0
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub fn options() -> UnpackOptions {
    UnpackOptions { compression: Compression::Auto, digest: None, diff_id: None, max_bytes: 1 << 30, max_entries: 10_000, durable: false }
}

pub fn unpack_bytes(tar: &[u8], target: &Path) -> Result<Unpacked, Error> {
    unpack(tar, target, &options(), &[])
}

pub fn unpack_over(tar: &[u8], target: &Path, lower: &[&Path]) -> Result<Unpacked, Error> {
    let lower: Vec<_> = lower.iter().map(|path| path.to_path_buf()).collect();
    unpack(tar, target, &options(), &lower)
}

pub fn is_whiteout(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device() && metadata.rdev() == 0)
}

pub fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

pub fn is_opaque(path: &Path) -> bool {
    xattr(path, "trusted.overlay.opaque").as_deref() == Some(b"y")
}

pub fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// Shows the first line that differs, not two whole trees.
pub fn assert_same(a: &[String], b: &[String]) {
    if let Some((a, b)) = a.iter().zip(b).find(|(a, b)| a != b) {
        assert_eq!(a, b);
    }
    assert_eq!(a.len(), b.len());
}

/// Everything that can be told about a tree, a line per file: to compare trees, and to see that one did not change.
pub fn describe(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inodes = Vec::new();
    describe_into(root, Path::new(""), &mut lines, &mut inodes);
    lines
}

fn describe_into(root: &Path, path: &Path, lines: &mut Vec<String>, inodes: &mut Vec<u64>) {
    let full = root.join(path);
    let metadata = fs::symlink_metadata(&full).unwrap();
    let kind = metadata.file_type();
    let content = if kind.is_file() {
        format!("{:?}", layers_hash(&fs::read(&full).unwrap()))
    } else if kind.is_symlink() {
        format!("-> {:?}", fs::read_link(&full).unwrap())
    } else {
        format!("{:x}", metadata.rdev())
    };
    let inode = inodes.iter().position(|&inode| inode == metadata.ino()).unwrap_or_else(|| {
        inodes.push(metadata.ino());
        inodes.len() - 1
    });
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(&full, &mut names[..]).unwrap();
    let mut xattrs: Vec<_> = names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(|name| name.to_vec()).collect();
    xattrs.sort();
    let xattrs: Vec<_> = xattrs.into_iter().map(|name| String::from_utf8(name).unwrap()).map(|name| (xattr(&full, &name), name)).collect();
    let length = if kind.is_dir() { 0 } else { metadata.len() };
    if is_whiteout(&full) {
        // Nobody can see its attributes.
        lines.push(format!("{path:?} whiteout"));
        return;
    }
    lines.push(format!(
        "{path:?} mode {:o} owner {}:{} time {}.{} length {length} inode {inode} {content} {xattrs:?}",
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ));
    if kind.is_dir() {
        let mut children: Vec<_> = fs::read_dir(&full).unwrap().map(|entry| path.join(entry.unwrap().file_name())).collect();
        children.sort();
        children.iter().for_each(|child| describe_into(root, child, lines, inodes));
    }
}

/// FNV-1a, enough to tell contents apart.
fn layers_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
