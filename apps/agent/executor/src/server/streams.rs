//! Byte streams in frames, for the operations that own their connection.

use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};
use wire::{Frame, FrameKind};

/// Bytes from stdin frames, up to the empty one.
pub struct FramesIn<'a, R> {
    connection: &'a mut R,
    current: Vec<u8>,
    taken: usize,
    has_ended: bool,
}

impl<'a, R: Read> FramesIn<'a, R> {
    pub fn new(connection: &'a mut R) -> Self {
        Self { connection, current: Vec::new(), taken: 0, has_ended: false }
    }

    /// Takes what the client still sends, so that it is free to read the answer.
    pub fn discard_rest(&mut self) {
        let _ = io::copy(self, &mut io::sink());
    }
}

impl<R: Read> Read for FramesIn<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.current.len() && !self.has_ended {
            (self.current, self.taken) = match wire::read_frame(self.connection) {
                Ok(Some(Frame { kind: FrameKind::Stdin, payload })) => (payload, 0),
                Ok(Some(_)) => return Err(io::Error::new(io::ErrorKind::InvalidData, "another request in the middle of a stream")),
                Ok(None) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client went away in the middle of a stream")),
                Err(error) => return Err(io::Error::other(error)),
            };
            self.has_ended = self.current.is_empty();
        }
        let count = buffer.len().min(self.current.len() - self.taken);
        buffer[..count].copy_from_slice(&self.current[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

/// Bytes as stdout frames.
pub struct FramesOut<'a, W>(pub &'a Mutex<W>);

impl<W: Write> Write for FramesOut<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(wire::MAX_PAYLOAD_BYTES);
        if count > 0 {
            let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            wire::write_frame(&mut *stream, FrameKind::Stdout, &bytes[..count])?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The empty frame that ends a stream.
pub fn end_stream<W: Write>(stream: &Mutex<W>) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    // A client that is gone does not wait for the end.
    let _ = wire::write_frame(&mut *stream, FrameKind::Stdout, &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_frames_up_to_the_empty_one() {
        let mut bytes = Vec::new();
        for part in [&b"ab"[..], b"c", b""] {
            wire::encode_frame(&mut bytes, FrameKind::Stdin, part);
        }
        let mut text = String::new();
        FramesIn::new(&mut &bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[test]
    fn a_stream_cut_short_is_an_error_and_not_an_end() {
        let mut bytes = Vec::new();
        wire::encode_frame(&mut bytes, FrameKind::Stdin, b"ab");
        let error = FramesIn::new(&mut &bytes[..]).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn cuts_output_into_frames() {
        let out = Mutex::new(Vec::new());
        FramesOut(&out).write_all(&vec![7; wire::MAX_PAYLOAD_BYTES + 1]).unwrap();
        end_stream(&out);
        let bytes = out.into_inner().unwrap();
        let mut lengths = Vec::new();
        let mut rest = &bytes[..];
        while let Some(frame) = wire::read_frame(&mut rest).unwrap() {
            lengths.push(frame.payload.len());
        }
        assert_eq!(lengths, [wire::MAX_PAYLOAD_BYTES, 1, 0]);
    }
}
