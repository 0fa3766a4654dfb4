//! Text as the content of a JSON string.

/// Looked at together, which compilers turn into vector instructions.
const BLOCK_BYTES: usize = 32;

/// The byte stands for itself in JSON and in UTF-8. No branches: it is asked for whole blocks.
fn is_plain(byte: u8) -> bool {
    (b' '..0x80).contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Where the first byte is that is not wanted.
fn find_other(text: &[u8], is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK_BYTES>() {
        if !block.iter().fold(true, |all, byte| all & is_wanted(*byte)) {
            break;
        }
        rest = after;
    }
    rest.iter().position(|byte| !is_wanted(*byte)).map(|at| text.len() - rest.len() + at)
}

/// Bytes that are not UTF-8 become U+FFFD.
pub fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let (line, end) = match text {
        [line @ .., b'\n'] => (line, &b"\\n"[..]),
        line => (line, &b""[..]),
    };
    match find_other(line, is_plain) {
        None => out.extend_from_slice(line),
        Some(_) => escape_any(out, line),
    }
    out.extend_from_slice(end);
}

fn escape_any(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        escape_valid(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escape_valid(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    while let Some(at) = find_other(rest, |byte| is_plain(byte) | (byte >= 0x80)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a JSON parser makes of it.
    fn parsed(text: &[u8]) -> String {
        let mut json = vec![b'"'];
        escape(&mut json, text);
        json.push(b'"');
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn every_byte_at_every_place_is_what_it_was() {
        for byte in 0..=255u8 {
            for length in [1, 2, 31, 32, 33, 63, 64, 65, 97] {
                for at in 0..length {
                    for filler in ["a", "\u{7f}", "é", "\n", "\""] {
                        let mut text = filler.repeat(length).into_bytes();
                        text[at * filler.len()..].iter_mut().take(1).for_each(|place| *place = byte);
                        assert_eq!(parsed(&text), String::from_utf8_lossy(&text), "{byte} at {at} of {length} {filler:?}");
                    }
                }
            }
        }
        assert_eq!(parsed(b"\n"), "\n");
        assert_eq!(parsed(b""), "");
    }
}
