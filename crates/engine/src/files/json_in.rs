//! JSON Lines: one object a line, its values kept as the JSON they are.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use memchr::memchr;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::source::LONGEST;
use super::text_in::Columns;

/// Cuts pieces into lines.
#[derive(Default)]
struct Lines {
    /// The line so far, when it began in an earlier piece.
    begun: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Hands out each line that ends in a piece until `full` says stop; gives
    /// the number of bytes used.
    fn feed(
        &mut self,
        piece: &[u8],
        mut full: impl FnMut() -> bool,
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<usize, String> {
        let mut at = 0;
        while at < piece.len() && !full() {
            let rest = &piece[at..];
            let Some(end) = memchr(b'\n', rest) else {
                if self.begun.len() + rest.len() > LONGEST {
                    return Err(format!("line {} is longer than 16 MiB", self.number + 1));
                }
                self.begun.extend(rest);
                return Ok(piece.len());
            };
            at += end + 1;
            self.number += 1;
            if self.begun.is_empty() {
                self.take(&rest[..end], &mut take)?;
            } else {
                let mut line = std::mem::take(&mut self.begun);
                line.extend(&rest[..end]);
                self.take(&line, &mut take)?;
                line.clear();
                self.begun = line;
            }
        }
        Ok(at)
    }

    fn finish(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        let line = std::mem::take(&mut self.begun);
        self.number += 1;
        self.take(&line, &mut take)
    }

    fn take(&self, line: &[u8], take: &mut impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        let bare = match self.number {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        if bare.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        take(bare).map_err(|text| format!("line {}: {text}", self.number))
    }
}

/// One JSON Lines file on its way into columns.
pub(super) struct JsonFile {
    lines: Lines,
    /// The column of each wanted member; `None` when lines stay as they are.
    targets: Option<HashMap<String, usize>>,
}

impl JsonFile {
    pub(super) fn new(columns: &Columns) -> Self {
        let names = columns.schema.fields().iter().enumerate();
        Self {
            lines: Lines::default(),
            targets: Some(names.map(|(at, field)| (field.name().clone(), at)).collect()),
        }
    }

    /// A file whose lines go into the one column as they are.
    pub(super) fn of_lines() -> Self {
        Self { lines: Lines::default(), targets: None }
    }

    /// Reads a piece, up to a full batch; gives the number of bytes used.
    pub(super) fn feed(&mut self, piece: &[u8], columns: &mut Columns) -> Result<usize, String> {
        let Self { lines, targets } = self;
        // Two closures need the columns, never at the same time.
        let columns = std::cell::RefCell::new(columns);
        lines.feed(
            piece,
            || columns.borrow().is_full(),
            |line| take_line(line, targets.as_ref(), &mut columns.borrow_mut()),
        )
    }

    /// Takes the last line, which may lack its line end.
    pub(super) fn finish(&mut self, columns: &mut Columns) -> Result<(), String> {
        let Self { lines, targets } = self;
        lines.finish(|line| take_line(line, targets.as_ref(), columns))
    }
}

fn take_line(
    line: &[u8],
    targets: Option<&HashMap<String, usize>>,
    columns: &mut Columns,
) -> Result<(), String> {
    let Some(targets) = targets else {
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        columns.bytes += text.len();
        columns.rows += 1;
        columns.builders.iter_mut().for_each(|builder| builder.append(line));
        return Ok(());
    };
    let mut values = vec![None; columns.builders.len()];
    read_object(line, Members { targets, values: &mut values })?;
    for (value, builder) in values.into_iter().zip(&mut columns.builders) {
        match value.map(RawValue::get) {
            None | Some("null") => builder.append_null(),
            Some(raw) => {
                columns.bytes += raw.len();
                builder.append(raw.as_bytes());
            }
        }
    }
    columns.rows += 1;
    Ok(())
}

fn read_object<'de>(line: &'de [u8], seed: impl DeserializeSeed<'de, Value = ()>) -> Result<(), String> {
    const EXPECTED: &str = "JSON Lines is expected, one object a line";
    if !line.trim_ascii_start().starts_with(b"{") {
        let what = if line.trim_ascii_start().starts_with(b"[") { "a JSON array" } else { "no JSON object" };
        return Err(format!("this is {what}; {EXPECTED}"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    seed.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        let hint = if error.is_eof() { format!("; {EXPECTED}") } else { String::new() };
        format!("{what} at column {}{hint}", error.column())
    })
}

/// A member's name, without a copy where it holds no escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Picks the wanted members of an object; of two with one name the last wins.
struct Members<'a, 'de> {
    targets: &'a HashMap<String, usize>,
    values: &'a mut [Option<&'de RawValue>],
}

impl<'de> DeserializeSeed<'de> for Members<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match self.targets.get(name.as_ref()) {
                Some(target) => self.values[*target] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The names of all members, in the order in which they first appear.
#[derive(Default)]
pub(super) struct Keys {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Keys {
    pub(super) fn add(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.names.push(name.to_owned());
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Starts on a file.
    pub(super) fn file(&mut self) -> KeysFile<'_> {
        KeysFile { keys: self, lines: Lines::default() }
    }
}

/// A file whose members' names are collected.
pub(super) struct KeysFile<'a> {
    keys: &'a mut Keys,
    lines: Lines,
}

impl KeysFile<'_> {
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), String> {
        let keys = &mut *self.keys;
        self.lines.feed(piece, || false, |line| read_object(line, Collect(keys))).map(|_| ())
    }

    pub(super) fn finish(&mut self) -> Result<(), String> {
        let keys = &mut *self.keys;
        self.lines.finish(|line| read_object(line, Collect(keys)))
    }
}

struct Collect<'a>(&'a mut Keys);

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            map.next_value::<IgnoredAny>()?;
            self.0.add(&name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::flow::InputFormat;

    use super::*;

    fn read(text: &[u8], size: usize, names: &[&str]) -> Result<Vec<Vec<Option<String>>>, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut columns = Columns::new(&names, InputFormat::Json);
        let mut file = JsonFile::new(&columns);
        for piece in text.chunks(size) {
            assert_eq!(file.feed(piece, &mut columns)?, piece.len());
        }
        file.finish(&mut columns)?;
        let arrays: Vec<_> = columns.builders.iter_mut().map(|builder| builder.finish().unwrap()).collect();
        let row =
            |row| arrays.iter().map(|array| array.iter().nth(row).unwrap().map(str::to_owned)).collect();
        Ok((0..columns.rows).map(row).collect())
    }

    #[test]
    fn values_stay_as_they_are_whatever_the_cut() {
        let text = "\u{feff}{\"n\": 12345678901234567890.10, \"s\": \"a\\u00e9\"}\r\n\n{\"n\":null,\"o\":{\"x\": [1, 2]},\"s\":\"\",\"s\":true}";
        let cell = |text: &str| Some(text.to_owned());
        let expected = vec![
            vec![cell("\"a\\u00e9\""), cell("12345678901234567890.10"), None],
            vec![cell("true"), None, cell("{\"x\": [1, 2]}")],
        ];
        for size in 1..=text.len() {
            assert_eq!(read(text.as_bytes(), size, &["s", "n", "o"]).unwrap(), expected, "pieces of {size}");
            let mut keys = Keys::default();
            let mut file = keys.file();
            text.as_bytes().chunks(size).for_each(|piece| file.feed(piece).unwrap());
            file.finish().unwrap();
            assert_eq!(keys.into_names(), ["n", "s", "o"]);
        }
    }

    #[test]
    fn broken_lines_say_where() {
        let cases: [(&[u8], &str); 6] = [
            (b"{}\n [1]\n", "line 2: this is a JSON array; JSON Lines is expected, one object a line"),
            (b"a,b\n", "line 1: this is no JSON object; JSON Lines is expected, one object a line"),
            (
                b"{\"a\":1",
                "line 1: EOF while parsing an object at column 6; JSON Lines is expected, one object a line",
            ),
            (
                b"{\n\"a\":1}\n",
                "line 1: EOF while parsing an object at column 1; JSON Lines is expected, one object a line",
            ),
            (b"{} {}", "line 1: trailing characters at column 4"),
            (b"{\"a\":\"\xff\"}", "line 1: invalid unicode code point at column 7"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, 4, &["a"]), Err(expected.to_owned()));
        }
    }
}
