//! Maps of sparse files: GNU's old header blocks, pax 0.1's comma-separated list and pax 1.0's lines before the content.

use super::header::{GNU_SPARSE_MAP, GNU_SPARSE_MORE, GNU_SPARSE_SIZE, Header};
use super::{BLOCK, Segment, number, padding};

/// A map costs memory before any content is read; GNU tar writes one segment per hole.
const MAX_SEGMENTS: usize = 1 << 17;

pub(super) type Blocks<'a> = &'a mut dyn FnMut() -> Result<[u8; BLOCK], super::TarError>;

pub(super) fn comma_separated(text: &[u8]) -> Result<Vec<Segment>, &'static str> {
    let numbers = text.split(|&byte| byte == b',').map(number::decimal).collect::<Result<Vec<_>, _>>()?;
    if numbers.len() % 2 != 0 {
        return Err("a sparse map ends inside a segment");
    }
    Ok(numbers.chunks(2).map(|pair| Segment { offset: pair[0], length: pair[1] }).collect())
}

/// Twelve-byte offsets and lengths, until one is unused.
fn push_pairs(map: &mut Vec<Segment>, bytes: &[u8]) -> Result<(), &'static str> {
    for pair in bytes.chunks_exact(24) {
        if pair[0] == 0 {
            break;
        }
        let part = |bytes| u64::try_from(number::field(bytes)?).map_err(|_| "a sparse map has a negative number");
        map.push(Segment { offset: part(&pair[..12])?, length: part(&pair[12..])? });
    }
    Ok(())
}

/// The map of an `S` entry, which goes on in blocks of its own. Answers the file's real size too.
pub(super) fn gnu(header: &Header, next: Blocks) -> Result<(Vec<Segment>, u64), Problem> {
    let mut map = Vec::new();
    push_pairs(&mut map, &header.0[GNU_SPARSE_MAP])?;
    let mut more = header.0[GNU_SPARSE_MORE] != 0;
    while more {
        let block = next()?;
        push_pairs(&mut map, &block[..504])?;
        more = block[504] != 0;
        if map.len() > MAX_SEGMENTS {
            return Err("a sparse map has too many segments".into());
        }
    }
    Ok((map, header.unsigned(GNU_SPARSE_SIZE)?))
}

/// The map of a pax 1.0 file: decimal lines, padded to a block. Answers its length in the archive too.
pub(super) fn pax_1_0(next: Blocks) -> Result<(Vec<Segment>, u64), Problem> {
    let mut text = Vec::new();
    let mut at = 0;
    let mut blocks = 0;
    let mut number = |text: &mut Vec<u8>, blocks: &mut u64| -> Result<u64, Problem> {
        loop {
            if let Some(length) = text[at..].iter().position(|&byte| byte == b'\n') {
                let value = number::decimal(&text[at..at + length])?;
                at += length + 1;
                return Ok(value);
            }
            if text.len() - at > 20 {
                return Err("a sparse map is not made of lines".into());
            }
            text.drain(..at);
            at = 0;
            text.extend_from_slice(&next()?);
            *blocks += 1;
        }
    };
    let count = number(&mut text, &mut blocks)?;
    if count > MAX_SEGMENTS as u64 {
        return Err("a sparse map has too many segments".into());
    }
    let mut map = Vec::new();
    for _ in 0..count {
        let offset = number(&mut text, &mut blocks)?;
        map.push(Segment { offset, length: number(&mut text, &mut blocks)? });
    }
    Ok((map, blocks * BLOCK as u64))
}

/// The text that `pax_1_0` reads.
pub(super) fn write_pax_1_0(map: &[Segment]) -> Vec<u8> {
    let mut text = format!("{}\n", map.len());
    for segment in map {
        text.push_str(&format!("{}\n{}\n", segment.offset, segment.length));
    }
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len() + padding(bytes.len() as u64) as usize, 0);
    bytes
}

/// Segments must come in order, stay apart and within the file, and add up to what is stored.
pub(super) fn check(map: &[Segment], size: u64, stored: u64) -> Result<(), &'static str> {
    let mut end = 0u64;
    let mut total = 0u64;
    for segment in map {
        if segment.offset < end {
            return Err("a sparse map goes backwards");
        }
        end = segment.offset.checked_add(segment.length).ok_or("a sparse map is out of range")?;
        total += segment.length;
    }
    if end > size {
        return Err("a sparse map exceeds its file");
    }
    if total == stored { Ok(()) } else { Err("a sparse map does not match the stored size") }
}

pub(super) enum Problem {
    Text(&'static str),
    Archive(super::TarError),
}

impl From<&'static str> for Problem {
    fn from(problem: &'static str) -> Self {
        Self::Text(problem)
    }
}

impl From<super::TarError> for Problem {
    fn from(error: super::TarError) -> Self {
        Self::Archive(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(offset: u64, length: u64) -> Segment {
        Segment { offset, length }
    }

    #[test]
    fn reads_back_the_map_it_writes() {
        let map: Vec<_> = (0..200).map(|at| segment(at * 1_000_000, 4096)).collect();
        let bytes = write_pax_1_0(&map);
        let mut blocks = bytes.chunks(BLOCK).map(|block| <[u8; BLOCK]>::try_from(block).unwrap());
        let Ok((read, length)) = pax_1_0(&mut || Ok(blocks.next().unwrap())) else { panic!("the map was refused") };
        assert_eq!((read, length), (map, bytes.len() as u64));
    }

    #[test]
    fn refuses_maps_that_lie() {
        assert!(check(&[segment(0, 10), segment(20, 10)], 30, 20).is_ok());
        assert!(check(&[segment(0, 10), segment(5, 10)], 30, 20).is_err());
        assert!(check(&[segment(0, 10), segment(25, 10)], 30, 20).is_err());
        assert!(check(&[segment(0, 10)], 30, 20).is_err());
        assert!(check(&[segment(u64::MAX, 10)], u64::MAX, 10).is_err());
        assert!(comma_separated(b"0,10,20").is_err());
        assert_eq!(comma_separated(b"0,10,20,5"), Ok(vec![segment(0, 10), segment(20, 5)]));
    }
}
