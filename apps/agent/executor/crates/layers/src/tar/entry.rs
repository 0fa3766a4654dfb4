//! What an archive says about one file.

/// Seconds since 1970 and the nanoseconds after them (always counted forwards).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    pub seconds: i64,
    pub nanoseconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    /// Another name for the file that the archive (or a layer below) holds at `Entry::link`.
    HardLink,
    CharDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Xattr {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The twelve permission bits.
    pub mode: u32,
    /// Never `u32::MAX`, which chown(2) takes for "leave it".
    pub uid: u32,
    pub gid: u32,
    pub modified: Timestamp,
    pub xattrs: Vec<Xattr>,
}

/// A run of bytes of a sparse file that is stored; what lies between is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub offset: u64,
    pub length: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As the archive has it: it may be absolute, hold `..`, or not be UTF-8.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub attributes: Attributes,
    /// Length of a file once extracted; 0 for everything else.
    pub size: u64,
    /// Target of a symbolic or hard link, else empty.
    pub link: Vec<u8>,
    /// Stored runs of a sparse file, in order; none for ordinary files.
    pub segments: Option<Vec<Segment>>,
}
