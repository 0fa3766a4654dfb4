//! Compressed streams, all decoded in process: a helper program looked up in PATH could be the container's (GHSA-x86f-5xw2-fm2r).

use crate::error::{Error, Result};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    /// By the first bytes of the stream.
    #[default]
    Auto,
}

/// A frame may ask for this much memory (128 MiB), as the zstd program allows without `--long`.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// What decoding xz may take: a dictionary of 128 MiB and its tables; `xz -9` asks for 65 MiB.
const XZ_MEMORY_MAX: u64 = 144 << 20;
const INPUT_BUFFER: usize = 128 * 1024;

type Input<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The uncompressed bytes of a stream. Members and frames that follow one another are one stream.
pub(crate) enum Decoder<R: Read> {
    Plain(Input<R>),
    Gzip(Box<MultiGzDecoder<Input<R>>>),
    Zstd(zstd::Decoder<'static, Input<R>>),
    Bzip2(Box<MultiBzDecoder<Input<R>>>),
    Xz(Box<XzDecoder<Input<R>>>),
}

/// Marks an error as the source's, so that it is not taken for damage in the compressed stream.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct SourceError(pub(crate) io::Error);

impl Compression {
    /// How many bytes of a stream's beginning tell.
    pub const MAGIC_LENGTH: u64 = 6;

    /// What the first bytes of a stream say.
    pub fn recognize(start: &[u8]) -> Result<Self> {
        recognize(start)
    }
}

fn recognize(start: &[u8]) -> Result<Compression> {
    let is_skippable_frame = start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == [0x2a, 0x4d, 0x18];
    let unsupported = |format| Err(Error::UnsupportedCompression { format });
    match start {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Compression::Zstd),
        _ if is_skippable_frame => Ok(Compression::Zstd),
        // A block's first byte, or that of the end of a stream without blocks.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Ok(Compression::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(Compression::Xz),
        [0x1f, 0x9d, ..] => unsupported("compress"),
        [0x04, 0x22, 0x4d, 0x18, ..] => unsupported("lz4"),
        _ => Ok(Compression::None),
    }
}

impl<R: Read> Decoder<R> {
    pub(crate) fn new(mut source: R, compression: Compression) -> Result<Self> {
        let mut start = Vec::new();
        source.by_ref().take(Compression::MAGIC_LENGTH).read_to_end(&mut start).map_err(Error::Source)?;
        let compression = if compression == Compression::Auto { recognize(&start)? } else { compression };
        let input = BufReader::with_capacity(INPUT_BUFFER, Cursor::new(start).chain(source));
        let zstd_error = |source| Error::Decompress { format: "zstd", source };
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(input))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input).map_err(zstd_error)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(zstd_error)?;
                Self::Zstd(decoder)
            }
            Compression::Bzip2 => Self::Bzip2(Box::new(MultiBzDecoder::new(input))),
            Compression::Xz => {
                let xz_error = |error| Error::Decompress { format: "xz", source: io::Error::from(error) };
                let stream = Stream::new_stream_decoder(XZ_MEMORY_MAX, CONCATENATED).map_err(xz_error)?;
                Self::Xz(Box::new(XzDecoder::new_stream(input, stream)))
            }
            Compression::None | Compression::Auto => Self::Plain(input),
        })
    }

    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Fills `chunk` as far as the stream goes; less than its length means the end.
    pub(crate) fn fill(&mut self, chunk: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < chunk.len() {
            match self.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.blame(error)),
            }
        }
        Ok(filled)
    }

    /// Reads what the decoder left in the source. There is none after gzip, zstd and plain streams unless something was appended.
    pub(crate) fn finish(self) -> Result<()> {
        let (mut rest, format) = self.into_rest();
        match rest.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(Error::Decompress { format, source: io::Error::new(io::ErrorKind::InvalidData, "bytes follow the stream's end") }),
            Err(source) => Err(Error::Source(source)),
        }
    }

    /// Reads the source to its end, whatever it holds.
    pub(crate) fn drain(self) -> Result<()> {
        io::copy(&mut self.into_rest().0, &mut io::sink()).map(drop).map_err(Error::Source)
    }

    fn into_rest(self) -> (Input<R>, &'static str) {
        match self {
            Self::Plain(input) => (input, "tar"),
            Self::Gzip(decoder) => (decoder.into_inner(), "gzip"),
            Self::Zstd(decoder) => (decoder.finish(), "zstd"),
            Self::Bzip2(decoder) => (decoder.into_inner(), "bzip2"),
            Self::Xz(decoder) => (decoder.into_inner(), "xz"),
        }
    }

    fn blame(&self, error: io::Error) -> Error {
        let format = match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
            Self::Bzip2(_) => "bzip2",
            Self::Xz(_) => "xz",
            Self::Plain(_) => return Error::Source(error),
        };
        match error.downcast::<SourceError>() {
            Ok(SourceError(error)) => Error::Source(error),
            Err(source) => Error::Decompress { format, source },
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
        }
    }
}

/// The uncompressed bytes of a stream, whatever they were compressed with.
pub struct Decompressed<R: Read>(Decoder<R>);

impl<R: Read> Decompressed<R> {
    /// Reads the first bytes to see what the stream is.
    pub fn new(source: R) -> Result<Self> {
        Ok(Self(Decoder::new(source, Compression::Auto)?))
    }

    /// Fills `chunk` as far as the stream goes; less than its length means the end.
    pub fn fill(&mut self, chunk: &mut [u8]) -> Result<usize> {
        self.0.fill(chunk)
    }

    /// There must be nothing after the stream's end.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

/// Damage is `InvalidData` around an `Error`.
impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::new(io::ErrorKind::InvalidData, self.0.blame(error)),
        })
    }
}
