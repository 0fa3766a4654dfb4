use crate::digest::Digest;
use crate::tar::TarError;
use rustix::io::Errno;
use std::io;

/// What a caller can do about an error, without reading its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The archive, a path or an option is at fault.
    Invalid,
    NotFound,
    /// Something is in the way that may not be replaced.
    Exists,
    DigestMismatch,
    /// A limit was reached.
    TooLarge,
    NoSpace,
    PermissionDenied,
    Unsupported,
    Failed,
}

/// Why an operation on a layer, a root or an archive failed. Paths are those inside the root, as far as it was resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read the archive")]
    Source(#[source] io::Error),
    #[error("decompress the archive as {format}")]
    Decompress { format: &'static str, source: io::Error },
    #[error("archives compressed with {format} are not supported")]
    UnsupportedCompression { format: &'static str },
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error("archive entry {entry}: {problem}")]
    Entry { entry: String, problem: &'static str },
    #[error("cannot overwrite directory {path} with a file")]
    DirectoryInTheWay { path: String },
    #[error("cannot overwrite file {path} with a directory")]
    FileInTheWay { path: String },
    #[error("expected {what} {expected}, got {actual}")]
    DigestMismatch { what: &'static str, expected: Digest, actual: Digest },
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge { what: &'static str, limit: u64 },
    #[error("{path} is not empty")]
    NotEmpty { path: String },
    #[error("{path} is not a directory")]
    NotADirectory { path: String },
    #[error("{path} cannot be stored in a layer: {problem}")]
    Unrepresentable { path: String, problem: &'static str },
    #[error("{attempt} {path}")]
    Kernel { attempt: &'static str, path: String, source: Errno },
    #[error("write the archive")]
    Sink(#[source] io::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source(error) | Self::Sink(error) => kind_of(error),
            Self::Decompress { .. } | Self::Tar(_) | Self::Entry { .. } | Self::NotADirectory { .. } => ErrorKind::Invalid,
            Self::UnsupportedCompression { .. } | Self::Unrepresentable { .. } => ErrorKind::Unsupported,
            Self::DirectoryInTheWay { .. } | Self::FileInTheWay { .. } | Self::NotEmpty { .. } => ErrorKind::Exists,
            Self::DigestMismatch { .. } => ErrorKind::DigestMismatch,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Kernel { source, .. } => match *source {
                Errno::NOENT => ErrorKind::NotFound,
                Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => ErrorKind::Invalid,
                Errno::NOSPC | Errno::DQUOT => ErrorKind::NoSpace,
                Errno::PERM | Errno::ACCESS | Errno::ROFS => ErrorKind::PermissionDenied,
                _ => ErrorKind::Failed,
            },
        }
    }
}

/// A stream may carry an error of ours, or a full disk.
fn kind_of(error: &io::Error) -> ErrorKind {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return inner.kind();
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Failed,
    }
}

/// A path for people: not every name is UTF-8.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Turns an errno into an error that says what was being done to which path.
pub(crate) fn kernel(attempt: &'static str, path: &[u8]) -> impl FnOnce(Errno) -> Error {
    let path = shown(path);
    move |source| Error::Kernel { attempt, path, source }
}
