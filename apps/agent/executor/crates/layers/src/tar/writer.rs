use super::header::{CHECKSUM, GID, LINK, MAGIC, MAJOR, MINOR, MODE, MTIME, NAME, PREFIX, SIZE, TYPE, UID};
use super::sparse::write_pax_1_0;
use super::{BLOCK, Entry, Kind, Timestamp, padding};
use std::io::{self, Write};
use std::ops::Range;

/// Writes ustar headers, with a pax header before them only where ustar has no room. The same entries give the same bytes.
pub struct Writer<W> {
    sink: W,
    /// Content and padding that the current entry still needs.
    missing: u64,
    padding: u64,
}

/// Writes `value` in octal with a NUL after it, or answers that there is no room.
fn octal(field: &mut [u8], value: u64) -> bool {
    let digits = format!("{value:0width$o}", width = field.len() - 1);
    if digits.len() >= field.len() {
        return false;
    }
    field[..digits.len()].copy_from_slice(digits.as_bytes());
    true
}

/// One pax record; its length counts its own digits.
fn push_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn time_text(time: Timestamp) -> String {
    let Timestamp { seconds, nanoseconds } = time;
    let (sign, whole, fraction) = match (seconds < 0, nanoseconds) {
        (true, 1..) => ("-", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds),
        (true, 0) => ("-", seconds.unsigned_abs(), 0),
        (false, _) => ("", seconds.unsigned_abs(), nanoseconds),
    };
    let text = format!("{sign}{whole}.{fraction:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

struct Block {
    bytes: [u8; BLOCK],
    records: Vec<u8>,
}

impl Block {
    fn new(flag: u8) -> Self {
        let mut bytes = [0; BLOCK];
        bytes[MAGIC].copy_from_slice(b"ustar\x0000");
        bytes[TYPE] = flag;
        Self { bytes, records: Vec::new() }
    }

    /// A name of up to 100 bytes, or one that splits at a slash into a prefix of 155 and 100 more, or a pax record.
    fn name(&mut self, name: &[u8]) {
        if name.len() <= NAME.len() {
            self.bytes[..name.len()].copy_from_slice(name);
            return;
        }
        let fits = |&at: &usize| name[at] == b'/' && at <= PREFIX.len() && name.len() - at - 1 <= NAME.len() && at + 1 < name.len();
        match (1..name.len()).find(fits) {
            Some(at) => {
                self.bytes[PREFIX][..at].copy_from_slice(&name[..at]);
                self.bytes[..name.len() - at - 1].copy_from_slice(&name[at + 1..]);
            }
            None => {
                push_record(&mut self.records, b"path", name);
                self.bytes[NAME].copy_from_slice(&name[..NAME.len()]);
            }
        }
    }

    fn link(&mut self, link: &[u8]) {
        if link.len() > LINK.len() {
            push_record(&mut self.records, b"linkpath", link);
        }
        let length = link.len().min(LINK.len());
        self.bytes[LINK][..length].copy_from_slice(&link[..length]);
    }

    fn number(&mut self, range: Range<usize>, key: &str, value: u64) {
        if !octal(&mut self.bytes[range.clone()], value) {
            push_record(&mut self.records, key.as_bytes(), value.to_string().as_bytes());
            octal(&mut self.bytes[range], 0);
        }
    }

    fn time(&mut self, time: Timestamp) {
        let whole = u64::try_from(time.seconds).ok();
        let fits = whole.is_some_and(|seconds| octal(&mut self.bytes[MTIME], seconds));
        if !fits {
            octal(&mut self.bytes[MTIME], 0);
        }
        if !fits || time.nanoseconds != 0 {
            push_record(&mut self.records, b"mtime", time_text(time).as_bytes());
        }
    }

    fn seal(&mut self) -> &[u8; BLOCK] {
        self.bytes[CHECKSUM].fill(b' ');
        let sum: u64 = self.bytes.iter().map(|&byte| u64::from(byte)).sum();
        octal(&mut self.bytes[CHECKSUM.start..CHECKSUM.end - 1], sum);
        self.bytes[CHECKSUM.end - 2] = 0;
        &self.bytes
    }
}

impl<W: Write> Writer<W> {
    pub fn new(sink: W) -> Self {
        Self { sink, missing: 0, padding: 0 }
    }

    /// Writes an entry's headers. Its stored content must follow through `content`.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.end_entry()?;
        let attributes = &entry.attributes;
        let mut block = Block::new(match entry.kind {
            Kind::File => b'0',
            Kind::HardLink => b'1',
            Kind::Symlink => b'2',
            Kind::CharDevice { .. } => b'3',
            Kind::BlockDevice { .. } => b'4',
            Kind::Directory => b'5',
            Kind::Fifo => b'6',
        });
        block.name(&entry.name);
        block.link(&entry.link);
        octal(&mut block.bytes[MODE], u64::from(attributes.mode & 0o7777));
        block.number(UID, "uid", u64::from(attributes.uid));
        block.number(GID, "gid", u64::from(attributes.gid));
        block.time(attributes.modified);
        if let Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } = entry.kind {
            octal(&mut block.bytes[MAJOR], u64::from(major));
            octal(&mut block.bytes[MINOR], u64::from(minor));
        }
        for xattr in &attributes.xattrs {
            push_record(&mut block.records, &[b"SCHILY.xattr.", &xattr.name[..]].concat(), &xattr.value);
        }
        let map = entry.segments.as_deref().map(write_pax_1_0);
        let content = entry.segments.as_ref().map_or(entry.size, |map| map.iter().map(|segment| segment.length).sum());
        if map.is_some() {
            for (key, value) in [("major", 1), ("minor", 0), ("realsize", entry.size)] {
                push_record(&mut block.records, format!("GNU.sparse.{key}").as_bytes(), value.to_string().as_bytes());
            }
            push_record(&mut block.records, b"GNU.sparse.name", &entry.name);
        }
        let stored = content + map.as_ref().map_or(0, |map| map.len() as u64);
        block.number(SIZE, "size", stored);
        self.extension(&block.records)?;
        self.sink.write_all(block.seal())?;
        self.sink.write_all(map.as_deref().unwrap_or_default())?;
        (self.missing, self.padding) = (content, padding(stored));
        Ok(())
    }

    fn extension(&mut self, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut block = Block::new(b'x');
        block.name(b"pax");
        octal(&mut block.bytes[MODE], 0o644);
        for range in [UID, GID, MTIME] {
            octal(&mut block.bytes[range], 0);
        }
        octal(&mut block.bytes[SIZE], records.len() as u64);
        self.sink.write_all(block.seal())?;
        self.sink.write_all(records)?;
        self.zeros(padding(records.len() as u64))
    }

    /// Content of the current entry; more than it announced is left out (a file may grow while it is read).
    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = usize::try_from(self.missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        self.missing -= length as u64;
        self.sink.write_all(&bytes[..length])
    }

    /// Content that is missing at the end of an entry is zeros (a file may shrink while it is read).
    fn end_entry(&mut self) -> io::Result<()> {
        let zeros = self.missing + self.padding;
        (self.missing, self.padding) = (0, 0);
        self.zeros(zeros)
    }

    fn zeros(&mut self, mut length: u64) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while length > 0 {
            let step = length.min(ZEROS.len() as u64);
            self.sink.write_all(&ZEROS[..step as usize])?;
            length -= step;
        }
        Ok(())
    }

    /// Ends the archive with its two zero blocks and gives the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_entry()?;
        self.zeros(2 * BLOCK as u64)?;
        self.sink.flush()?;
        Ok(self.sink)
    }
}
