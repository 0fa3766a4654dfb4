//! Docker's json-file log: one object a line, `{"log":"text\n","stream":"stdout","time":"…"}`, rotated by size. Compiled for speed, where
//! the rest of the shim is compiled for size: a container may write as fast as it can.
#![forbid(unsafe_code)]

mod escape;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A longer line is cut into entries of this size, only the last of which ends in a newline, as Docker does.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Entries are many times longer than the lines in them, if these are short.
const MAX_ENCODED_BYTES: usize = 512 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// When to begin a new file, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// 0: never.
    pub max_bytes: u64,
    pub max_files: u32,
}

pub struct Log {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    written: u64,
    /// Lines without their end yet, by stream.
    partial: [Vec<u8>; 2],
    encoded: Vec<u8>,
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

/// What follows the text of every entry of one write.
fn entry_end(stream: Stream, time: &str) -> String {
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    format!("\",\"stream\":\"{name}\",\"time\":\"{time}\"}}\n")
}

impl Log {
    pub fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let file = open(&path)?;
        let written = file.metadata()?.len();
        Ok(Self { path, rotation, file, written, partial: [Vec::new(), Vec::new()], encoded: Vec::new() })
    }

    /// `time` is when the bytes were read, in RFC 3339. A disk that is full or broken loses log lines, never the container.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], time: &str) -> io::Result<()> {
        let end = entry_end(stream, time);
        let mut partial = std::mem::take(&mut self.partial[stream as usize]);
        let mut begin = 0;
        for newline in memchr::memchr_iter(b'\n', bytes) {
            let line = &bytes[begin..=newline];
            begin = newline + 1;
            if partial.is_empty() && line.len() <= MAX_LINE_BYTES {
                self.encode(line, &end)?;
                continue;
            }
            partial.extend_from_slice(line);
            self.encode_over_long(&mut partial, MAX_LINE_BYTES + 1, &end)?;
            self.encode(&partial, &end)?;
            partial.clear();
        }
        partial.extend_from_slice(&bytes[begin..]);
        self.encode_over_long(&mut partial, MAX_LINE_BYTES, &end)?;
        if partial.is_empty() {
            partial = Vec::new();
        }
        self.partial[stream as usize] = partial;
        self.flush()
    }

    /// Cuts entries off a line until it is shorter than `limit`.
    fn encode_over_long(&mut self, line: &mut Vec<u8>, limit: usize, end: &str) -> io::Result<()> {
        while line.len() >= limit {
            let later = line.split_off(cut(line));
            self.encode(line, end)?;
            *line = later;
        }
        Ok(())
    }

    /// What is left of an unfinished line when its stream has ended.
    pub fn finish(&mut self, stream: Stream, time: &str) -> io::Result<()> {
        let partial = std::mem::take(&mut self.partial[stream as usize]);
        if !partial.is_empty() {
            self.encode(&partial, &entry_end(stream, time))?;
        }
        self.flush()
    }

    /// Gives back what is only of use while much is written.
    pub fn release_memory(&mut self) {
        self.encoded = Vec::new();
    }

    /// Adds an entry to what is written next. One that would not fit the file any more goes to a fresh one.
    fn encode(&mut self, line: &[u8], end: &str) -> io::Result<()> {
        let before = self.encoded.len();
        self.encoded.extend_from_slice(b"{\"log\":\"");
        escape::escape(&mut self.encoded, line);
        self.encoded.extend_from_slice(end.as_bytes());
        let max_bytes = self.rotation.max_bytes;
        if max_bytes > 0 && self.written + self.encoded.len() as u64 > max_bytes && self.written + before as u64 > 0 {
            let entry = self.encoded.split_off(before);
            self.flush()?;
            self.rotate()?;
            self.encoded = entry;
        }
        if self.encoded.len() < MAX_ENCODED_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.encoded.is_empty() {
            return Ok(());
        }
        let result = self.file.write_all(&self.encoded);
        self.written += self.encoded.len() as u64;
        self.encoded.clear();
        result
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.rotation.max_files <= 1 {
            self.file.set_len(0)?;
        } else {
            for number in (1..self.rotation.max_files - 1).rev() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const TIME: &str = "2026-11-24T15:00:00.123456789Z";

    fn with_log(max_bytes: u64, max_files: u32, body: impl FnOnce(&mut Log, &std::path::Path)) {
        let directory = std::env::temp_dir().join(format!("gantry-log-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("json.log");
        body(&mut Log::open(path.clone(), Rotation { max_bytes, max_files }).unwrap(), &path);
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
            log.write(Stream::Stdout, b"one\ntw", TIME).unwrap();
            log.write(Stream::Stderr, b"oops \"\\\x01\xff\n", TIME).unwrap();
            log.write(Stream::Stdout, b"o\nthree", TIME).unwrap();
            log.finish(Stream::Stdout, TIME).unwrap();
            let expected = [("stdout", "one\n"), ("stderr", "oops \"\\\u{1}\u{fffd}\n"), ("stdout", "two\n"), ("stdout", "three")];
            assert_eq!(lines(path), expected.map(|(stream, text)| (stream.to_owned(), text.to_owned())));
        });
    }

    #[test]
    fn cuts_long_lines_between_characters() {
        with_log(0, 1, |log, path| {
            let text = "é".repeat(20_000) + "\n";
            for chunk in text.as_bytes().chunks(1000) {
                log.write(Stream::Stdout, chunk, TIME).unwrap();
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
                log.write(Stream::Stdout, format!("line {number}\n").as_bytes(), TIME).unwrap();
            }
            let numbered = |number: u32| PathBuf::from(format!("{}.{number}", path.display()));
            assert_eq!(lines(path).last().unwrap().1, "line 9\n");
            assert!(numbered(1).exists() && numbered(2).exists() && !numbered(3).exists());
            assert!(std::fs::metadata(path).unwrap().len() <= 200);
        });
    }
}
