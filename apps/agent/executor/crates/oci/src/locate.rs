//! Naming the field at which parsing stopped. Only an error costs anything: the text is walked again up to that point, which keeps the
//! parser itself (and every process that maps it) half the size it would have with a path tracked along the way.

/// One level of nesting: the key or index the walk is at.
enum Level {
    Object(String),
    Array(usize),
}

/// The path (`process.args[1]`) of the value that `offset` is in or just behind; `.` at the top.
pub(crate) fn field_at(json: &[u8], offset: usize) -> String {
    let text = &json[..offset.min(json.len())];
    let mut levels: Vec<Level> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let end = string_end(text, at + 1);
                let rest = &json[(end + 1).min(json.len())..];
                let is_key = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if let (true, Some(Level::Object(key))) = (is_key, levels.last_mut()) {
                    *key = String::from_utf8_lossy(&text[at + 1..end]).into_owned();
                }
                at = end;
            }
            b'{' => levels.push(Level::Object(String::new())),
            b'[' => levels.push(Level::Array(0)),
            b'}' | b']' => drop(levels.pop()),
            b',' => {
                if let Some(Level::Array(index)) = levels.last_mut() {
                    *index += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for level in &levels {
        match level {
            Level::Object(key) if key.is_empty() => {}
            Level::Object(key) if path.is_empty() => path.push_str(key),
            Level::Object(key) => path.push_str(&format!(".{key}")),
            Level::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    if path.is_empty() { ".".into() } else { path }
}

/// Index of the closing quote, or of the end.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// serde_json counts lines from 1, and columns from 1 in bytes.
pub(crate) fn offset_of(json: &[u8], line: usize, column: usize) -> usize {
    let start = json.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum::<usize>();
    start + column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_value_at_an_offset() {
        let json = br#"{"a": {"b\"{": [1, {"c": "x,]"}, 22]}, "d": 3}"#;
        let path = |needle: &str| {
            let text = std::str::from_utf8(json).unwrap();
            field_at(json, text.find(needle).unwrap() + needle.len())
        };
        assert_eq!(path("x,]"), r#"a.b\"{[1].c"#);
        assert_eq!(path("22"), r#"a.b\"{[2]"#);
        assert_eq!(path(": 3"), "d");
        assert_eq!(field_at(json, 0), ".");
    }

    #[test]
    fn counts_lines() {
        assert_eq!(offset_of(b"ab\ncd\nef", 1, 1), 1);
        assert_eq!(offset_of(b"ab\ncd\nef", 3, 2), 8);
    }
}
