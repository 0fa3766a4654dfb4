//! Damaged streams of frames, thousands of them but always the same ones: what arrives in pieces is read as what arrives whole, a bad frame is
//! an error on both ways, and no message does worse than be refused.

use serde_json::Value;
use wire::{Answer, ContainerState, Frame, FrameDecoder, FrameKind, Request, ShimAnswer, ShimRequest};

/// xorshift64*: all that is asked of it is to be the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

/// The contract's fixtures are the corpus.
fn messages() -> Vec<Vec<u8>> {
    let read = |name: &str| -> Value {
        let path = format!("{}/../../../../../libs/contracts/executor/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    };
    let (requests, shim) = (read("requests"), read("shim"));
    let lists = [&requests, &shim["requests"], &shim["answers"]];
    lists.into_iter().flat_map(|list| list.as_array().unwrap()).map(|message| message.to_string().into_bytes()).collect()
}

fn stream(messages: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const KINDS: [FrameKind; 4] = [FrameKind::Json, FrameKind::Stdout, FrameKind::Stderr, FrameKind::Stdin];
    let mut bytes = Vec::new();
    for _ in 0..=random.below(4) {
        wire::encode_frame(&mut bytes, KINDS[random.below(6).saturating_sub(2)], &messages[random.below(messages.len())]);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes.truncate(at + 1),
            2 => bytes[at] ^= 1 << random.below(8),
            _ => {
                let copied = bytes[at..(at + random.below(60)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copied);
            }
        }
    }
}

/// All frames up to the end or to the first error, and whether there was one. An unfinished frame is none for who reads pieces.
fn in_pieces(mut bytes: &[u8], random: &mut Random) -> (Vec<Frame>, bool) {
    let (mut decoder, mut frames) = (FrameDecoder::default(), Vec::new());
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(1 + random.below(bytes.len().min(200)));
        decoder.push(piece);
        bytes = rest;
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn whole(mut bytes: &[u8]) -> (Vec<Frame>, bool) {
    let mut frames = Vec::new();
    loop {
        match wire::read_frame(&mut bytes) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, false),
            Err(_) => return (frames, true),
        }
    }
}

/// Which of the readers took it.
fn understood(payload: &[u8]) -> bool {
    let request = serde_json::from_slice::<Request>(payload).is_ok();
    let shim_request = serde_json::from_slice::<ShimRequest>(payload).is_ok();
    let shim_answer = serde_json::from_slice::<ShimAnswer>(payload).is_ok();
    let answer = serde_json::from_slice::<Answer<ContainerState>>(payload).is_ok();
    request || shim_request || shim_answer || answer
}

#[test]
fn damaged_streams_are_read_alike_in_pieces_and_whole() {
    const MUTANTS: usize = 4000;
    let messages = messages();
    let mut random = Random(0x1234_5678_9abc_def1);
    let (mut broken, mut taken, mut not_taken) = (0, 0, 0);
    for _ in 0..MUTANTS {
        let mut bytes = stream(&messages, &mut random);
        mutate(&mut bytes, &mut random);
        let (pieces, pieces_failed) = in_pieces(&bytes, &mut random);
        let (frames, failed) = whole(&bytes);
        assert_eq!(pieces, frames);
        assert!(failed || !pieces_failed, "an error in pieces that whole is none");
        broken += usize::from(failed);
        for frame in frames.iter().filter(|frame| frame.kind == FrameKind::Json) {
            *(if understood(&frame.payload) { &mut taken } else { &mut not_taken }) += 1;
        }
    }
    assert!(broken > 100 && taken > 100 && not_taken > 100, "{broken} broken, {taken} taken, {not_taken} not: the mutants are no test");
}
