//! Extended headers: records of `length key=value\n`, the length counting itself.

use super::{Segment, Timestamp, Xattr, number, sparse};
use std::collections::HashSet;

const XATTR: &[u8] = b"SCHILY.xattr.";
/// Linux's limits for one attribute.
const XATTR_NAME_MAX: usize = 255;
const XATTR_VALUE_MAX: usize = 65536;

#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<Timestamp>,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) sparse: PaxSparse,
}

/// GNU's keys for sparse files; versions 0.0 and 0.1 put the map here, 1.0 puts it before the content.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    /// GNU.sparse.size of 0.x, GNU.sparse.realsize of 1.0.
    pub(super) size: Option<u64>,
    pub(super) blocks: Option<u64>,
    pub(super) map: Option<Vec<Segment>>,
    offset: Option<u64>,
}

/// Splits `bytes` into records and hands each key and value to `take`.
fn records<'a>(bytes: &'a [u8], mut take: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), &'static str>) -> Result<(), &'static str> {
    const MALFORMED: &str = "a pax record is malformed";
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().take(20).position(|&byte| byte == b' ').ok_or(MALFORMED)?;
        if rest[0] == b'0' {
            return Err(MALFORMED);
        }
        let length = usize::try_from(number::decimal(&rest[..space])?).map_err(|_| MALFORMED)?;
        let record = rest.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or(MALFORMED)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(MALFORMED)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if key.is_empty() || key.contains(&0) {
            return Err(MALFORMED);
        }
        take(key, value)?;
        rest = &rest[length..];
    }
    Ok(())
}

fn without_nul(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    if value.contains(&0) { Err("a pax path contains a NUL") } else { Ok(value.to_vec()) }
}

impl Pax {
    /// The records of one entry. An empty value takes a record back, so it counts as absent.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        let mut seen = HashSet::new();
        records(bytes, |key, value| {
            let may_repeat = key == b"GNU.sparse.offset" || key == b"GNU.sparse.numbytes";
            if !may_repeat && !seen.insert(key) {
                return Err("a pax key appears twice");
            }
            if let Some(name) = key.strip_prefix(XATTR) {
                return pax.take_xattr(name, value);
            }
            if value.is_empty() { Ok(()) } else { pax.take(key, value) }
        })?;
        if pax.sparse.offset.is_some() {
            return Err("a sparse map ends inside a segment");
        }
        Ok(pax)
    }

    fn take_xattr(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if name.is_empty() || name.len() > XATTR_NAME_MAX || value.len() > XATTR_VALUE_MAX {
            return Err("an extended attribute is too long or has no name");
        }
        self.xattrs.push(Xattr { name: name.to_vec(), value: value.to_vec() });
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match key {
            b"path" => self.path = Some(without_nul(value)?),
            b"linkpath" => self.link = Some(without_nul(value)?),
            b"size" => self.size = Some(number::decimal(value)?),
            b"uid" => self.uid = Some(number::decimal(value)?),
            b"gid" => self.gid = Some(number::decimal(value)?),
            b"mtime" => self.modified = Some(number::time(value)?),
            b"GNU.sparse.major" => self.sparse.major = Some(number::decimal(value)?),
            b"GNU.sparse.minor" => self.sparse.minor = Some(number::decimal(value)?),
            b"GNU.sparse.name" => self.sparse.name = Some(without_nul(value)?),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size = Some(number::decimal(value)?),
            b"GNU.sparse.numblocks" => self.sparse.blocks = Some(number::decimal(value)?),
            b"GNU.sparse.map" => self.sparse.map = Some(sparse::comma_separated(value)?),
            b"GNU.sparse.offset" => match self.sparse.offset.replace(number::decimal(value)?) {
                None => {}
                Some(_) => return Err("a sparse map has an offset without a length"),
            },
            b"GNU.sparse.numbytes" => {
                let offset = self.sparse.offset.take().ok_or("a sparse map has a length without an offset")?;
                let map = self.sparse.map.get_or_insert_default();
                map.push(Segment { offset, length: number::decimal(value)? });
            }
            _ => {}
        }
        Ok(())
    }

    /// Global records are not applied, as Go's reader and so every container engine does; those on whose meaning programs could
    /// disagree about names or positions are refused.
    pub(super) fn check_global(bytes: &[u8]) -> Result<(), &'static str> {
        records(bytes, |key, _| match key {
            b"path" | b"linkpath" | b"size" => Err("a global pax header names a path or a size"),
            _ if key.starts_with(b"GNU.sparse.") || key.starts_with(XATTR) => Err("a global pax header describes content"),
            _ => Ok(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_values_as_bytes() {
        let pax = Pax::parse(b"37 SCHILY.xattr.security.capability=\xff\xfe\n12 path=a\xff\n").unwrap_err();
        assert_eq!(pax, "a pax record is malformed");
        let pax = Pax::parse(b"39 SCHILY.xattr.security.capability=\xff\xfe\n11 path=a\xff\n").unwrap();
        assert_eq!(pax.xattrs, [Xattr { name: b"security.capability".to_vec(), value: vec![0xff, 0xfe] }]);
        assert_eq!(pax.path.as_deref(), Some(&b"a\xff"[..]));
    }

    #[test]
    fn refuses_what_readers_disagree_about() {
        for (bytes, problem) in [
            (&b"9 size=1\n9 size=2\n"[..], "a pax key appears twice"),
            (b"9 size=1x", "a pax record is malformed"),
            (b"09 size=1\n", "a pax record is malformed"),
            (b"99 size=1\n", "a pax record is malformed"),
            (b"7 size\n", "a pax record is malformed"),
            (b"5 =1\n", "a pax record is malformed"),
            (b" size=1\n", "a number is not decimal"),
            (b"11 size=-1\n", "a number is not decimal"),
            (b"29 size=99999999999999999999\n", "a number is too large"),
            (b"11 path=a\0\n", "a pax path contains a NUL"),
            (b"12 mtime=1x\n", "a number is not decimal"),
            (b"23 GNU.sparse.offset=1\n", "a sparse map ends inside a segment"),
            (b"25 GNU.sparse.numbytes=1\n", "a sparse map has a length without an offset"),
        ] {
            assert_eq!(Pax::parse(bytes).map(|_| "accepted").unwrap_err(), problem, "{}", String::from_utf8_lossy(bytes));
        }
        assert!(Pax::check_global(b"9 size=1\n").is_err());
        assert!(Pax::check_global(b"18 comment=gitsha\n").is_ok());
    }

    #[test]
    fn an_empty_value_is_absent() {
        let pax = Pax::parse(b"8 path=\n").unwrap();
        assert_eq!(pax.path, None);
    }
}
