//! Compressed layers, and layers whose bytes come before those of the layers below.

mod support;

use layers::{ErrorKind, UnpackOptions, receive, unpack};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use support::{Scratch, Tar, describe, options, unpack_bytes};

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut compressed).unwrap();
    compressed
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut compressed).unwrap();
    compressed
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_compression_gives_the_same_layer() {
    let tar = Tar::new().file("big", vec![7; 600 << 10]).file("small", "x").end();
    let (head, tail) = tar.split_at(tar.len() / 3);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
    let scratch = Scratch::new();
    let mut seen = Vec::new();
    for (at, bytes) in [
        tar.clone(),
        gzip(&tar),
        [gzip(head), gzip(tail)].concat(),
        [gzip(&tar), gzip(b"")].concat(),
        zstd(&tar),
        [zstd(head), zstd(tail)].concat(),
        [skippable, zstd(&tar)].concat(),
        bzip2(&tar),
        [bzip2(head), bzip2(tail)].concat(),
        xz(&tar),
        [xz(head), xz(tail)].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        let target = scratch.join(&format!("target{at}"));
        let unpacked = unpack_bytes(&bytes, &target).unwrap();
        seen.push((describe(&target)[1..].to_vec(), unpacked.diff_id.clone()));
        let again = UnpackOptions { digest: Some(unpacked.digest), diff_id: Some(unpacked.diff_id), ..options() };
        unpack(&bytes[..], &scratch.join(&format!("again{at}")), &again, &[]).unwrap();
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn damaged_and_unknown_compression_is_refused() {
    let tar = Tar::new().file("big", vec![7; 600 << 10]).end();
    let scratch = Scratch::new();
    let whole = gzip(&tar);
    let mut wrong_sum = whole.clone();
    let end = wrong_sum.len();
    wrong_sum[end - 6] ^= 1;
    let [half_bzip2, half_xz] = [bzip2(&tar), xz(&tar)].map(|bytes| bytes[..bytes.len() / 2].to_vec());
    let appended = [&xz(&tar)[..], b"rubbish"].concat();
    let half_zstd = zstd::encode_all(&tar[..], 3).unwrap()[..40].to_vec();
    let appended_gzip = [&whole[..], b"rubbish"].concat();
    for bytes in [&whole[..end / 2], &wrong_sum, &appended_gzip, &half_zstd, &half_bzip2, &half_xz, &appended] {
        let error = unpack_bytes(bytes, &scratch.join("target")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(!scratch.join("target").exists());
    }
    let error = unpack_bytes(b"\x04\x22\x4d\x18..", &scratch.join("target")).unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unsupported, "archives compressed with lz4 are not supported".into()));
}

/// A stream that asks the decoder for a dictionary of 1 GiB.
#[test]
fn a_greedy_xz_stream_is_refused() {
    let mut filters = liblzma::stream::Filters::new();
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(1 << 30);
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
    let mut greedy = Vec::new();
    liblzma::read::XzEncoder::new_stream(&Tar::new().file("f", "x").end()[..], stream).read_to_end(&mut greedy).unwrap();
    let scratch = Scratch::new();
    let error = unpack_bytes(&greedy, &scratch.join("target")).unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Invalid, "decompress the archive as xz".into()));
}

#[test]
fn layers_are_received_in_any_order_and_finished_from_the_bottom_up() {
    let scratch = Scratch::new();
    let (low, high) = (scratch.join("low"), scratch.join("high"));
    let upper = Tar::new().file("etc/mine", "new").link("etc/below", "alias").link("alias", "second").end();
    let high_received = receive(&upper[..], &high, &options()).unwrap();
    let low_received = receive(&Tar::new().dir("etc", 0o700).file("etc/below", "content").end()[..], &low, &options()).unwrap();
    low_received.finish(&[], false).unwrap();
    let unpacked = high_received.finish(&[low], false).unwrap();
    assert_eq!(fs::read(high.join("second")).unwrap(), b"content");
    assert_eq!(fs::metadata(high.join("alias")).unwrap().ino(), fs::metadata(high.join("etc/below")).unwrap().ino());
    assert_eq!(fs::metadata(high.join("etc")).unwrap().mode() & 0o7777, 0o700);
    assert_eq!(unpacked.size_bytes, 3);

    let dropped = receive(&upper[..], &scratch.join("dropped"), &options()).unwrap();
    drop(dropped);
    assert!(!scratch.join("dropped").exists());
    let orphan = receive(&upper[..], &scratch.join("orphan"), &options()).unwrap();
    assert_eq!(orphan.finish(&[], false).unwrap_err().to_string(), "archive entry alias: the target of a hard link does not exist");
    assert!(!scratch.join("orphan").exists());
}
