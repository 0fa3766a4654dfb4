//! Reading and writing control files. They exist already: a write never creates one.

use crate::{Error, Result};
use std::io::Write;
use std::path::Path;

pub(crate) fn write(path: &Path, value: impl AsRef<[u8]>) -> Result<()> {
    try_write(path, value).map_err(|source| Error::Io { attempt: "write", path: path.to_owned(), source })
}

pub(crate) fn try_write(path: &Path, value: impl AsRef<[u8]>) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_ref())
}

pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { attempt: "read", path: path.to_owned(), source })
}

/// A file with one number; "max" and absence are None.
pub(crate) fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The value after `key` in a file of "key value" lines.
pub(crate) fn keyed(path: &Path, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

pub(crate) fn ids(path: &Path) -> Result<Vec<i32>> {
    Ok(read(path)?.lines().filter_map(|line| line.parse().ok()).collect())
}
