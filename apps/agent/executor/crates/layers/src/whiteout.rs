//! Names by which a layer's tar says that something below it is gone (OCI image-spec layer.md; the names are AUFS's).

use crate::path;

pub(crate) const PREFIX: &[u8] = b".wh.";
/// In a directory: nothing of the layers below shows through.
pub(crate) const OPAQUE: &[u8] = b".wh..wh..opq";
/// AUFS's own files, which old engines left in layers.
const RESERVED: &[u8] = b".wh..wh.";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker<'a> {
    None,
    Whiteout { directory: &'a [u8], name: &'a [u8] },
    Opaque { directory: &'a [u8] },
    Ignored,
}

impl<'a> Marker<'a> {
    /// What a cleaned path means.
    pub(crate) fn of(path: &'a [u8]) -> Result<Self, &'static str> {
        let (directory, name) = path::split(path);
        if name == OPAQUE {
            return Ok(Self::Opaque { directory });
        }
        if path.split(|&byte| byte == b'/').any(|component| component.starts_with(RESERVED)) {
            return Ok(Self::Ignored);
        }
        match name.strip_prefix(PREFIX) {
            None => Ok(Self::None),
            Some(b"" | b"." | b"..") => Err("a whiteout names no file"),
            Some(name) => Ok(Self::Whiteout { directory, name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_markers_from_names() {
        assert_eq!(Marker::of(b"a/.wh.b"), Ok(Marker::Whiteout { directory: b"a", name: b"b" }));
        assert_eq!(Marker::of(b".wh.b"), Ok(Marker::Whiteout { directory: b"", name: b"b" }));
        assert_eq!(Marker::of(b"a/.wh..wh..opq"), Ok(Marker::Opaque { directory: b"a" }));
        assert_eq!(Marker::of(b".wh..wh.plnk/123.456"), Ok(Marker::Ignored));
        assert_eq!(Marker::of(b".wh.etc/file"), Ok(Marker::None));
        assert_eq!(Marker::of(b"a.wh.b"), Ok(Marker::None));
        for bad in [&b".wh."[..], b".wh..", b"a/.wh..."] {
            assert!(Marker::of(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
