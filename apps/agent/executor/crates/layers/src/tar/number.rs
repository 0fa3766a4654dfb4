//! Numbers in headers: octal text, or GNU's base 256 when the first bit is set; and decimal text in pax records.

use super::Timestamp;

type Parsed<T> = Result<T, &'static str>;

/// A numeric header field. Negative numbers exist only in base 256.
pub(super) fn field(bytes: &[u8]) -> Parsed<i64> {
    if bytes[0] & 0x80 != 0 { binary(bytes) } else { octal(bytes) }
}

fn binary(bytes: &[u8]) -> Parsed<i64> {
    let negative = bytes[0] & 0x40 != 0;
    let (head, tail) = bytes.split_at(bytes.len().saturating_sub(8));
    let filler = if negative { 0xff } else { 0 };
    let sign_extended = head.iter().enumerate().all(|(at, &byte)| byte == if at == 0 && !negative { 0x80 } else { filler });
    let mut value = [filler; 8];
    value[8 - tail.len()..].copy_from_slice(tail);
    if head.is_empty() && !negative {
        value[8 - tail.len()] &= 0x7f;
    }
    let value = i64::from_be_bytes(value);
    if !sign_extended || (value < 0) != negative { Err("a binary number does not fit 64 bits") } else { Ok(value) }
}

fn octal(bytes: &[u8]) -> Parsed<i64> {
    let filler = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = bytes.iter().position(|byte| !filler(byte)).unwrap_or(bytes.len());
    let length = bytes[start..].iter().position(filler).unwrap_or(bytes.len() - start);
    let (digits, rest) = bytes[start..].split_at(length);
    if !rest.iter().all(filler) {
        return Err("a number has text after it");
    }
    digits.iter().try_fold(0i64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8).and_then(|value| value.checked_add(i64::from(digit - b'0'))).ok_or("a number is too large"),
        _ => Err("a number is not octal"),
    })
}

/// Digits only: no sign, no space, no empty text.
pub(super) fn decimal(text: &[u8]) -> Parsed<u64> {
    if text.is_empty() || text.len() > 20 || !text.iter().all(u8::is_ascii_digit) {
        return Err("a number is not decimal");
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or("a number is too large")
}

/// `[-]seconds[.fraction]`; digits beyond nanoseconds are cut off.
pub(super) fn time(text: &[u8]) -> Parsed<Timestamp> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |text| (true, text));
    let dot = text.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = dot.map_or((text, &b""[..]), |dot| (&text[..dot], &text[dot + 1..]));
    let seconds = i64::try_from(decimal(whole)?).map_err(|_| "a time is out of range")?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err("a time is not decimal");
    }
    let nanoseconds = (0..9).fold(0u32, |value, at| value * 10 + fraction.get(at).map_or(0, |digit| u32::from(digit - b'0')));
    Ok(match (negative, nanoseconds) {
        (false, _) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        (true, _) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_octal_as_old_and_new_programs_write_it() {
        assert_eq!(field(b"0000644\0"), Ok(0o644));
        assert_eq!(field(b"   644 \0"), Ok(0o644));
        assert_eq!(field(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(field(b"77777777777\0"), Ok(0o77_777_777_777));
        assert!(field(b"12x4567\0").is_err());
        assert!(field(b"00 64 4\0").is_err());
        assert!(field(b"-000644\0").is_err());
    }

    #[test]
    fn reads_base_256_of_both_signs_and_refuses_overflow() {
        assert_eq!(field(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe]), Ok(4_294_967_294));
        assert_eq!(field(&[0xff; 8]), Ok(-1));
        assert_eq!(field(&[0xff; 12]), Ok(-1));
        assert_eq!(field(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Ok(2 << 32));
        assert!(field(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(field(&[0x80, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn reads_pax_times() {
        assert_eq!(time(b"1700000000"), Ok(Timestamp { seconds: 1_700_000_000, nanoseconds: 0 }));
        assert_eq!(time(b"1.5"), Ok(Timestamp { seconds: 1, nanoseconds: 500_000_000 }));
        assert_eq!(time(b"1.0000000019"), Ok(Timestamp { seconds: 1, nanoseconds: 1 }));
        assert_eq!(time(b"-1.25"), Ok(Timestamp { seconds: -2, nanoseconds: 750_000_000 }));
        for bad in [&b""[..], b"-", b".5", b"1.x", b"+1", b"1e3", b"99999999999999999999"] {
            assert!(time(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
