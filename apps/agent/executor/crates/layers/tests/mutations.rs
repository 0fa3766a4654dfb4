//! Damaged archives, thousands of them but always the same ones: whatever comes out, nothing outside the target changes, a failure
//! leaves nothing, and what was accepted can be packed and unpacked again to the same tree.

mod support;

use layers::{Compression, ErrorKind, diff};
use std::fs;
use support::{Header, Scratch, Tar, assert_same, describe, seal, unpack_bytes};

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

fn seed(outside: &str) -> Vec<u8> {
    Tar::new()
        .dir("etc", 0o755)
        .file("etc/passwd", "inside")
        .symlink(outside, "out")
        .symlink("../../..", "up")
        .link("etc/passwd", "hard")
        .file("out/passwd", "x")
        .pax(&[("path", b"up/etc/passwd"), ("mtime", b"1.5"), ("SCHILY.xattr.user.a", b"b")])
        .file("x", "y")
        .content(Header { magic: *b"ustar  \0", ..Header::new("././@LongLink", b'L') }, "etc/long\0")
        .file("x", "z")
        .pax(&[("GNU.sparse.map", b"4096,4"), ("GNU.sparse.size", b"8192"), ("GNU.sparse.numblocks", b"1")])
        .file("sparse", "data")
        .file("etc/.wh.gone", "")
        .file("d/.wh..wh..opq", "")
        .header(&Header { device: (1, 3), ..Header::new("null", b'3') })
        .header(&Header::new("pipe", b'6'))
        .end()
}

/// Changes some blocks, and gives those that look like headers a right checksum again, or no mutant would get far.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let blocks = bytes.len() / 512;
        let block = random.below(blocks) * 512;
        match random.below(8) {
            0 => bytes[block + random.below(512)] = random.below(256) as u8,
            1 => bytes[block + 156] = b"0123456567LKxgSV\0"[random.below(17)],
            2 => bytes[block + random.below(12)] = b"./\0.x"[random.below(5)],
            3 => bytes[block + 157 + random.below(12)] = b"./\0.x"[random.below(5)],
            4 => bytes[block + 124 + random.below(12)] = b"01234567\0 \x80\xff"[random.below(12)],
            5 => {
                let from = random.below(blocks) * 512;
                bytes.copy_within(from..from + 512, block);
            }
            6 => {
                let copy: Vec<u8> = bytes[block..block + 512].to_vec();
                let at = random.below(blocks) * 512;
                bytes.splice(at..at, copy);
            }
            _ => bytes.truncate(bytes.len() - random.below(600).min(bytes.len() / 2)),
        }
        for header in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            let header: &mut [u8; 512] = header.try_into().unwrap();
            seal(header);
        }
    }
}

#[test]
fn mutated_archives_do_no_harm() {
    let scratch = Scratch::new();
    let host = scratch.join("host");
    fs::create_dir_all(host.join("etc")).unwrap();
    fs::create_dir(scratch.join("host/layers")).unwrap();
    fs::write(host.join("etc/passwd"), "the host's").unwrap();
    let outside = host.join("etc");
    let before = describe(&outside);
    let seed = seed(outside.to_str().unwrap());
    let target = scratch.join("host/layers/target");
    let again = scratch.join("host/layers/again");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..1500 {
        let mut bytes = seed.clone();
        mutate(&mut bytes, &mut random);
        let unpacked = unpack_bytes(&bytes, &target);
        assert_same(&describe(&outside), &before);
        assert_eq!(fs::read_dir(&host).unwrap().count(), 2, "round {round} made something outside");
        if let Err(error) = unpacked {
            refused += 1;
            assert_ne!(error.kind(), ErrorKind::Failed, "round {round}: {error:?}");
            assert!(!target.exists(), "round {round} left something behind");
            continue;
        }
        accepted += 1;
        let mut archive = Vec::new();
        match diff(&target, &[], Compression::None, &mut archive) {
            Ok(_) => {
                unpack_bytes(&archive, &again).unwrap_or_else(|error| panic!("round {round}: {error:?}"));
                let without_opaque = |lines: Vec<String>| -> Vec<String> {
                    lines[1..].iter().map(|line| line.replace("(Some([121]), \"trusted.overlay.opaque\")", "")).collect()
                };
                assert_same(&without_opaque(describe(&again)), &without_opaque(describe(&target)));
                fs::remove_dir_all(&again).unwrap();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "round {round}: {error:?}"),
        }
        fs::remove_dir_all(&target).unwrap();
    }
    assert!(accepted > 200 && refused > 200, "{accepted} accepted, {refused} refused: the mutations are too tame or too wild");
}
