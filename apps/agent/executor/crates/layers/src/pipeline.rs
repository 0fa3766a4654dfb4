//! Moves a compressed stream to its consumer: read and inflate in the caller's thread, hash in a second, consume in a third, with a
//! bounded number of chunks in between. A stream of one chunk does not pay for threads.

use crate::compression::{Compression, Decoder, SourceError};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Error, ErrorKind, Result};
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

const CHUNK: usize = 256 * 1024;
/// Chunks waiting before each of the two threads.
const QUEUE: usize = 4;

pub(crate) struct Plan {
    pub(crate) compression: Compression,
    /// Uncompressed bytes.
    pub(crate) max_bytes: u64,
    /// Which digests of the compressed and of the uncompressed stream to take.
    pub(crate) hash: Option<(Algorithm, Algorithm)>,
    /// What the compressed bytes must amount to: bytes that do not are a better reason for a failure than what they seem to say.
    pub(crate) digest: Option<Digest>,
}

/// Digests of the compressed and of the uncompressed bytes.
pub(crate) type Digests = Option<(Digest, Digest)>;

/// Hashes what passes.
struct Source<'a, R> {
    inner: R,
    hasher: &'a mut Option<Hasher>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, SourceError(error)),
        })?;
        if let Some(hasher) = self.hasher {
            hasher.update(&buffer[..length]);
        }
        Ok(length)
    }
}

enum Message {
    Chunk(Vec<u8>),
    /// Everything came; a channel that closes without this is a failure upstream.
    End,
}

/// The consumer's end: chunks in order, returned for reuse when read.
struct Chunks {
    queue: Receiver<Message>,
    spare: Sender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.current.len() && !self.ended {
            match self.queue.recv() {
                Ok(Message::Chunk(chunk)) => {
                    let used = std::mem::replace(&mut self.current, chunk);
                    self.at = 0;
                    // Nobody takes it back once the stream is read to its end.
                    let _ = self.spare.send(used);
                }
                Ok(Message::End) => self.ended = true,
                Err(_) => return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the stream failed")),
            }
        }
        Ok(&self.current[self.at..])
    }

    fn consume(&mut self, length: usize) {
        self.at += length;
    }
}

fn drain(stream: &mut dyn BufRead) -> Result<()> {
    loop {
        let length = stream.fill_buf().map_err(Error::Source)?.len();
        if length == 0 {
            return Ok(());
        }
        stream.consume(length);
    }
}

/// Runs `consume` over the uncompressed bytes of `source`. What it leaves unread is read all the same, so that the digests cover the
/// whole stream. When both sides fail, the source's error is the cause of the other and is the one returned.
pub(crate) fn run<T: Send>(
    source: impl Read,
    plan: &Plan,
    consume: impl FnOnce(&mut dyn BufRead) -> Result<T> + Send,
) -> Result<(T, Digests)> {
    let mut outer = plan.hash.map(|(outer, _)| Hasher::new(outer));
    let mut inner = plan.hash.map(|(_, inner)| Hasher::new(inner));
    let mut decoder = Decoder::new(Source { inner: source, hasher: &mut outer }, plan.compression)?;
    // An archive that is not compressed has one digest.
    let is_hashed_once = decoder.is_plain() && plan.hash.is_some_and(|(outer, inner)| outer == inner);
    if is_hashed_once {
        inner = None;
    }
    let mut bytes = 0;
    let mut next = |decoder: &mut Decoder<_>, mut chunk: Vec<u8>| -> Result<Vec<u8>> {
        chunk.resize(CHUNK, 0);
        let length = decoder.fill(&mut chunk)?;
        chunk.truncate(length);
        bytes += length as u64;
        if bytes > plan.max_bytes { Err(Error::TooLarge { what: "the uncompressed archive", limit: plan.max_bytes }) } else { Ok(chunk) }
    };
    let consume_all = || {
        let first = next(&mut decoder, Vec::new())?;
        if first.len() < CHUNK {
            if let Some(hasher) = &mut inner {
                hasher.update(&first);
            }
            return consume(&mut &first[..]);
        }
        let (consumed, hasher) = threaded(first, |chunk| next(&mut decoder, chunk), inner.take(), consume)?;
        inner = hasher;
        Ok(consumed)
    };
    let result = match consume_all() {
        Ok(result) => {
            decoder.finish()?;
            result
        }
        Err(error) => {
            let is_read = plan.digest.is_some() && error.kind() == ErrorKind::Invalid && decoder.drain().is_ok();
            return Err(match (&plan.digest, outer.filter(|_| is_read).map(Hasher::finish)) {
                (Some(expected), Some(actual)) if *expected != actual => {
                    Error::DigestMismatch { what: "digest", expected: expected.clone(), actual }
                }
                _ => error,
            });
        }
    };
    let digests = outer.map(Hasher::finish).map(|outer| (outer.clone(), inner.map_or(outer, Hasher::finish)));
    Ok((result, digests))
}

fn threaded<T: Send>(
    first: Vec<u8>,
    next: impl FnMut(Vec<u8>) -> Result<Vec<u8>>,
    hasher: Option<Hasher>,
    consume: impl FnOnce(&mut dyn BufRead) -> Result<T> + Send,
) -> Result<(T, Option<Hasher>)> {
    thread::scope(|scope| {
        let (to_hash, hash_queue) = sync_channel(QUEUE);
        let (to_consume, consume_queue) = sync_channel(QUEUE);
        let (spare, spares) = channel();
        let hashing = scope.spawn(move || hash(&hash_queue, &to_consume, hasher));
        let consuming = scope.spawn(move || -> Result<T> {
            let mut stream = Chunks { queue: consume_queue, spare, current: Vec::new(), at: 0, ended: false };
            let consumed = consume(&mut stream)?;
            drain(&mut stream)?;
            Ok(consumed)
        });
        let produced = produce(first, next, &to_hash, &spares);
        drop(to_hash);
        let hasher = hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let consumed = consuming.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        produced?;
        Ok((consumed?, hasher))
    })
}

/// Ends early, without an error, when the consumer has given up.
fn produce(
    first: Vec<u8>,
    mut next: impl FnMut(Vec<u8>) -> Result<Vec<u8>>,
    queue: &SyncSender<Message>,
    spares: &Receiver<Vec<u8>>,
) -> Result<()> {
    let mut chunk = first;
    while !chunk.is_empty() {
        if queue.send(Message::Chunk(chunk)).is_err() {
            return Ok(());
        }
        chunk = next(spares.try_recv().unwrap_or_default())?;
    }
    // As above: the consumer's own error says why it is gone.
    let _ = queue.send(Message::End);
    Ok(())
}

fn hash(queue: &Receiver<Message>, to: &SyncSender<Message>, mut hasher: Option<Hasher>) -> Option<Hasher> {
    while let Ok(message) = queue.recv() {
        if let (Some(hasher), Message::Chunk(chunk)) = (&mut hasher, &message) {
            hasher.update(chunk);
        }
        if to.send(message).is_err() {
            break;
        }
    }
    hasher
}
