//! The tar format: POSIX ustar and pax, GNU's long names, sparse files and binary numbers, and old V7 headers.
//!
//! The reader is strict where implementations differ, because a layer that a scanner and an extractor read differently is an attack:
//! bad checksums, sizes on entries without content, malformed, repeated or orphaned extensions and unknown types are errors, and a pax
//! size always decides where the next header is (CVE-2025-62518).

mod entry;
mod header;
mod number;
mod pax;
mod reader;
mod sparse;
mod writer;

pub use entry::{Attributes, Entry, Kind, Segment, Timestamp, Xattr};
pub use reader::{Reader, TarError};
pub use writer::Writer;

/// Everything in a tar is a multiple of this.
pub const BLOCK: usize = 512;

/// Zeros that follow `size` bytes of content.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}
