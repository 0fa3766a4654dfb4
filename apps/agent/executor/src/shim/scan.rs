//! Looking through log lines eight bytes at a time (after "Bit Twiddling Hacks", S. E. Anderson).

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Non-zero if some byte of `word` is zero.
fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Non-zero if some byte of `word` is below `limit`, which is at most 128.
fn byte_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Where the first byte is that `is_wanted`, given a test that is never zero for a word with such a byte in it.
fn find(text: &[u8], may_contain: impl Fn(u64) -> u64, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        if may_contain(u64::from_ne_bytes(*word)) != 0 {
            if let Some(at) = word.iter().position(|byte| is_wanted(*byte)) {
                return Some(text.len() - rest.len() + at);
            }
        }
        rest = after;
    }
    rest.iter().position(|byte| is_wanted(*byte)).map(|at| text.len() - rest.len() + at)
}

pub fn find_newline(text: &[u8]) -> Option<usize> {
    find(text, |word| zero_byte(word ^ (ONES * u64::from(b'\n'))), |byte| byte == b'\n')
}

/// The first byte that a JSON string cannot hold as it is.
pub fn find_special(text: &[u8]) -> Option<usize> {
    let quote = |word| zero_byte(word ^ (ONES * u64::from(b'"')));
    let backslash = |word| zero_byte(word ^ (ONES * u64::from(b'\\')));
    find(text, |word| byte_below(word, b' ') | quote(word) | backslash(word), |byte| byte < b' ' || byte == b'"' || byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_byte_at_every_place_and_nothing_else() {
        for byte in 0..=255u8 {
            for length in 1..20 {
                for at in 0..length {
                    for filler in [b'a', 0x7f, 0x80, 0xff] {
                        let mut text = vec![filler; length];
                        text[at] = byte;
                        let newline = (byte == b'\n').then_some(at);
                        let special = (byte < b' ' || byte == b'"' || byte == b'\\').then_some(at);
                        assert_eq!((find_newline(&text), find_special(&text)), (newline, special), "{byte} at {at} of {length}");
                    }
                }
            }
        }
        assert_eq!(find_newline(b"0123456789\n\n"), Some(10));
        assert_eq!(find_special(&[0xc3, 0xa9, b'"', 0, 1, 2, 3, 4, 5]), Some(2));
    }
}
