//! What leaves again: layers of overlay directories, lists of changes, and archives of files.

mod support;

use layers::tar::Reader;
use layers::{ChangeKind, Compression, ErrorKind, Root, changes, diff};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use support::{Header, Scratch, Tar, assert_same, describe, is_opaque, is_whiteout, unpack_bytes, unpack_over};

fn metadata(root: &Path, path: &str) -> fs::Metadata {
    fs::symlink_metadata(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Everything a layer can hold survives unpack, diff and unpack again, and the second archive equals the third byte for byte.
#[test]
fn layers_survive_the_way_there_and_back() {
    let scratch = Scratch::new();
    let lower = scratch.join("lower");
    fs::create_dir_all(lower.join("opaque/old")).unwrap();
    fs::write(lower.join("gone"), "").unwrap();
    fs::write(lower.join("linked"), "below").unwrap();
    let long = [b"directory/".repeat(30), b"name".to_vec()].concat();
    let tar = Tar::new()
        .pax(&[("path", &long), ("mtime", b"1234567890.000000001"), ("SCHILY.xattr.user.x", b"\0\xff")])
        .content(Header { mode: 0o4755, ..Header::new("x", b'0') }, vec![3; 700_000])
        .pax(&[("linkpath", &long)])
        .link("x", "again")
        .link("linked", "deep/er/link")
        .pax(&[("path", b"\xff\xfe"), ("uid", b"4000000000"), ("mtime", b"-3.5")])
        .file("x", "bytes")
        .file(".wh.gone", "")
        .file("opaque/.wh..wh..opq", "")
        .file("opaque/new", "")
        .dir("empty", 0o1777)
        .pax(&[("linkpath", &b"l".repeat(200))])
        .symlink("x", "link")
        .header(&Header { device: (1, 3), ..Header::new("null", b'3') })
        .header(&Header::new("pipe", b'6'))
        .pax(&[("GNU.sparse.map", b"1048576,4"), ("GNU.sparse.size", b"8388608"), ("GNU.sparse.numblocks", b"1")])
        .file("sparse", "data");
    let first = scratch.join("first");
    unpack_over(&tar.end(), &first, &[&lower]).unwrap();
    let mut archive = Vec::new();
    let packed = diff(&first, std::slice::from_ref(&lower), Compression::None, &mut archive).unwrap();
    assert!(archive.len() < 900_000, "the sparse file was written out");
    let second = scratch.join("second");
    let unpacked = unpack_over(&archive, &second, &[&lower]).unwrap();
    assert_eq!((&unpacked.digest, &unpacked.diff_id), (&packed.digest, &packed.diff_id));
    assert_same(&describe(&first)[1..], &describe(&second)[1..]);
    assert!(metadata(&second, "sparse").blocks() < 64 && metadata(&second, "sparse").len() == 8_388_608);
    assert!(is_whiteout(&second.join("gone")) && is_opaque(&second.join("opaque")) && !is_opaque(&second.join("empty")));

    let mut again = Vec::new();
    diff(&second, std::slice::from_ref(&lower), Compression::None, &mut again).unwrap();
    assert!(archive == again, "the same directory gave another archive");
    let mut compressed = Vec::new();
    let packed_gzip = diff(&second, &[lower], Compression::Gzip, &mut compressed).unwrap();
    assert_eq!((packed_gzip.diff_id, packed_gzip.uncompressed_bytes), (packed.diff_id, archive.len() as u64));
    assert_eq!(packed_gzip.size_bytes, compressed.len() as u64);
    let third = unpack_bytes(&compressed, &scratch.join("third"));
    assert_eq!(third.unwrap().digest, packed_gzip.digest);
}

#[test]
fn names_that_would_become_whiteouts_are_not_stored() {
    let scratch = Scratch::new();
    fs::write(scratch.join(".wh.precious"), "").unwrap();
    let error = diff(scratch.path(), &[], Compression::None, Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// Overlayfs itself is the judge: what it merges from an unpacked layer, and what our differences say about its upper directory.
#[test]
fn overlayfs_agrees() {
    let scratch = Scratch::new();
    let base = Tar::new()
        .dir("etc", 0o755)
        .file("etc/passwd", "base")
        .file("etc/shadow", "base")
        .dir("var/cache", 0o755)
        .file("var/cache/a", "")
        .file("var/cache/b", "")
        .dir("same", 0o755)
        .file("top", "");
    let layer = Tar::new()
        .file("etc/.wh.shadow", "")
        .link("etc/passwd", "etc/passwd-")
        .file("var/cache/.wh..wh..opq", "")
        .file("var/cache/c", "")
        .file(".wh.top", "");
    let (one, two) = (scratch.join("one"), scratch.join("two"));
    unpack_bytes(&base.end(), &one).unwrap();
    unpack_over(&layer.end(), &two, &[&one]).unwrap();
    for directory in ["upper", "work", "merged"] {
        fs::create_dir(scratch.join(directory)).unwrap();
    }
    let merged = scratch.join("merged");
    let mount = |lower: &str| {
        let options = format!("lowerdir={lower},upperdir={0}/upper,workdir={0}/work", scratch.path().display());
        let options = std::ffi::CString::new(options).unwrap();
        rustix::mount::mount("overlay", &merged, "overlay", rustix::mount::MountFlags::empty(), options.as_c_str()).unwrap();
        Mounted(merged.clone())
    };
    let mounted = mount(&format!("{}:{}", two.display(), one.display()));
    let listed = |path: &str| {
        let mut names: Vec<_> =
            fs::read_dir(merged.join(path)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(listed(""), ["etc", "same", "var"]);
    assert_eq!(listed("etc"), ["passwd", "passwd-"]);
    assert_eq!(listed("var/cache"), ["c"]);
    assert_eq!(fs::read_to_string(merged.join("etc/passwd-")).unwrap(), "base");
    assert_eq!(metadata(&merged, "etc/passwd").ino(), metadata(&merged, "etc/passwd-").ino());

    fs::write(merged.join("etc/passwd"), "changed").unwrap();
    fs::write(merged.join("etc/new"), "").unwrap();
    fs::remove_dir_all(merged.join("var/cache")).unwrap();
    fs::create_dir_all(merged.join("var/cache/d")).unwrap();
    fs::create_dir(merged.join("opt")).unwrap();
    fs::write(merged.join("opt/x"), "").unwrap();
    fs::remove_dir(merged.join("same")).unwrap();
    let expected = describe(&merged);
    drop(mounted);

    let lower = [two.clone(), one.clone()];
    let listed: Vec<_> = changes(&scratch.join("upper"), &lower)
        .unwrap()
        .into_iter()
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Modified => 'C',
                ChangeKind::Added => 'A',
                ChangeKind::Deleted => 'D',
            };
            format!("{kind} {}", change.path.display())
        })
        .collect();
    assert_eq!(
        listed,
        [
            "C /etc",
            "A /etc/new",
            "C /etc/passwd",
            "A /opt",
            "A /opt/x",
            "D /same",
            "C /var",
            "C /var/cache",
            "D /var/cache/c",
            "A /var/cache/d",
        ]
    );

    let mut archive = Vec::new();
    diff(&scratch.join("upper"), &lower, Compression::None, &mut archive).unwrap();
    let three = scratch.join("three");
    unpack_over(&archive, &three, &[&two, &one]).unwrap();
    fs::remove_dir_all(scratch.join("upper")).unwrap();
    fs::remove_dir_all(scratch.join("work")).unwrap();
    fs::create_dir(scratch.join("upper")).unwrap();
    fs::create_dir(scratch.join("work")).unwrap();
    let _mounted = mount(&format!("{}:{}:{}", three.display(), two.display(), one.display()));
    assert_same(&describe(&merged)[1..], &expected[1..]);
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}

#[test]
fn copying_out_names_entries_as_docker_does() {
    let scratch = Scratch::new();
    let root = scratch.join("root");
    fs::create_dir_all(root.join("app/lib")).unwrap();
    fs::write(root.join("app/lib/file"), "x").unwrap();
    symlink("/app/lib", root.join("link")).unwrap();
    symlink("gone/../nowhere", root.join("dangling")).unwrap();
    let open = Root::open(&root).unwrap();
    let names = |path: &str| {
        let mut archive = Vec::new();
        open.source(Path::new(path)).unwrap().write_to(&mut archive).unwrap();
        let mut reader = Reader::new(&archive[..]);
        let mut names = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            names.push(String::from_utf8(entry.name).unwrap());
        }
        names
    };
    assert_eq!(names("/app/lib/file"), ["file"]);
    assert_eq!(names("app/lib"), ["lib/", "lib/file"]);
    assert_eq!(names("/app/lib/."), ["./", "./file"]);
    assert_eq!(names("/link"), ["link"]);
    assert_eq!(names("/link/"), ["link/", "link/file"]);
    assert_eq!(names("/"), ["app/", "app/lib/", "app/lib/file", "dangling", "link"]);
    let stat = open.stat(Path::new("/link")).unwrap();
    assert_eq!((stat.name.to_str(), stat.link_target.to_str()), (Some("link"), Some("/app/lib")));
    assert_eq!(open.stat(Path::new("/dangling")).unwrap().link_target, "/nowhere");
    assert_eq!(open.stat(Path::new("/")).unwrap().name, "/");
    assert_eq!(open.stat(Path::new("/app/lib/file/")).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(open.stat(Path::new("/app/none")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn copying_in_keeps_or_gives_owners_and_knows_compression() {
    let scratch = Scratch::new();
    let open = Root::open(scratch.path()).unwrap();
    let header = Header { uid: 7, gid: 8, mode: 0o640, ..Header::new("f", b'0') };
    let tar = Tar::new().dir(".", 0o700).content(header, "x").dir("d", 0o755).end();
    let write = |owner, bytes: &[u8]| {
        let options = layers::WriteOptions { keeps_kinds: true, owner, max_bytes: 1 << 20, max_entries: 10 };
        open.write_archive(Path::new("/"), bytes, &options).unwrap()
    };
    let before = metadata(scratch.path(), "").mode();
    assert_eq!(write(None, &gzip(&tar)), 3);
    assert_eq!((metadata(scratch.path(), "f").uid(), metadata(scratch.path(), "f").gid()), (7, 8));
    assert_eq!(metadata(scratch.path(), "").mode(), before, "the directory copied into changed");
    write(Some((1, 2)), &zstd::encode_all(&tar[..], 1).unwrap());
    for path in ["f", "d"] {
        assert_eq!((metadata(scratch.path(), path).uid(), metadata(scratch.path(), path).gid()), (1, 2));
    }
    assert_eq!(metadata(scratch.path(), "f").mode() & 0o7777, 0o640);
}
