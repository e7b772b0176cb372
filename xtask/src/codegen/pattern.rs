//! The model's Java patterns in the syntax of Rust's `regex` crate.
//!
//! Java's `\w`, `\d`, `\s` are ASCII, its `.` stops at five line ends, it writes code points as `\uXXXX` (pairs of them
//! beyond the first plane) and knows look-ahead, which `regex` does not.

/// A pattern ready for the validation tables.
#[derive(Debug, PartialEq, Eq)]
pub struct Translated {
    /// The expression for `regex`, anchored at both ends.
    pub rust: String,
    /// A prefix the value must not have, from a leading negative look-ahead.
    pub forbidden_prefix: String,
}

/// Translates one pattern, or says what it cannot.
pub fn translate(java: &str) -> Result<Translated, String> {
    let (forbidden_prefix, java) = split_lookahead(java)?;
    let mut input = Input { rest: &java };
    let mut body = String::new();
    let mut in_class = false;
    while let Some(c) = input.next() {
        match c {
            '\\' => body.push_str(&escape(&mut input, in_class)?),
            '[' if in_class => body.push_str("\\["),
            '[' => {
                in_class = true;
                body.push('[');
                if input.take("^") {
                    body.push('^');
                }
            }
            ']' if in_class => {
                in_class = false;
                body.push(']');
            }
            '.' if !in_class => body.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            '(' if input.rest.starts_with("?!")
                || input.rest.starts_with("?=")
                || input.rest.starts_with("?<") =>
            {
                return Err(format!("look-around inside a pattern is not supported: {java}"));
            }
            // `regex` reads doubled signs in a class as set operations; the second is escaped to stay a sign.
            '&' | '~' if in_class && body.ends_with(c) => body.extend(['\\', c]),
            c => body.push(c),
        }
    }
    Ok(Translated { rust: format!(r"\A(?:{body})\z"), forbidden_prefix })
}

/// Takes `^(?!literal)` off the front.
fn split_lookahead(java: &str) -> Result<(String, String), String> {
    let Some(rest) = java.strip_prefix("^(?!") else {
        return Ok((String::new(), java.to_owned()));
    };
    let (literal, rest) = rest.split_once(')').ok_or_else(|| format!("unclosed look-ahead: {java}"))?;
    if !literal.chars().all(|c| c.is_ascii_alphanumeric() || c == ':') {
        return Err(format!("only a literal can be looked ahead for: {java}"));
    }
    Ok((literal.to_owned(), rest.to_owned()))
}

fn escape(input: &mut Input<'_>, in_class: bool) -> Result<String, String> {
    let set = |inside: &str| {
        if in_class { inside.to_owned() } else { format!("[{inside}]") }
    };
    let c = input.next().ok_or("a pattern ends in a backslash")?;
    match c {
        'w' => Ok(set("0-9A-Za-z_")),
        'd' => Ok(set("0-9")),
        's' => Ok(set(r" \t\n\x0B\f\r")),
        'S' if !in_class => Ok(r"[^ \t\n\x0B\f\r]".to_owned()),
        'u' => {
            let high = input.hex4()?;
            let point = if (0xD800..0xDC00).contains(&high) && input.take("\\u") {
                0x1_0000 + ((high - 0xD800) << 10) + (input.hex4()? - 0xDC00)
            } else {
                high
            };
            Ok(format!("\\x{{{point:X}}}"))
        }
        'p' | 't' | 'n' | 'r' => Ok(format!("\\{c}")),
        c if c.is_ascii_punctuation() => Ok(format!("\\{c}")),
        c => Err(format!("the escape \\{c} is not supported")),
    }
}

struct Input<'a> {
    rest: &'a str,
}

impl Input<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let digits = self.rest.get(..4).ok_or("\\u needs four digits")?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| format!("\\u{digits} is no code unit"))?;
        self.rest = &self.rest[4..];
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_syntax_becomes_rust_syntax() {
        let cases = [
            (r"\S+", r"\A(?:[^ \t\n\x0B\f\r]+)\z", ""),
            (r"[\w!.-]+", r"\A(?:[0-9A-Za-z_!.-]+)\z", ""),
            (r"a.b", r"\A(?:a[^\n\r\x{85}\x{2028}\x{2029}]b)\z", ""),
            (r"^(?!aws:)[a-z]+$", r"\A(?:[a-z]+$)\z", "aws:"),
            (
                r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF\t]*",
                r"\A(?:[\x{20}-\x{D7FF}\x{10000}-\x{10FFFF}\t]*)\z",
                "",
            ),
        ];
        for (java, rust, forbidden_prefix) in cases {
            let expected =
                Translated { rust: rust.to_owned(), forbidden_prefix: forbidden_prefix.to_owned() };
            assert_eq!(translate(java).unwrap(), expected);
        }
        assert!(translate("a(?=b)").is_err());
    }
}
