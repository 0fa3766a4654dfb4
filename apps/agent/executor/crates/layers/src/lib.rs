//! Image layers and archives: a strict tar reader, extraction that stays inside its directory, differences of overlay directories.
#![forbid(unsafe_code)]

mod attributes;
mod compression;
mod digest;
mod directories;
mod error;
mod extract;
mod merged;
mod path;
mod pipeline;
mod remove;
pub mod tar;
mod tree;
mod unpack;
mod whiteout;

pub use compression::Compression;
pub use digest::{Algorithm, Digest, DigestError};
pub use error::{Error, ErrorKind, Result};
pub use unpack::{UnpackOptions, Unpacked, unpack};
