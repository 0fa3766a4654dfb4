//! One 512-byte header block. Offsets are those of POSIX.1-2017 "ustar Interchange Format" and of GNU tar's `oldgnu` header.

use super::{BLOCK, number};
use std::ops::Range;

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MTIME: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
pub(super) const MAJOR: Range<usize> = 329..337;
pub(super) const MINOR: Range<usize> = 337..345;
pub(super) const PREFIX: Range<usize> = 345..500;
/// Joerg Schilling's tar marks its headers at the end and keeps times in the last 24 bytes of the prefix.
const STAR_TRAILER: Range<usize> = 508..512;
const STAR_PREFIX: Range<usize> = 345..476;

pub(super) const GNU_SPARSE_MAP: Range<usize> = 386..482;
pub(super) const GNU_SPARSE_MORE: usize = 482;
pub(super) const GNU_SPARSE_SIZE: Range<usize> = 483..495;

pub(super) struct Header<'a>(pub(super) &'a [u8; BLOCK]);

/// A text field ends at its first NUL, or fills its room.
fn text(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

impl Header<'_> {
    /// The sum counts the checksum field as spaces; some old programs added signed bytes.
    pub(super) fn has_valid_checksum(&self) -> bool {
        let Ok(stored) = number::field(&self.0[CHECKSUM]) else { return false };
        let mut unsigned = 8 * i64::from(b' ');
        let mut signed = unsigned;
        for (at, &byte) in self.0.iter().enumerate() {
            if !CHECKSUM.contains(&at) {
                unsigned += i64::from(byte);
                signed += i64::from(byte as i8);
            }
        }
        stored == unsigned || stored == signed
    }

    pub(super) fn type_flag(&self) -> u8 {
        self.0[TYPE]
    }

    pub(super) fn is_gnu(&self) -> bool {
        &self.0[MAGIC] == b"ustar  \0"
    }

    fn is_posix(&self) -> bool {
        self.0[MAGIC].starts_with(b"ustar\0")
    }

    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(&self.0[NAME]);
        let prefix = match self.is_posix() {
            true if &self.0[STAR_TRAILER] == b"tar\0" => text(&self.0[STAR_PREFIX]),
            true => text(&self.0[PREFIX]),
            false => b"",
        };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[LINK]).to_vec()
    }

    pub(super) fn number(&self, range: Range<usize>) -> Result<i64, &'static str> {
        number::field(&self.0[range])
    }

    pub(super) fn unsigned(&self, range: Range<usize>) -> Result<u64, &'static str> {
        self.number(range)?.try_into().map_err(|_| "a number is negative")
    }

    /// Device numbers exist only in ustar and GNU headers.
    pub(super) fn device(&self) -> Result<(u32, u32), &'static str> {
        if !self.is_posix() && !self.is_gnu() {
            return Err("a device has no number");
        }
        let part = |range| u32::try_from(self.unsigned(range)?).map_err(|_| "a device number is too large");
        Ok((part(MAJOR)?, part(MINOR)?))
    }
}
