//! The key of a deleted record, read from its address.

use percent_encoding::percent_decode_str;

use super::super::values::unquote;

/// The values of a key in an address such as `Things(1)` or
/// `https://host/odata/Things(A='x',B=guid'…')`, by the names of its
/// properties and as texts that a cell reads. `raw` is the address as JSON;
/// `None` when it holds no such key.
pub(super) fn key_of(raw: &str, keys: &[String]) -> Option<Vec<(String, String)>> {
    let address = unquote(raw);
    let address = percent_decode_str(&address).decode_utf8().ok()?;
    let (mut quoted, mut start, mut end) = (false, None, None);
    for (at, character) in address.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => start = Some(at + 1),
            ')' if !quoted => end = Some(at),
            _ => {}
        }
    }
    let predicate = address.get(start?..end?)?;
    let mut values = Vec::new();
    for part in split(predicate, ',') {
        let (name, literal) = match (split(part, '=').as_slice(), keys) {
            ([literal], [only]) => (only.clone(), *literal),
            ([name, ..], _) if part.len() > name.len() => (name.trim().to_owned(), &part[name.len() + 1..]),
            _ => return None,
        };
        values.push((name, value(literal.trim())?));
    }
    Some(values)
}

/// The parts between a separator that is not within quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|character| {
        quoted ^= character == '\'';
        character == separator && !quoted
    })
    .collect()
}

/// A literal of an address as JSON text: without quotes, the prefixes of V2
/// (`guid'…'`, `datetime'…'`) and the suffixes of its numbers (`5L`, `1.5M`).
fn value(literal: &str) -> Option<String> {
    let text = match literal.find('\'') {
        Some(at) => literal[at + 1..].strip_suffix('\'')?.replace("\'\'", "\'"),
        None => {
            let bare = literal.trim_end_matches(['L', 'l', 'M', 'm', 'D', 'd', 'F', 'f']);
            let is_number = bare.parse::<f64>().is_ok() && !literal.contains('-');
            let is_negative = bare.strip_prefix('-').is_some_and(|digits| digits.parse::<f64>().is_ok());
            if is_number || is_negative { bare.to_owned() } else { literal.to_owned() }
        }
    };
    serde_json::to_string(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address, the names of the key, and what is read.
    type Case<'a> = (&'a str, &'a [&'a str], Option<&'a [(&'a str, &'a str)]>);

    #[test]
    fn keys_are_read_from_addresses_of_every_form() {
        let cases: &[Case] = &[
            ("Things(1)", &["ID"], Some(&[("ID", "\"1\"")])),
            ("Things(-5L)", &["ID"], Some(&[("ID", "\"-5\"")])),
            ("Things('it''s (a) b,c=d')", &["ID"], Some(&[("ID", "\"it's (a) b,c=d\"")])),
            (
                "https://h:1/odata/Things(ID=7,Name='a%2Fb')",
                &["ID", "Name"],
                Some(&[("ID", "\"7\""), ("Name", "\"a/b\"")]),
            ),
            (
                "Things(guid'01234567-89ab-cdef-0123-456789abcdef')",
                &["ID"],
                Some(&[("ID", "\"01234567-89ab-cdef-0123-456789abcdef\"")]),
            ),
            (
                "Things(01234567-89ab-cdef-0123-456789abcdef)",
                &["ID"],
                Some(&[("ID", "\"01234567-89ab-cdef-0123-456789abcdef\"")]),
            ),
            ("V(P='1')/Set(2)", &["ID"], Some(&[("ID", "\"2\"")])),
            ("Things", &["ID"], None),
            ("Things(1)", &["A", "B"], None),
        ];
        for (address, keys, expected) in cases {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let found = key_of(&serde_json::to_string(address).unwrap(), &keys);
            let expected = expected.map(|all| {
                all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{address}");
        }
    }
}
