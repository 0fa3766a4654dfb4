//! Docker's json-file log: one object a line, `{"log":"text\n","stream":"stdout","time":"…"}`, rotated by size.

use super::scan::{find_newline, find_special};
use crate::clock;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use wire::ContainerLog;

/// A longer line is cut into entries of this size, only the last of which ends in a newline, as Docker does.
const MAX_LINE_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

pub struct Log {
    path: PathBuf,
    max_bytes: u64,
    max_files: u32,
    file: File,
    written: u64,
    /// Lines without their end yet, by stream.
    partial: [Vec<u8>; 2],
    encoded: Vec<u8>,
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Log {
    pub fn open(config: &ContainerLog) -> io::Result<Self> {
        let path = PathBuf::from(&config.path);
        let file = open(&path)?;
        let written = file.metadata()?.len();
        let partial = [Vec::new(), Vec::new()];
        Ok(Self { path, max_bytes: config.max_size_bytes, max_files: config.max_files, file, written, partial, encoded: Vec::new() })
    }

    /// A disk that is full or broken loses log lines, never the container.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let time = clock::now();
        let mut rest = bytes;
        let mut partial = std::mem::take(&mut self.partial[stream as usize]);
        while let Some(end) = find_newline(rest) {
            let (line, after) = rest.split_at(end + 1);
            self.append_line(stream, &mut partial, line, &time)?;
            rest = after;
        }
        partial.extend_from_slice(rest);
        while partial.len() >= MAX_LINE_BYTES {
            let later = partial.split_off(cut(&partial));
            self.encode(stream, &partial, &time)?;
            partial = later;
        }
        if partial.is_empty() {
            partial = Vec::new();
        }
        self.partial[stream as usize] = partial;
        self.flush()
    }

    fn append_line(&mut self, stream: Stream, partial: &mut Vec<u8>, line: &[u8], time: &str) -> io::Result<()> {
        if partial.is_empty() && line.len() <= MAX_LINE_BYTES {
            return self.encode(stream, line, time);
        }
        partial.extend_from_slice(line);
        while partial.len() > MAX_LINE_BYTES {
            let later = partial.split_off(cut(partial));
            self.encode(stream, partial, time)?;
            *partial = later;
        }
        self.encode(stream, partial, time)?;
        partial.clear();
        Ok(())
    }

    /// What is left of an unfinished line when its stream has ended.
    pub fn finish(&mut self, stream: Stream) -> io::Result<()> {
        let partial = std::mem::take(&mut self.partial[stream as usize]);
        if !partial.is_empty() {
            self.encode(stream, &partial, &clock::now())?;
        }
        self.flush()
    }

    /// Adds an entry to what is written next. One that would not fit the file any more goes to a fresh one.
    fn encode(&mut self, stream: Stream, line: &[u8], time: &str) -> io::Result<()> {
        let before = self.encoded.len();
        self.encoded.extend_from_slice(b"{\"log\":\"");
        escape(&mut self.encoded, line);
        self.encoded.extend_from_slice(b"\",\"stream\":\"");
        self.encoded.extend_from_slice(stream.name().as_bytes());
        self.encoded.extend_from_slice(b"\",\"time\":\"");
        self.encoded.extend_from_slice(time.as_bytes());
        self.encoded.extend_from_slice(b"\"}\n");
        if self.max_bytes > 0 && self.written + self.encoded.len() as u64 > self.max_bytes && self.written + before as u64 > 0 {
            let entry = self.encoded.split_off(before);
            self.flush()?;
            self.rotate()?;
            self.encoded = entry;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.encoded.is_empty() {
            return Ok(());
        }
        let result = self.file.write_all(&self.encoded);
        self.written += self.encoded.len() as u64;
        self.encoded.clear();
        const KEEP_BYTES: usize = 64 * 1024;
        self.encoded.shrink_to(KEEP_BYTES);
        result
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.max_files <= 1 {
            self.file.set_len(0)?;
        } else {
            for number in (1..self.max_files - 1).rev() {
                match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            std::fs::rename(&self.path, self.numbered(1))?;
            self.file = open(&self.path)?;
        }
        self.written = 0;
        Ok(())
    }
}

/// Where to cut an over-long line: at the limit, or up to three bytes before so as not to split a UTF-8 character.
fn cut(line: &[u8]) -> usize {
    let is_boundary = |at: usize| line.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (MAX_LINE_BYTES - 3..=MAX_LINE_BYTES).rev().find(|at| is_boundary(*at)).unwrap_or(MAX_LINE_BYTES)
}

/// JSON string content; bytes that are not UTF-8 become U+FFFD.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_ascii() {
        return escape_valid(out, text);
    }
    for chunk in text.utf8_chunks() {
        escape_valid(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escape_valid(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    while let Some(at) = find_special(rest) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn with_log(max_size_bytes: u64, max_files: u32, body: impl FnOnce(&mut Log, &std::path::Path)) {
        let directory = std::env::temp_dir().join(format!("gantry-log-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("json.log");
        let config = ContainerLog { path: path.to_string_lossy().into_owned(), max_size_bytes, max_files };
        body(&mut Log::open(&config).unwrap(), &path);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    fn lines(path: &std::path::Path) -> Vec<(String, String)> {
        let parse = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            (value["stream"].as_str().unwrap().to_owned(), value["log"].as_str().unwrap().to_owned())
        };
        std::fs::read_to_string(path).unwrap().lines().map(parse).collect()
    }

    #[test]
    fn keeps_lines_whole_across_writes_and_streams() {
        with_log(0, 1, |log, path| {
            log.write(Stream::Stdout, b"one\ntw").unwrap();
            log.write(Stream::Stderr, b"oops \"\\\x01\xff\n").unwrap();
            log.write(Stream::Stdout, b"o\nthree").unwrap();
            log.finish(Stream::Stdout).unwrap();
            let expected = [("stdout", "one\n"), ("stderr", "oops \"\\\u{1}\u{fffd}\n"), ("stdout", "two\n"), ("stdout", "three")];
            assert_eq!(lines(path), expected.map(|(stream, text)| (stream.to_owned(), text.to_owned())));
        });
    }

    #[test]
    fn cuts_long_lines_between_characters() {
        with_log(0, 1, |log, path| {
            let text = "é".repeat(20_000) + "\n";
            for chunk in text.as_bytes().chunks(1000) {
                log.write(Stream::Stdout, chunk).unwrap();
            }
            let lines = lines(path);
            assert!(lines.len() == 3 && lines.iter().all(|(_, part)| part.len() <= MAX_LINE_BYTES));
            assert_eq!(lines.into_iter().map(|(_, part)| part).collect::<String>(), text);
        });
    }

    #[test]
    fn rotates_by_size_and_keeps_the_given_number_of_files() {
        with_log(200, 3, |log, path| {
            for number in 0..10 {
                log.write(Stream::Stdout, format!("line {number}\n").as_bytes()).unwrap();
            }
            let numbered = |number: u32| PathBuf::from(format!("{}.{number}", path.display()));
            assert_eq!(lines(path).last().unwrap().1, "line 9\n");
            assert!(numbered(1).exists() && numbered(2).exists() && !numbered(3).exists());
            assert!(std::fs::metadata(path).unwrap().len() <= 200);
        });
    }
}
