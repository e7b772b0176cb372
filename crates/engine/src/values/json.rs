//! JSON texts: unwrapping one value, and writing one string.

use std::borrow::Cow;

/// The text form of one JSON value: a string without its quotes and escapes,
/// anything else as it is written.
pub(crate) fn text_form(raw: &str) -> Cow<'_, str> {
    let raw = raw.trim();
    if !raw.starts_with('"') {
        return Cow::Borrowed(raw);
    }
    let inner = &raw[1..raw.len().saturating_sub(1).max(1)];
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    // A text that is no JSON after all is told as it is.
    serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// Writes one JSON value on one line: a vendor may have spread it over
/// several, and line breaks inside JSON can only stand between its tokens.
pub(crate) fn write_raw(out: &mut Vec<u8>, raw: &str) {
    if memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_none() {
        out.extend(raw.as_bytes());
    } else {
        out.extend(raw.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    }
}

/// Writes a text as a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        out.extend(&rest[..at]);
        let byte = rest[at];
        let short = match byte {
            b'"' | b'\\' => Some(byte),
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            _ => None,
        };
        match short {
            Some(letter) => out.extend([b'\\', letter]),
            None => {
                out.extend(b"\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend(rest);
    out.push(b'"');
}

/// Whether a text is a JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else { return false };
    (first.is_ascii_digit() || *first == b'-') && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_lose_their_quotes_and_nothing_else_changes() {
        let cases = [
            (r#""a""#, "a"),
            (r#""a\"bé\n""#, "a\"bé\n"),
            ("12345678901234567890.10", "12345678901234567890.10"),
            ("true", "true"),
            (r#"{"a": [1, "x"]}"#, r#"{"a": [1, "x"]}"#),
            ("\"\"", ""),
            ("\"", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(text_form(raw), expected);
        }
    }

    #[test]
    fn every_character_of_a_string_survives() {
        let text: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}𝄞".chars()).collect();
        let mut out = Vec::new();
        write_string(&mut out, text.as_bytes());
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn raw_values_stay_on_one_line() {
        let mut out = Vec::new();
        write_raw(&mut out, "{\n  \"a\": \"b\\n\"\r\n}");
        assert_eq!(out, br#"{  "a": "b\n"}"#);
    }
}
