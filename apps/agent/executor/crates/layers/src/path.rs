//! Names as archives write them. A path is bytes, components joined by single slashes, without one in front; "" is the root.

use std::collections::VecDeque;

/// Linux's PATH_MAX, without the NUL.
pub(crate) const MAX_LENGTH: usize = 4095;

/// Resolves `.`, `..` and empty components as text; `..` at the root stays there. This is how container engines read entry names; it
/// makes nothing safe by itself, since a component may be a symbolic link.
pub(crate) fn clean(name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(name.len());
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            _ => push(&mut path, component),
        }
    }
    path
}

pub(crate) fn push(path: &mut Vec<u8>, component: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(component);
}

pub(crate) fn join(path: &[u8], component: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(path.len() + component.len() + 1);
    joined.extend_from_slice(path);
    push(&mut joined, component);
    joined
}

/// The parent and the last component.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// Components still to walk, `.` and empty ones dropped. Unlike `clean` it keeps `..`, which means the parent of wherever a link led.
pub(crate) fn components(path: &[u8]) -> VecDeque<Vec<u8>> {
    path.split(|&byte| byte == b'/').filter(|component| !matches!(*component, b"" | b".")).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_names_without_leaving_the_root() {
        for (name, expected) in [
            (&b"./a//b/"[..], &b"a/b"[..]),
            (b"/etc/passwd", b"etc/passwd"),
            (b"../../etc", b"etc"),
            (b"a/../../b/./c", b"b/c"),
            (b"..", b""),
            (b"", b""),
            (b"a/b/..", b"a"),
            (b"\xff/..x", b"\xff/..x"),
        ] {
            assert_eq!(clean(name), expected, "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn splits_off_the_last_component() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
    }
}
