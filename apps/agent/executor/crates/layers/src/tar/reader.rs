use super::header::{self, Header};
use super::pax::Pax;
use super::sparse::{self, Problem};
use super::{Attributes, BLOCK, Entry, Kind, Segment, Timestamp, padding};
use std::io::{self, BufRead};

/// Extension headers are kept in memory whole.
const MAX_EXTENSION: u64 = 1 << 20;
/// File offsets are signed.
const MAX_SIZE: u64 = i64::MAX as u64;

#[derive(Debug, thiserror::Error)]
pub enum TarError {
    #[error("read the archive at byte {at}")]
    Read { at: u64, source: io::Error },
    #[error("the archive ends inside an entry, at byte {at}")]
    Truncated { at: u64 },
    #[error("malformed archive: {problem}, in the header at byte {at}")]
    Malformed { at: u64, problem: &'static str },
}

type Result<T> = std::result::Result<T, TarError>;

/// What extension headers said about the entry that follows them.
#[derive(Default)]
struct Extensions {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

/// Reads entries one after another; content that was not read is skipped.
pub struct Reader<R> {
    source: R,
    position: u64,
    /// Content of the current entry that is still in the stream, and the zeros after it.
    unread: u64,
    padding: u64,
    segments: Vec<Segment>,
    finished: bool,
}

impl<R: BufRead> Reader<R> {
    pub fn new(source: R) -> Self {
        Self { source, position: 0, unread: 0, padding: 0, segments: Vec::new(), finished: false }
    }

    /// The next entry, or none at the end: two zero blocks, one and the end of the stream, or just the end of the stream.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        if self.finished {
            return Ok(None);
        }
        self.skip(self.unread + self.padding)?;
        (self.unread, self.padding) = (0, 0);
        let mut extensions = Extensions::default();
        loop {
            let at = self.position;
            let malformed = |problem| TarError::Malformed { at, problem };
            let block = self.block()?.filter(|block| block.iter().any(|&byte| byte != 0));
            let Some(block) = block else {
                if !extensions.is_empty() {
                    return Err(malformed("an extension belongs to no entry"));
                }
                if self.block()?.is_some_and(|block| block.iter().any(|&byte| byte != 0)) {
                    return Err(malformed("a single zero block stands among entries"));
                }
                self.finished = true;
                return Ok(None);
            };
            let header = Header(&block);
            if !header.has_valid_checksum() {
                return Err(malformed("the checksum is wrong"));
            }
            match header.type_flag() {
                b'x' => {
                    let pax = Pax::parse(&self.extension(&header, at)?).map_err(malformed)?;
                    if extensions.pax.replace(pax).is_some() {
                        return Err(malformed("an entry has two pax headers"));
                    }
                }
                b'g' => Pax::check_global(&self.extension(&header, at)?).map_err(malformed)?,
                b'L' | b'K' => {
                    let mut text = self.extension(&header, at)?;
                    text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
                    let slot = if header.type_flag() == b'L' { &mut extensions.long_name } else { &mut extensions.long_link };
                    if slot.replace(text).is_some() {
                        return Err(malformed("an entry has two long names"));
                    }
                }
                // A volume label names the archive, not a file.
                b'V' if extensions.is_empty() => {
                    self.extension(&header, at)?;
                }
                _ => return self.entry(&header, extensions, at).map(Some),
            }
        }
    }

    /// Hands out the current entry's content in pieces, each with its offset in the file.
    pub fn copy_content<E: From<TarError>>(
        &mut self,
        mut take: impl FnMut(u64, &[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for segment in std::mem::take(&mut self.segments) {
            let mut done = 0;
            while done < segment.length {
                let piece = self.fill()?;
                let length = usize::try_from(segment.length - done).map_or(piece.len(), |left| left.min(piece.len()));
                take(segment.offset + done, &piece[..length])?;
                self.consume(length);
                done += length as u64;
                self.unread -= length as u64;
            }
        }
        Ok(())
    }

    fn entry(&mut self, header: &Header, extensions: Extensions, at: u64) -> Result<Entry> {
        let malformed = |problem| TarError::Malformed { at, problem };
        let mut pax = extensions.pax.unwrap_or_default();
        let name = pax.path.take().or(extensions.long_name).unwrap_or_else(|| header.name());
        let link = pax.link.take().or(extensions.long_link).unwrap_or_else(|| header.link());
        let kind = kind(header, &name).map_err(malformed)?;
        let attributes = attributes(header, &mut pax).map_err(malformed)?;
        let stored = pax.size.map_or_else(|| header.unsigned(header::SIZE), Ok).map_err(malformed)?;
        if stored > MAX_SIZE {
            return Err(malformed("a file is too large"));
        }
        let mut entry = Entry { name, kind, attributes, size: stored, link, segments: None };
        if kind != Kind::File && stored != 0 {
            return Err(malformed("an entry without content has a size"));
        }
        if !matches!(kind, Kind::HardLink | Kind::Symlink) {
            entry.link.clear();
        }
        (self.unread, self.padding) = (stored, padding(stored));
        self.read_sparse_map(header, &mut pax, &mut entry).map_err(|problem| match problem {
            Problem::Text(problem) => malformed(problem),
            Problem::Archive(error) => error,
        })?;
        self.segments = entry.segments.clone().unwrap_or_else(|| vec![Segment { offset: 0, length: entry.size }]);
        Ok(entry)
    }

    fn read_sparse_map(&mut self, header: &Header, pax: &mut Pax, entry: &mut Entry) -> std::result::Result<(), Problem> {
        let sparse = std::mem::take(&mut pax.sparse);
        let is_described = sparse.major.is_some() || sparse.map.is_some() || sparse.size.is_some();
        let mut next = || self.block()?.ok_or(TarError::Truncated { at: self.position });
        let (map, size) = if header.type_flag() == b'S' {
            if is_described {
                return Err("a sparse file is described twice".into());
            }
            sparse::gnu(header, &mut next)?
        } else if is_described {
            if entry.kind != Kind::File {
                return Err("something that is not a file has a sparse map".into());
            }
            let size = sparse.size.ok_or("a sparse file has no real size")?;
            match (sparse.major.unwrap_or(0), sparse.minor.unwrap_or(0), sparse.map) {
                (1, 0, None) => {
                    let (map, length) = sparse::pax_1_0(&mut next)?;
                    self.unread = self.unread.checked_sub(length).ok_or("a sparse map exceeds its entry")?;
                    (map, size)
                }
                (0, 0 | 1, Some(map)) => {
                    if sparse.blocks.is_some_and(|blocks| blocks != map.len() as u64) {
                        return Err("a sparse map has another length than it says".into());
                    }
                    (map, size)
                }
                // A file that is one hole has no segments to list.
                (0, 0 | 1, None) if sparse.blocks == Some(0) => (Vec::new(), size),
                _ => return Err("a sparse file is of an unknown version".into()),
            }
        } else {
            return Ok(());
        };
        if size > MAX_SIZE {
            return Err("a sparse file is too large".into());
        }
        sparse::check(&map, size, self.unread)?;
        (entry.size, entry.segments) = (size, Some(map));
        if let Some(name) = sparse.name {
            entry.name = name;
        }
        Ok(())
    }

    /// The content of an extension header.
    fn extension(&mut self, header: &Header, at: u64) -> Result<Vec<u8>> {
        let malformed = |problem| TarError::Malformed { at, problem };
        let size = header.unsigned(header::SIZE).map_err(malformed)?;
        if size > MAX_EXTENSION {
            return Err(malformed("an extension is too long"));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let piece = self.fill()?;
            let length = piece.len().min(size as usize - bytes.len());
            bytes.extend_from_slice(&piece[..length]);
            self.consume(length);
        }
        self.skip(padding(size))?;
        Ok(bytes)
    }

    /// One block, or none at the end of the stream.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let piece = self.source.fill_buf().map_err(|source| TarError::Read { at: self.position, source })?;
            if piece.is_empty() {
                return if filled == 0 { Ok(None) } else { Err(TarError::Truncated { at: self.position }) };
            }
            let length = piece.len().min(BLOCK - filled);
            block[filled..filled + length].copy_from_slice(&piece[..length]);
            filled += length;
            self.consume(length);
        }
        Ok(Some(block))
    }

    fn fill(&mut self) -> Result<&[u8]> {
        let at = self.position;
        let piece = self.source.fill_buf().map_err(|source| TarError::Read { at, source })?;
        if piece.is_empty() { Err(TarError::Truncated { at }) } else { Ok(piece) }
    }

    fn consume(&mut self, length: usize) {
        self.source.consume(length);
        self.position += length as u64;
    }

    fn skip(&mut self, mut length: u64) -> Result<()> {
        while length > 0 {
            let piece = self.fill()?.len();
            let step = usize::try_from(length).map_or(piece, |length| length.min(piece));
            self.consume(step);
            length -= step as u64;
        }
        Ok(())
    }
}

fn kind(header: &Header, name: &[u8]) -> std::result::Result<Kind, &'static str> {
    Ok(match header.type_flag() {
        // Before ustar a directory was a file with a slash.
        0 if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => header.device().map(|(major, minor)| Kind::CharDevice { major, minor })?,
        b'4' => header.device().map(|(major, minor)| Kind::BlockDevice { major, minor })?,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return Err("an entry is of an unknown type"),
    })
}

fn attributes(header: &Header, pax: &mut Pax) -> std::result::Result<Attributes, &'static str> {
    // chown(2) takes the highest id for "leave it as it is": the file would stay root's.
    let id = |id: u64| u32::try_from(id).ok().filter(|&id| id != u32::MAX).ok_or("an owner is out of range");
    let seconds = || Ok(Timestamp { seconds: header.number(header::MTIME)?, nanoseconds: 0 });
    Ok(Attributes {
        mode: u32::try_from(header.unsigned(header::MODE)? & 0o7777).map_err(|_| "a mode is out of range")?,
        uid: id(pax.uid.map_or_else(|| header.unsigned(header::UID), Ok)?)?,
        gid: id(pax.gid.map_or_else(|| header.unsigned(header::GID), Ok)?)?,
        modified: pax.modified.map_or_else(seconds, Ok::<_, &'static str>)?,
        xattrs: std::mem::take(&mut pax.xattrs),
    })
}
