//! Attacks on extraction, carried out for real: containerd's TestBreakouts matrix, and the ones of known CVEs. Each runs in a directory
//! that stands for a host, whose state must not change outside the layer.

mod support;

use layers::{Error, ErrorKind, Root, WriteOptions};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use support::{Header, Scratch, Tar, describe, is_whiteout, options, unpack_bytes, unpack_over};

/// `host/etc/passwd` is the prize; the layer is at `host/layers/target`.
struct Host {
    scratch: Scratch,
    before: Vec<String>,
}

impl Host {
    fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("host/etc")).unwrap();
        fs::create_dir_all(scratch.join("host/layers")).unwrap();
        fs::write(scratch.join("host/etc/passwd"), "the host's").unwrap();
        fs::set_permissions(scratch.join("host/etc/passwd"), fs::Permissions::from_mode(0o400)).unwrap();
        let before = describe(&scratch.join("host/etc"));
        Self { scratch, before }
    }

    fn target(&self) -> PathBuf {
        self.scratch.join("host/layers/target")
    }

    fn assert_unharmed(&self) {
        assert_eq!(describe(&self.scratch.join("host/etc")), self.before, "something outside changed");
        let host: Vec<_> = fs::read_dir(self.scratch.join("host")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(host.len(), 2, "something appeared outside: {host:?}");
        let layers: Vec<_> = fs::read_dir(self.scratch.join("host/layers")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(layers.iter().all(|name| name == "target" || name == "lower"), "something appeared outside: {layers:?}");
    }

    /// Unpacks and answers the target.
    fn accepts(&self, tar: Tar) -> PathBuf {
        let unpacked = unpack_bytes(&tar.end(), &self.target());
        self.assert_unharmed();
        unpacked.unwrap();
        self.target()
    }

    fn refuses(&self, tar: Tar) -> Error {
        let unpacked = unpack_bytes(&tar.end(), &self.target());
        self.assert_unharmed();
        assert!(!self.target().exists(), "a failed unpack left something behind");
        unpacked.unwrap_err()
    }

    /// With a layer below that has what `prepare` makes in it.
    fn over(&self, prepare: impl Fn(&Path), tar: Tar) -> (PathBuf, Result<layers::Unpacked, Error>) {
        let lower = self.scratch.join("host/layers/lower");
        fs::create_dir(&lower).unwrap();
        prepare(&lower);
        let before = describe(&lower);
        let unpacked = unpack_over(&tar.end(), &self.target(), &[&lower]);
        self.assert_unharmed();
        assert_eq!(describe(&lower), before, "the layer below changed");
        (self.target(), unpacked)
    }
}

fn same_file(root: &Path, a: &str, b: &str) {
    let inode = |path: &str| fs::symlink_metadata(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}")).ino();
    assert_eq!(inode(a), inode(b), "{a} and {b} differ");
}

fn content(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn etc() -> Tar {
    Tar::new().dir("etc", 0o770).file("/etc/passwd", "inside")
}

#[test]
fn symlinks_as_parents_lead_inside() {
    for (links, file) in [
        (Tar::new().symlink("/etc", "localetc"), "/localetc/unbroken"),
        (Tar::new().dir("dummy", 0o755).symlink("/dummy/../etc", "localetc"), "/localetc/unbroken"),
        (Tar::new().dir("dummy", 0o755).symlink("/etc", "/dummy/etc").symlink("/dummy/etc", "localetc"), "/dummy/etc/unbroken"),
        (Tar::new().dir("dummy", 0o755).symlink("/etc", "/dummy/etc").symlink("./dummy/etc", "localetc"), "localetc/unbroken"),
        (Tar::new().symlink("../../../../etc", "localetc"), "localetc/unbroken"),
        (Tar::new().dir("deep", 0o755).symlink("../../../../etc", "deep/link"), "deep/link/unbroken"),
        (Tar::new().symlink("/a/b/c/../../../etc", "localetc"), "localetc/unbroken"),
    ] {
        let host = Host::new();
        let root = host.accepts(links.dir("etc", 0o755).file(file, "unbroken"));
        assert_eq!(content(&root, "etc/unbroken"), "unbroken");
        assert!(!root.join("a").exists(), "a directory was made that nobody named");
    }
}

#[test]
fn a_file_replaced_through_a_symlink_is_the_one_inside() {
    let host = Host::new();
    let tar = Tar::new().dir("etc", 0o755).file("etc/emptied", "notempty").symlink("/etc", "localetc").file("/localetc/emptied", "");
    assert_eq!(content(&host.accepts(tar), "etc/emptied"), "");
}

#[test]
fn hard_links_lead_inside() {
    let breakouts = || etc().dir("breakouts", 0o755).dir("downandout", 0o755);
    for (tar, link) in [
        (breakouts().symlink("../../etc", "breakouts/d1").link("/breakouts/d1/passwd", "breakouts/mine"), "breakouts/mine"),
        (breakouts().symlink("../downandout/../../etc", "breakouts/d1").link("/breakouts/d1/passwd", "breakouts/mine"), "breakouts/mine"),
        (etc().symlink("/etc", "localetc").link("/localetc/passwd", "mine"), "mine"),
        (etc().symlink("../../../../../../../etc", "localetc").link("/localetc/passwd", "mine"), "mine"),
        (etc().symlink("upandout/../../../etc", "localetc").link("/localetc/passwd", "mine"), "mine"),
        (etc().link("../../../../../etc/passwd", "mine"), "mine"),
        (etc().link("/etc/passwd", "mine"), "mine"),
        (etc().dir("localetc/", 0o770).link("/etc/passwd", "/localetc/mine"), "localetc/mine"),
    ] {
        let host = Host::new();
        let root = host.accepts(tar);
        same_file(&root, link, "etc/passwd");
        assert_eq!(content(&root, link), "inside");
    }
}

#[test]
fn names_that_amount_to_the_root_are_passed_over() {
    for tar in [etc().symlink("/etc/", ".."), etc().symlink("/etc/", ""), etc().file("/", "x"), etc().file("a/..", "x")] {
        let host = Host::new();
        let root = host.accepts(tar.link("/etc/passwd", "mine"));
        same_file(&root, "mine", "etc/passwd");
    }
    let host = Host::new();
    let root = host.accepts(etc().symlink("/etc/", "localetc/sub/..").link("/etc/passwd", "/localetc/mine"));
    same_file(&root, "etc/mine", "etc/passwd");
}

#[test]
fn names_with_dots_stay_inside() {
    let host = Host::new();
    let root = host.accepts(Tar::new().file("../../../etc/passwd", "a").file("/etc/./shadow", "b").file("x/../../../etc/group", "c"));
    assert_eq!(
        (content(&root, "etc/passwd"), content(&root, "etc/shadow"), content(&root, "etc/group")),
        ("a".into(), "b".into(), "c".into())
    );
}

#[test]
fn a_symlink_that_hides_a_lower_directory_is_followed_in_this_layer() {
    for target in ["/etc", "../../etc"] {
        let host = Host::new();
        let prepare = |lower: &Path| {
            fs::create_dir(lower.join("etc")).unwrap();
            fs::write(lower.join("etc/passwd"), "below").unwrap();
            fs::create_dir(lower.join("localetc")).unwrap();
        };
        let (root, unpacked) = host.over(prepare, Tar::new().symlink(target, "localetc").link("/etc/passwd", "/localetc/mine"));
        unpacked.unwrap();
        same_file(&root, "etc/mine", "etc/passwd");
        assert_eq!(content(&root, "etc/passwd"), "below");
    }
}

#[test]
fn a_directory_that_hides_a_lower_symlink_is_a_directory() {
    let prepare = |lower: &Path| {
        fs::create_dir(lower.join("etc")).unwrap();
        fs::write(lower.join("etc/passwd"), "below").unwrap();
        symlink("/etc", lower.join("localetc")).unwrap();
    };
    let host = Host::new();
    let (root, unpacked) = host.over(prepare, Tar::new().dir("/localetc/", 0o755).link("/etc/passwd", "/localetc/mine"));
    unpacked.unwrap();
    same_file(&root, "localetc/mine", "etc/passwd");
    assert!(fs::symlink_metadata(root.join("localetc")).unwrap().is_dir());

    let host = Host::new();
    let (root, unpacked) = host.over(prepare, Tar::new().dir("/localetc/", 0o755).file("/localetc/passwd", "different"));
    unpacked.unwrap();
    assert_eq!(content(&root, "localetc/passwd"), "different");
    assert!(!root.join("etc").exists());
}

#[test]
fn a_directory_replaces_a_symlink_instead_of_following_it() {
    let host = Host::new();
    let outside = host.scratch.join("host/etc");
    let root = host.accepts(Tar::new().symlink(outside.to_str().unwrap(), "d").dir("d", 0o777).file("d/passwd", "mine"));
    assert!(fs::symlink_metadata(root.join("d")).unwrap().is_dir());
    assert_eq!(content(&root, "d/passwd"), "mine");
}

#[test]
fn whiteouts_of_directories_themselves_are_refused() {
    for name in [".wh...", "etc/.wh...", ".wh..", "etc/.wh..", ".wh."] {
        let host = Host::new();
        assert_eq!(host.refuses(Tar::new().dir("etc", 0o755).file(name, "")).kind(), ErrorKind::Invalid, "{name}");
    }
}

#[test]
fn whiteouts_act_on_their_own_name_in_their_own_directory() {
    let prepare = |lower: &Path| {
        fs::create_dir(lower.join("etc")).unwrap();
        fs::write(lower.join("etc/passwd"), "all users").unwrap();
        symlink("/etc", lower.join("localetc")).unwrap();
    };
    let host = Host::new();
    let (root, unpacked) = host.over(prepare, Tar::new().file(".wh.localetc", ""));
    unpacked.unwrap();
    assert!(is_whiteout(&root.join("localetc")) && !root.join("etc").exists());

    let host = Host::new();
    let (root, unpacked) = host.over(prepare, Tar::new().file(".wh.etc/somefile", "non-empty"));
    unpacked.unwrap();
    assert_eq!(content(&root, ".wh.etc/somefile"), "non-empty");

    let host = Host::new();
    let (root, unpacked) = host.over(prepare, Tar::new().file("dne/../.wh.etc", ""));
    unpacked.unwrap();
    assert!(is_whiteout(&root.join("etc")));

    let host = Host::new();
    let root = host.accepts(Tar::new().symlink("/dne", "localetc").file("localetc/.wh.etc", ""));
    assert!(is_whiteout(&root.join("dne/etc")));

    let host = Host::new();
    let outside = host.scratch.join("host");
    host.accepts(Tar::new().symlink(outside.to_str().unwrap(), "out").file("out/.wh.etc", "").file("out/etc/.wh..wh..opq", ""));
}

#[test]
fn a_hard_link_to_a_symlink_is_the_symlink() {
    let host = Host::new();
    let root = host.accepts(etc().symlink("../../../../../etc/passwd", "passwdlink").link("/passwdlink", "mine"));
    same_file(&root, "mine", "passwdlink");
    assert!(fs::symlink_metadata(root.join("mine")).unwrap().is_symlink());

    let host = Host::new();
    let tar = Tar::new().dir("etc", 0o770).symlink("/etc/passwd", "local").link("local", "dup").file("/etc/passwd", "after");
    let root = host.accepts(tar);
    assert_eq!(fs::read_link(root.join("dup")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(content(&root, "etc/passwd"), "after");
}

/// CVE-2021-32760: mode and owner of a hard link's entry must not reach through a symlink.
#[test]
fn attributes_of_links_do_not_reach_their_targets() {
    let host = Host::new();
    let outside = host.scratch.join("host/etc/passwd");
    let link = Header { link: b"sketchy".to_vec(), mode: 0o777, uid: 99, ..Header::new("dup", b'1') };
    let tar = Tar::new().symlink(outside.to_str().unwrap(), "sketchy").header(&link).pax(&[("SCHILY.xattr.user.x", b"1"), ("mtime", b"5")]);
    host.accepts(tar.symlink(outside.to_str().unwrap(), "another"));
}

/// node-tar's CVE-2026-23745, 24842 and 26960: a hard link through a chain of symlinks, then written to.
#[test]
fn writing_to_a_hard_link_does_not_reach_its_target_outside() {
    let host = Host::new();
    let outside = host.scratch.join("host");
    let chain = Tar::new().symlink(outside.to_str().unwrap(), "a").symlink("a/etc", "b").symlink("b", "c");
    assert_eq!(host.refuses(chain.clone().link("c/passwd", "mine").file("mine", "overwritten")).kind(), ErrorKind::Invalid);
    let host = Host::new();
    host.accepts(chain.file("c/passwd", "overwritten"));
}

#[test]
fn a_file_does_not_write_through_a_symlink_or_a_hard_link_of_its_name() {
    let host = Host::new();
    let outside = host.scratch.join("host/etc/passwd");
    let root = host.accepts(Tar::new().symlink(outside.to_str().unwrap(), "x").file("x", "mine"));
    assert_eq!(content(&root, "x"), "mine");
    assert!(fs::symlink_metadata(root.join("x")).unwrap().is_file());

    let host = Host::new();
    let root = host.accepts(Tar::new().file("a", "first").link("a", "b").file("b", "second"));
    assert_eq!((content(&root, "a"), content(&root, "b")), ("first".into(), "second".into()));
}

#[test]
fn links_in_circles_end() {
    let host = Host::new();
    assert_eq!(host.refuses(Tar::new().symlink("b", "a").symlink("a", "b").file("a/x", "")).kind(), ErrorKind::Invalid);
}

#[test]
fn depth_is_limited_even_by_way_of_symlinks() {
    let host = Host::new();
    let deep = "d/".repeat(200);
    let tar = Tar::new().pax(&[("path", deep.as_bytes())]).dir("x", 0o755).pax(&[("linkpath", deep.as_bytes())]).symlink("x", "down");
    let below = format!("down/{}", "e/".repeat(100));
    let error = host.refuses(tar.pax(&[("path", below.as_bytes())]).dir("x", 0o755));
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    let host = Host::new();
    let long = vec![b'n'; 300];
    assert_eq!(host.refuses(Tar::new().pax(&[("path", &long)]).file("x", "")).kind(), ErrorKind::Invalid);
    let host = Host::new();
    let long = [b"n".repeat(200), b"/".to_vec()].concat().repeat(30);
    assert_eq!(host.refuses(Tar::new().pax(&[("path", &long)]).dir("x", 0o755)).kind(), ErrorKind::Invalid);
}

#[test]
fn what_steers_overlayfs_is_refused() {
    for records in [
        [("SCHILY.xattr.trusted.overlay.opaque", &b"y"[..])],
        [("SCHILY.xattr.trusted.overlay.redirect", b"/etc")],
        [("SCHILY.xattr.user.overlay.opaque", b"y")],
    ] {
        for file in [Header::new("d", b'5'), Header::new("f", b'0'), Header { link: b"t".to_vec(), ..Header::new("l", b'2') }] {
            let host = Host::new();
            assert_eq!(host.refuses(Tar::new().pax(&records).header(&file)).kind(), ErrorKind::Invalid);
        }
    }
    for flag in [b'3', b'4'] {
        let host = Host::new();
        assert_eq!(host.refuses(Tar::new().header(&Header::new("etc", flag))).kind(), ErrorKind::Invalid);
    }
}

#[test]
fn owners_that_mean_unchanged_are_refused() {
    let host = Host::new();
    assert_eq!(host.refuses(Tar::new().pax(&[("uid", b"4294967295")]).file("f", "")).kind(), ErrorKind::Invalid);
    let host = Host::new();
    assert_eq!(host.refuses(Tar::new().pax(&[("gid", b"4294967296")]).file("f", "")).kind(), ErrorKind::Invalid);
}

/// CVE-2025-62518: were the header's size believed, the content would be read as further entries.
#[test]
fn a_pax_size_decides_where_the_next_entry_is() {
    let host = Host::new();
    let hidden = Tar::new().file("smuggled", "x").open_end();
    let size = hidden.len().to_string();
    let root =
        host.accepts(Tar::new().pax(&[("size", size.as_bytes())]).header(&Header::new("outer", b'0')).raw(&hidden).file("after", "y"));
    assert_eq!(fs::read(root.join("outer")).unwrap(), hidden);
    assert!(!root.join("smuggled").exists());
    assert_eq!(content(&root, "after"), "y");
}

#[test]
fn a_bomb_stops_at_the_limits() {
    let scratch = Scratch::new();
    let target = scratch.join("target");
    let limits = |max_bytes, max_entries| layers::UnpackOptions { max_bytes, max_entries, ..options() };
    let zeros = layers_gzip(&Tar::new().file("zeros", vec![0; 8 << 20]).end());
    assert!(zeros.len() < 64 << 10);
    let error = layers::unpack(&zeros[..], &target, &limits(1 << 20, 10), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let many = (0..20).fold(Tar::new(), |tar, at| tar.file(format!("f{at}"), "")).end();
    assert_eq!(layers::unpack(&many[..], &target, &limits(1 << 20, 10), &[]).unwrap_err().kind(), ErrorKind::TooLarge);
    let parents = Tar::new().file("a/b/c/d/e/f/g/h/i/j/k", "").end();
    assert_eq!(layers::unpack(&parents[..], &target, &limits(1 << 20, 10), &[]).unwrap_err().kind(), ErrorKind::TooLarge);
    let map = format!("{},1", (1u64 << 50) - 1);
    let size = (1u64 << 50).to_string();
    let sparse = [("GNU.sparse.map", map.as_bytes()), ("GNU.sparse.size", size.as_bytes()), ("GNU.sparse.numblocks", b"1")];
    let sparse = Tar::new().pax(&sparse).file("sparse", "x").end();
    assert_eq!(layers::unpack(&sparse[..], &target, &limits(1 << 20, 10), &[]).unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(!target.exists());
}

fn layers_gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write_options() -> WriteOptions {
    WriteOptions { keeps_kinds: false, owner: None, max_bytes: 1 << 30, max_entries: 1000 }
}

/// CVE-2018-15664 and `docker cp` in general: links in the container lead inside it.
#[test]
fn copying_stays_inside_the_root() {
    let host = Host::new();
    let root = host.target();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "the container's").unwrap();
    let outside = host.scratch.join("host/etc");
    symlink(&outside, root.join("absolute")).unwrap();
    symlink("../../etc", root.join("relative")).unwrap();
    symlink("/etc/passwd", root.join("file")).unwrap();
    let open = Root::open(&root).unwrap();

    let stat = open.stat(Path::new("relative/passwd")).unwrap();
    assert_eq!(stat.size, "the container's".len() as u64);
    assert_eq!(open.stat(Path::new("/absolute/passwd")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(open.stat(Path::new("/../../etc/passwd")).unwrap().size, "the container's".len() as u64);
    assert_eq!(open.stat(Path::new("/relative")).unwrap().link_target, "/etc");
    assert_eq!(open.stat(Path::new("/absolute")).unwrap().link_target, outside.as_os_str());

    let tar = Tar::new().file("new", "1").symlink(outside.to_str().unwrap(), "out").file("out/passwd", "2").file("../up", "3").end();
    open.write_archive(Path::new("/relative"), &tar[..], &write_options()).unwrap();
    host.assert_unharmed();
    assert_eq!(content(&root, "etc/new"), "1");
    assert_eq!(content(&root, "etc/up"), "3");
    let inside = root.join(outside.strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(inside.join("passwd")).unwrap(), "2");

    let replaced = Tar::new().file("file", "4").end();
    open.write_archive(Path::new("/"), &replaced[..], &write_options()).unwrap();
    assert_eq!(content(&root, "etc/passwd"), "the container's");
    assert_eq!(content(&root, "file"), "4");
}

/// Somebody in the container swaps a directory for a link as fast as possible while files are copied into it and out of it.
#[test]
fn a_raced_symlink_is_harmless() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let host = Host::new();
    let root = host.target();
    fs::create_dir_all(root.join("dir/sub")).unwrap();
    fs::write(root.join("dir/sub/passwd"), "the container's").unwrap();
    let outside = host.scratch.join("host/etc");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            symlink(&outside, root.join("dir/link")).unwrap();
            while !stop.load(Ordering::Relaxed) {
                let (sub, link) = (root.join("dir/sub"), root.join("dir/link"));
                let swapped = rustix::fs::renameat_with(rustix::fs::CWD, &sub, rustix::fs::CWD, &link, rustix::fs::RenameFlags::EXCHANGE);
                // A directory that is copied in replaces what is at its place: for a moment there is nothing, and the link may be what went.
                if let Err(error) = swapped {
                    assert_eq!(error, rustix::io::Errno::NOENT);
                    let _ = symlink(&outside, link);
                }
            }
        });
        let open = Root::open(&root).unwrap();
        let tar = Tar::new().file("sub/passwd", "raced").dir("sub", 0o755).file("sub/shadow", "raced").end();
        for _ in 0..300 {
            // Either may fail while the ground moves; neither may touch the host or show its files.
            let _ = open.write_archive(Path::new("/dir"), &tar[..], &write_options());
            let mut archive = Vec::new();
            if let Ok(source) = open.source(Path::new("/dir/sub/")) {
                let _ = source.write_to(&mut archive);
            }
            assert!(!archive.windows(10).any(|window| window == b"the host's"), "the host's file was read");
            fs::create_dir_all(root.join("dir/sub")).unwrap_or_default();
        }
        stop.store(true, Ordering::Relaxed);
    });
    host.assert_unharmed();
}

#[test]
fn a_magic_link_is_text() {
    let root = Root::open(Path::new("/")).unwrap();
    let through = format!("/proc/{}/root/etc", std::process::id());
    assert_eq!(root.stat(Path::new(&through)).unwrap().name, "etc");
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("etc")).unwrap();
    symlink("/proc/self/root/etc", scratch.join("link")).unwrap();
    let open = Root::open(scratch.path()).unwrap();
    assert_eq!(open.stat(Path::new("/link/")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn kinds_are_kept_when_asked() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("dir")).unwrap();
    fs::write(scratch.join("file"), "").unwrap();
    let open = Root::open(scratch.path()).unwrap();
    let keep = WriteOptions { keeps_kinds: true, ..write_options() };
    let over_dir = open.write_archive(Path::new("/"), &Tar::new().file("dir", "x").end()[..], &keep).unwrap_err();
    assert_eq!(over_dir.to_string(), "cannot overwrite directory dir with a file");
    let over_file = open.write_archive(Path::new("/"), &Tar::new().dir("file", 0o755).end()[..], &keep).unwrap_err();
    assert_eq!(over_file.kind(), ErrorKind::Exists);
    open.write_archive(Path::new("/"), &Tar::new().file("dir", "x").end()[..], &write_options()).unwrap();
    assert_eq!(content(scratch.path(), "dir"), "x");
    assert_eq!(open.write_archive(Path::new("/file"), &Tar::new().end()[..], &keep).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(open.write_archive(Path::new("/none"), &Tar::new().end()[..], &keep).unwrap_err().kind(), ErrorKind::NotFound);
}
