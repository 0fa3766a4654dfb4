//! u32 big-endian payload length, u8 kind, payload.

use std::io::{Read, Write};

pub const HEADER_BYTES: usize = 5;
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    Json,
    Stdout,
    Stderr,
    Stdin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: FrameKind,
    pub payload: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("frame payload of {0} bytes is over {MAX_PAYLOAD_BYTES}")]
    TooLong(usize),
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    #[error("the connection ended inside a frame")]
    Truncated,
    #[error("read or write a frame")]
    Io(#[from] std::io::Error),
}

impl FrameKind {
    fn from_byte(byte: u8) -> Result<Self, FrameError> {
        Ok(match byte {
            0 => Self::Json,
            1 => Self::Stdout,
            2 => Self::Stderr,
            3 => Self::Stdin,
            other => return Err(FrameError::UnknownKind(other)),
        })
    }
}

fn parse_header(header: &[u8; HEADER_BYTES]) -> Result<(FrameKind, usize), FrameError> {
    let [a, b, c, d, kind] = *header;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > MAX_PAYLOAD_BYTES {
        return Err(FrameError::TooLong(length));
    }
    Ok((FrameKind::from_byte(kind)?, length))
}

/// Appends a frame to `out`. Payloads longer than a frame may hold are the caller's to cut.
pub fn encode_frame(out: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    debug_assert!(payload.len() <= MAX_PAYLOAD_BYTES);
    out.extend((payload.len() as u32).to_be_bytes());
    out.push(kind as u8);
    out.extend(payload);
}

pub fn write_frame(stream: &mut impl Write, kind: FrameKind, payload: &[u8]) -> std::io::Result<()> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    encode_frame(&mut frame, kind, payload);
    stream.write_all(&frame)
}

/// The next frame of a blocking stream; None at its end.
pub fn read_frame(stream: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut header = [0; HEADER_BYTES];
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match stream.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(FrameError::Truncated),
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (kind, length) = parse_header(&header)?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    Ok(Some(Frame { kind, payload }))
}

/// Cuts a byte stream into frames. Holds at most one incomplete frame beyond what was last pushed.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    pending: Vec<u8>,
}

impl FrameDecoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(header) = self.pending.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let (kind, length) = parse_header(header)?;
        let end = HEADER_BYTES + length;
        if self.pending.len() < end {
            return Ok(None);
        }
        let payload = self.pending[HEADER_BYTES..end].to_vec();
        self.pending.drain(..end);
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        Ok(Some(Frame { kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_any_cut_of_the_stream() {
        let mut stream = Vec::new();
        encode_frame(&mut stream, FrameKind::Json, b"{}");
        encode_frame(&mut stream, FrameKind::Stdin, b"");
        encode_frame(&mut stream, FrameKind::Stderr, &[7; 300]);
        for cut in 0..stream.len() {
            let mut decoder = FrameDecoder::default();
            let mut kinds = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                decoder.push(part);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    kinds.push((frame.kind, frame.payload.len()));
                }
            }
            assert_eq!(kinds, [(FrameKind::Json, 2), (FrameKind::Stdin, 0), (FrameKind::Stderr, 300)], "cut at {cut}");
        }
    }

    #[test]
    fn refuses_oversized_and_unknown_frames() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&[0, 0x10, 0, 1, 0]);
        assert!(matches!(decoder.next_frame(), Err(FrameError::TooLong(0x10_0001))));
        let mut decoder = FrameDecoder::default();
        decoder.push(&[0, 0, 0, 1, 9]);
        assert!(matches!(decoder.next_frame(), Err(FrameError::UnknownKind(9))));
        assert!(matches!(read_frame(&mut &[0u8, 0, 0][..]), Err(FrameError::Truncated)));
    }
}
