//! Image layers and archives: a strict tar reader, extraction that stays inside its directory, differences of overlay directories.
#![forbid(unsafe_code)]

mod attributes;
mod changes;
mod compression;
mod diff;
mod digest;
mod directories;
mod error;
mod extract;
mod merged;
mod pack;
mod path;
mod pipeline;
mod remove;
mod root;
pub mod tar;
mod tree;
mod unpack;
mod whiteout;

pub use changes::{Change, ChangeKind, changes};
pub use compression::{Compression, Decompressed};
pub use diff::{Packed, diff};
pub use digest::{Algorithm, Digest, DigestError};
pub use error::{Error, ErrorKind, Result};
pub use remove::remove_tree;
pub use root::{PathStat, Root, Source, WriteOptions};
pub use unpack::{Received, UnpackOptions, Unpacked, receive, sync, unpack};
