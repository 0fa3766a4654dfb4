//! Layers as real tools make them: every format and every strange but legal thing must come out as it was meant.

mod support;

use layers::tar::{Reader, TarError};
use layers::{Digest, ErrorKind, UnpackOptions, unpack};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use support::{Header, Scratch, Tar, is_opaque, is_whiteout, name, options, seal, unpack_bytes, unpack_over, xattr};

fn unpacked(tar: Tar) -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    let target = scratch.join("target");
    unpack_bytes(&tar.end(), &target).unwrap();
    (scratch, target)
}

fn problem(tar: &[u8]) -> String {
    let scratch = Scratch::new();
    let error = unpack_bytes(tar, &scratch.join("target")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!scratch.join("target").exists());
    error.to_string()
}

fn metadata(root: &Path, path: &str) -> fs::Metadata {
    fs::symlink_metadata(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn modes_owners_and_times_arrive() {
    let tar = Tar::new()
        .header(&Header { mode: 0o1777, ..Header::new("tmp/", b'5') })
        .header(&Header { mode: 0o4755, uid: 0, gid: 42, ..Header::new("su", b'0') })
        .header(&Header { mode: 0o2755, uid: 1000, gid: 1001, ..Header::new("wall", b'0') })
        .header(&Header { mode: 0o2775, gid: 50, ..Header::new("shared", b'5') })
        .header(&Header { mode: 0o600, ..Header::new("shared/file", b'0') })
        .header(&Header { mode: 0o000, ..Header::new("shadow", b'0') })
        .pax(&[("mtime", b"1600000000.123456789"), ("uid", b"3000000"), ("gid", b"4294967294")])
        .file("fine", "x")
        .pax(&[("mtime", b"-1.5")])
        .symlink("nowhere", "old");
    let (_scratch, root) = unpacked(tar);
    let mode = |path| metadata(&root, path).mode() & 0o7777;
    assert_eq!([mode("tmp"), mode("su"), mode("wall"), mode("shared"), mode("shadow")], [0o1777, 0o4755, 0o2755, 0o2775, 0]);
    assert_eq!((metadata(&root, "wall").uid(), metadata(&root, "wall").gid()), (1000, 1001));
    assert_eq!(metadata(&root, "shared/file").gid(), 0);
    let fine = metadata(&root, "fine");
    assert_eq!((fine.uid(), fine.gid(), fine.mtime(), fine.mtime_nsec()), (3_000_000, 4_294_967_294, 1_600_000_000, 123_456_789));
    assert_eq!((metadata(&root, "old").mtime(), metadata(&root, "old").mtime_nsec()), (-2, 500_000_000));
    assert_eq!(metadata(&root, "shared").mtime(), 1_600_000_000);
}

#[test]
fn binary_numbers_of_gnu_tar_are_read() {
    let mut block = Header { magic: *b"ustar  \0", ..Header::new("big", b'0') }.bytes();
    block[108..116].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe]);
    block[136..148].fill(0xff);
    seal(&mut block);
    let (_scratch, root) = unpacked(Tar::new().raw(block));
    assert_eq!((metadata(&root, "big").uid(), metadata(&root, "big").mtime()), (4_294_967_294, -1));
}

#[test]
fn attributes_are_bytes() {
    let capability = [1, 0, 0, 2, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let tar = Tar::new()
        .pax(&[("SCHILY.xattr.security.capability", &capability), ("SCHILY.xattr.user.note", b"\xff=\n\0\x01")])
        .file("ping", "x")
        .pax(&[("SCHILY.xattr.user.note", b"dir"), ("LIBARCHIVE.xattr.user.note", b"ZGly"), ("comment", b"x")])
        .dir("d", 0o755)
        .pax(&[("SCHILY.xattr.trusted.note", b"link"), ("SCHILY.xattr.user.note", b"impossible on links")])
        .symlink("ping", "l");
    let (_scratch, root) = unpacked(tar);
    assert_eq!(xattr(&root.join("ping"), "security.capability").as_deref(), Some(&capability[..]));
    assert_eq!(xattr(&root.join("ping"), "user.note").as_deref(), Some(&b"\xff=\n\0\x01"[..]));
    assert_eq!(xattr(&root.join("d"), "user.note").as_deref(), Some(&b"dir"[..]));
    assert_eq!(xattr(&root.join("l"), "trusted.note").as_deref(), Some(&b"link"[..]));
}

/// POSIX ACLs, default ones too, must not leak into what is made in their directory.
#[test]
fn a_default_acl_is_its_directorys_alone() {
    let acl = |entries: &[(u16, u16, u32)]| {
        let mut bytes = 2u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            bytes.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    };
    let default = acl(&[(1, 7, u32::MAX), (2, 7, 1000), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]);
    let tar = Tar::new().pax(&[("SCHILY.xattr.system.posix_acl_default", &default)]).dir("d", 0o775).file("d/f", "x").dir("d/sub", 0o700);
    let (_scratch, root) = unpacked(tar);
    assert_eq!(xattr(&root.join("d"), "system.posix_acl_default").as_deref(), Some(&default[..]));
    assert_eq!(xattr(&root.join("d/f"), "system.posix_acl_access"), None);
    assert_eq!(xattr(&root.join("d/sub"), "system.posix_acl_default"), None);
    assert_eq!(metadata(&root, "d/f").mode() & 0o777, 0o644);
}

#[test]
fn long_and_strange_names_arrive() {
    let long = [b"directory/".repeat(30), b"name".to_vec()].concat();
    let target = b"t".repeat(300);
    let gnu = Header { magic: *b"ustar  \0", ..Header::new("././@LongLink", b'L') };
    let mut prefixed = Header::new("name", b'0').bytes();
    prefixed[345..345 + 6].copy_from_slice(b"prefix");
    seal(&mut prefixed);
    let tar = Tar::new()
        .pax(&[("path", &long), ("hdrcharset", b"BINARY")])
        .file("short", "pax")
        .content(gnu.clone(), [b"gnu/", &long[..], b"\0"].concat())
        .file("short", "gnu")
        .content(Header { flag: b'K', ..gnu }, [&target[..], b"\0"].concat())
        .symlink("short", "link")
        .pax(&[("linkpath", &long)])
        .link("short", "hard")
        .file(b"latin-\xe9-\xff", "bytes")
        .pax(&[("path", b"\xff\xfe")])
        .file("x", "pax bytes")
        .raw(prefixed)
        .file(b"new\nline", "")
        .file("./dot/./file", "")
        .dir("slashes///", 0o755)
        .header(&Header { flag: 0, magic: [0; 8], ..Header::new("v7-directory/", 0) })
        .header(&Header { magic: [0; 8], ..Header::new("v7-file", 0) });
    let (_scratch, root) = unpacked(tar);
    let read = |bytes: &[u8]| fs::read_to_string(root.join(name(bytes))).unwrap();
    assert_eq!((read(&long), read(&[b"gnu/", &long[..]].concat())), ("pax".into(), "gnu".into()));
    assert_eq!(fs::read_link(root.join("link")).unwrap().as_os_str(), name(&target));
    assert_eq!(metadata(&root, "hard").ino(), fs::metadata(root.join(name(&long))).unwrap().ino());
    assert_eq!((read(b"latin-\xe9-\xff"), read(b"\xff\xfe")), ("bytes".into(), "pax bytes".into()));
    for path in ["prefix/name", "new\nline", "dot/file", "v7-file"] {
        assert!(metadata(&root, path).is_file(), "{path}");
    }
    assert!(metadata(&root, "v7-directory").is_dir() && metadata(&root, "slashes").is_dir());
}

#[test]
fn devices_and_pipes_are_made() {
    let tar = Tar::new()
        .header(&Header { device: (1, 3), mode: 0o666, uid: 7, ..Header::new("null", b'3') })
        .header(&Header { device: (8, 300), mode: 0o660, ..Header::new("disk", b'4') })
        .header(&Header { mode: 0o622, ..Header::new("pipe", b'6') });
    let (_scratch, root) = unpacked(tar);
    let (null, disk, pipe) = (metadata(&root, "null"), metadata(&root, "disk"), metadata(&root, "pipe"));
    assert!(null.file_type().is_char_device() && disk.file_type().is_block_device() && pipe.file_type().is_fifo());
    assert_eq!((null.rdev(), null.mode() & 0o777, null.uid()), (rustix::fs::makedev(1, 3), 0o666, 7));
    assert_eq!((disk.rdev(), pipe.mode() & 0o777, pipe.mtime()), (rustix::fs::makedev(8, 300), 0o622, 1_600_000_000));
}

#[test]
fn sparse_files_of_every_format_are_sparse() {
    const SIZE: u64 = 4 << 20;
    let size = SIZE.to_string();
    let mut old = Header { magic: *b"ustar  \0", size: 8, ..Header::new("old", b'S') }.bytes();
    for (at, (offset, length)) in [(0u64, 4u64), (SIZE / 2, 4), (SIZE, 0)].into_iter().enumerate() {
        let at = 386 + 24 * at;
        old[at..at + 11].copy_from_slice(format!("{offset:011o}").as_bytes());
        old[at + 12..at + 23].copy_from_slice(format!("{length:011o}").as_bytes());
    }
    old[483..494].copy_from_slice(format!("{SIZE:011o}").as_bytes());
    seal(&mut old);
    let half = (SIZE / 2).to_string();
    let offsets = format!("0,4,{half},4,{size},0");
    let tar = Tar::new()
        .raw(old)
        .raw("headtail")
        .pax(&[
            ("GNU.sparse.size", size.as_bytes()),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.offset", b"0"),
            ("GNU.sparse.numbytes", b"4"),
            ("GNU.sparse.offset", half.as_bytes()),
            ("GNU.sparse.numbytes", b"4"),
        ])
        .file("pax-0.0", "headtail")
        .pax(&[
            ("GNU.sparse.size", size.as_bytes()),
            ("GNU.sparse.numblocks", b"3"),
            ("GNU.sparse.name", b"pax-0.1"),
            ("GNU.sparse.map", offsets.as_bytes()),
        ])
        .file("GNUSparseFile.1/pax-0.1", "headtail")
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", size.as_bytes()),
            ("GNU.sparse.name", b"pax-1.0"),
        ]);
    let mut map = format!("2\n0\n4\n{half}\n4\n").into_bytes();
    support::pad(&mut map);
    let tar = tar.file("GNUSparseFile.1/pax-1.0", [&map[..], b"headtail"].concat()).file("after", "x");
    let (_scratch, root) = unpacked(tar);
    for path in ["old", "pax-0.0", "pax-0.1", "pax-1.0"] {
        let bytes = fs::read(root.join(path)).unwrap();
        assert_eq!(bytes.len() as u64, SIZE, "{path}");
        assert_eq!((&bytes[..5], &bytes[SIZE as usize / 2..][..5]), (&b"head\0"[..], &b"tail\0"[..]), "{path}");
        assert!(metadata(&root, path).blocks() < 64, "{path} takes room");
    }
    assert!(metadata(&root, "after").is_file());
}

#[test]
fn the_old_sparse_map_continues_in_blocks() {
    let mut header = Header { magic: *b"ustar  \0", size: 6, ..Header::new("sparse", b'S') }.bytes();
    let pair = |block: &mut [u8], at: usize, offset: u64| {
        block[at..at + 11].copy_from_slice(format!("{offset:011o}").as_bytes());
        block[at + 12..at + 23].copy_from_slice(b"00000000001");
    };
    (0..4).for_each(|at| pair(&mut header, 386 + 24 * at as usize, at * 4096));
    header[482] = 1;
    header[483..494].copy_from_slice(format!("{:011o}", 5 * 4096 + 1).as_bytes());
    seal(&mut header);
    let mut more = [0; 512];
    (0..2).for_each(|at| pair(&mut more, 24 * at as usize, (4 + at) * 4096));
    let (_scratch, root) = unpacked(Tar::new().raw(header).raw(more).raw("abcdef"));
    let bytes = fs::read(root.join("sparse")).unwrap();
    assert_eq!(bytes.iter().filter(|&&byte| byte != 0).copied().collect::<Vec<_>>(), b"abcdef");
    assert_eq!((bytes.len(), bytes[5 * 4096]), (5 * 4096 + 1, b'f'));
}

#[test]
fn the_last_entry_of_a_name_wins() {
    let tar = Tar::new()
        .file("twice", "first")
        .file("twice", "second")
        .dir("d", 0o700)
        .dir("d", 0o711)
        .dir("was-dir", 0o755)
        .file("was-dir/deep/er/file", "x")
        .file("was-dir", "now a file")
        .file("was-file", "x")
        .dir("was-file", 0o755)
        .file("was-file/inner", "y")
        .symlink("d", "was-link")
        .dir("was-link", 0o755)
        .file("was-link/inner", "z")
        .dir("to-link", 0o755)
        .symlink("d", "to-link");
    let (_scratch, root) = unpacked(tar);
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!((read("twice"), read("was-dir")), ("second".into(), "now a file".into()));
    assert_eq!(metadata(&root, "d").mode() & 0o777, 0o711);
    assert_eq!((read("was-file/inner"), read("was-link/inner")), ("y".into(), "z".into()));
    assert!(metadata(&root, "to-link").is_symlink() && !root.join("d/inner").exists());
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_else() {
    let scratch = Scratch::new();
    let lower = scratch.join("lower");
    fs::create_dir_all(lower.join("d/sub")).unwrap();
    fs::write(lower.join("d/sub/f"), "below").unwrap();
    let tar = Tar::new()
        .file("a/.wh.before", "")
        .file("a/before", "new")
        .file("a/after", "new")
        .file("a/.wh.after", "")
        .file("a/.wh.never-was", "")
        .file("o/one", "1")
        .file("o/.wh..wh..opq", "")
        .file("o/two", "2")
        .file(".wh.d", "")
        .file("d/only", "3")
        .file("again/x", "")
        .file(".wh.again", "")
        .file(".wh..wh.plnk/1.2", "aufs")
        .file(".wh..wh.aufs", "");
    let target = scratch.join("target");
    unpack_over(&tar.end(), &target, &[&lower]).unwrap();
    assert_eq!(fs::read_to_string(target.join("a/before")).unwrap(), "new");
    assert_eq!(fs::read_to_string(target.join("a/after")).unwrap(), "new");
    assert!(is_whiteout(&target.join("a/never-was")));
    assert!(is_opaque(&target.join("o")) && target.join("o/one").exists() && target.join("o/two").exists());
    assert!(is_opaque(&target.join("d")) && is_opaque(&target.join("again")) && !is_opaque(&target.join("a")));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 4, "AUFS's files were kept");
}

#[test]
fn an_opaque_root_hides_every_lower_name() {
    let scratch = Scratch::new();
    let lower = scratch.join("lower");
    fs::create_dir_all(lower.join("both")).unwrap();
    fs::write(lower.join("gone"), "").unwrap();
    let target = scratch.join("target");
    unpack_over(&Tar::new().file("both/mine", "").file(".wh..wh..opq", "").dir("new", 0o755).end(), &target, &[&lower]).unwrap();
    assert!(is_whiteout(&target.join("gone")) && is_opaque(&target.join("both")) && !is_opaque(&target.join("new")));
}

#[test]
fn directories_that_no_entry_names_are_like_those_below() {
    let scratch = Scratch::new();
    let lower = scratch.join("lower");
    fs::create_dir_all(lower.join("tmp/shared")).unwrap();
    fs::set_permissions(lower.join("tmp"), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    std::os::unix::fs::chown(lower.join("tmp/shared"), Some(5), Some(6)).unwrap();
    fs::set_permissions(&lower, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let target = scratch.join("target");
    let unpacked = unpack_over(&Tar::new().file("tmp/shared/f", "").file("fresh/g", "").end(), &target, &[&lower]).unwrap();
    assert_eq!(metadata(&target, "tmp").mode() & 0o7777, 0o1777);
    assert_eq!((metadata(&target, "tmp/shared").uid(), metadata(&target, "tmp/shared").gid()), (5, 6));
    assert_eq!((metadata(&target, "fresh").mode() & 0o7777, metadata(&target, "fresh").uid()), (0o755, 0));
    assert_eq!(metadata(&target, "").mode() & 0o7777, 0o711);
    assert_eq!(unpacked.entries, 5);
}

#[test]
fn hard_links_reach_across_directories_and_into_lower_layers() {
    let scratch = Scratch::new();
    let (top, bottom) = (scratch.join("top"), scratch.join("bottom"));
    fs::create_dir_all(top.join("usr")).unwrap();
    fs::create_dir_all(bottom.join("usr/bin")).unwrap();
    fs::write(bottom.join("usr/bin/tool"), "tool").unwrap();
    fs::set_permissions(bottom.join("usr/bin/tool"), std::os::unix::fs::PermissionsExt::from_mode(0o4711)).unwrap();
    symlink("usr/bin", bottom.join("bin")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, top.join("hidden"), rustix::fs::FileType::CharacterDevice, rustix::fs::Mode::empty(), 0).unwrap();
    fs::write(bottom.join("hidden"), "x").unwrap();
    let target = scratch.join("target");
    let tar = Tar::new().dir("d", 0o755).file("d/f", "x").link("d/f", "e/g").link("bin/tool", "alias").link("alias", "second");
    unpack_over(&tar.end(), &target, &[&top, &bottom]).unwrap();
    assert_eq!(metadata(&target, "d/f").ino(), metadata(&target, "e/g").ino());
    assert_eq!(metadata(&target, "alias").ino(), metadata(&target, "usr/bin/tool").ino());
    assert_eq!((metadata(&target, "second").nlink(), metadata(&target, "alias").mode() & 0o7777), (3, 0o4711));
    assert_eq!(fs::read_to_string(target.join("alias")).unwrap(), "tool");
    assert_eq!(metadata(&bottom, "usr/bin/tool").nlink(), 1);
    for missing in [Tar::new().link("hidden", "l"), Tar::new().link("none", "l"), Tar::new().file(".wh.usr", "").link("usr/bin/tool", "l")]
    {
        let error = unpack_over(&missing.end(), &scratch.join("other"), &[&top, &bottom]).unwrap_err();
        assert_eq!(error.to_string(), "archive entry l: the target of a hard link does not exist");
    }
}

#[test]
fn archives_may_end_early_only_between_entries() {
    let scratch = Scratch::new();
    let whole = Tar::new().file("f", "content");
    for (at, tar) in
        [Vec::new(), vec![0; 512], vec![0; 1024], vec![0; 10240], whole.clone().open_end(), whole.clone().raw([0; 512]).open_end()]
            .into_iter()
            .enumerate()
    {
        unpack_bytes(&tar, &scratch.join(&format!("target{at}"))).unwrap();
    }
    let open = whole.clone().open_end();
    for cut in [1, 511, 513, 519, 700] {
        assert!(problem(&open[..cut]).contains("ends inside an entry"), "{cut}");
    }
    assert!(problem(&whole.clone().raw([0; 512]).file("g", "").end()).contains("a single zero block"));
    let trailing = [whole.end(), b"tape rubbish".to_vec()].concat();
    unpack_bytes(&trailing, &scratch.join("trailing")).unwrap();
}

#[test]
fn malformed_archives_are_refused() {
    let long = Header { magic: *b"ustar  \0", ..Header::new("long", b'L') };
    let mut broken = Header::new("f", b'0').bytes();
    broken[0] = b'g';
    let mut signed = Header::new(b"\xe9", b'0').bytes();
    signed[148..156].fill(b' ');
    let sum: i32 = signed.iter().map(|&byte| i32::from(byte as i8)).sum();
    signed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    for (tar, expected) in [
        (Tar::new().raw(broken), "the checksum is wrong"),
        (Tar::new().pax(&[("path", b"a")]), "an extension belongs to no entry"),
        (Tar::new().content(long.clone(), "a\0"), "an extension belongs to no entry"),
        (Tar::new().pax(&[("a", b"a")]).pax(&[("b", b"b")]).file("f", ""), "an entry has two pax headers"),
        (Tar::new().content(long.clone(), "a\0").content(long, "b\0").file("f", ""), "an entry has two long names"),
        (Tar::new().pax(&[("path", b"a"), ("path", b"b")]).file("f", ""), "a pax key appears twice"),
        (Tar::new().content(Header::new("p", b'x'), "7 a=b\n").file("f", ""), "a pax record is malformed"),
        (Tar::new().content(Header::new("p", b'g'), "9 size=1\n").file("f", ""), "a global pax header names a path or a size"),
        (Tar::new().header(&Header { size: 9, ..Header::new("d", b'5') }), "an entry without content has a size"),
        (Tar::new().pax(&[("size", b"1")]).symlink("a", "b"), "an entry without content has a size"),
        (Tar::new().header(&Header::new("f", b'M')), "an entry is of an unknown type"),
        (Tar::new().header(&Header { size: 2 << 20, ..Header::new("p", b'x') }), "an extension is too long"),
        (Tar::new().pax(&[("GNU.sparse.map", b"0,1,0,1"), ("GNU.sparse.size", b"9")]).file("f", "ab"), "a sparse map goes backwards"),
        (Tar::new().pax(&[("GNU.sparse.major", b"2"), ("GNU.sparse.realsize", b"9")]).file("f", "ab"), "of an unknown version"),
    ] {
        let message = problem(&tar.end());
        assert!(message.contains(expected), "{message}");
    }
    let (_scratch, root) = unpacked(Tar::new().raw(signed));
    assert!(root.join(name(b"\xe9")).exists());
    assert!(matches!(Reader::new(&[1u8; 512][..]).next_entry(), Err(TarError::Malformed { at: 0, .. })));
}

#[test]
fn global_headers_and_volume_labels_are_passed_over() {
    let comment = support::record("comment", "0123456789abcdef");
    let tar = Tar::new().content(Header::new("pax_global_header", b'g'), comment).header(&Header::new("label", b'V')).file("f", "x");
    let (_scratch, root) = unpacked(tar);
    assert_eq!(fs::read_dir(root).unwrap().count(), 1);
}

#[test]
fn a_wrong_digest_leaves_nothing() {
    let scratch = Scratch::new();
    let tar = Tar::new().file("f", vec![1; 1 << 20]).end();
    let right = unpack_bytes(&tar, &scratch.join("right")).unwrap();
    let wrong: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    for options in [UnpackOptions { digest: Some(wrong.clone()), ..options() }, UnpackOptions { diff_id: Some(wrong.clone()), ..options() }]
    {
        let error = unpack(&tar[..], &scratch.join("target"), &options, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DigestMismatch);
        assert!(error.to_string().contains(&right.digest.to_string()));
        assert!(!scratch.join("target").exists());
    }
    let long: Digest = format!("sha512:{}", "0".repeat(128)).parse().unwrap();
    let error = unpack(&tar[..], &scratch.join("target"), &UnpackOptions { digest: Some(long), ..options() }, &[]).unwrap_err();
    assert!(error.to_string().contains("got sha512:"), "{error}");
}

#[test]
fn a_target_with_something_in_it_is_left_alone() {
    let scratch = Scratch::new();
    fs::write(scratch.join("mine"), "").unwrap();
    let error = unpack_bytes(&Tar::new().file("f", "").end(), scratch.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(scratch.join("mine").exists() && !scratch.join("f").exists());
    fs::create_dir(scratch.join("empty")).unwrap();
    unpack_bytes(b"not a tar at all, but long enough", &scratch.join("empty")).unwrap_err();
    assert_eq!(fs::read_dir(scratch.join("empty")).unwrap().count(), 0);
}
