//! The rows: decodes the packed tables of `crates/server/data` into compact columns.
//!
//! `crates/server/data/make_sample.py` writes the format and describes it. A
//! column costs one or two bytes a row in memory, whatever its type: a string
//! is its place in the column's dictionary, a time the hours since
//! [`FIRST_HOUR`], and null a value that nothing else has.

use std::collections::HashMap;
use std::fmt;

/// The Unix time, in seconds, of hour 0 of a column of times: 2013-01-01T00:00:00Z.
pub const FIRST_HOUR: i64 = 1_356_998_400;

const NULL_CODE: u16 = u16::MAX;
const NULL_SHORT: i16 = i16::MIN;
const NULL_BYTE: u8 = u8::MAX;
/// Days before each month of 2013, which is no leap year.
const DAYS_BEFORE: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Why packed data could not be decoded.
#[derive(Debug)]
pub enum DataError {
    /// The text in front of the columns is not what the format says.
    Header(String),
    /// The column of this name does not hold what its header line says.
    Column(String),
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(line) => write!(f, "sample data: header line `{line}` is malformed"),
            Self::Column(name) => write!(f, "sample data: column {name} is malformed"),
        }
    }
}

/// One table, held by column.
#[derive(Debug)]
pub struct Table {
    rows: usize,
    columns: Vec<(String, Column)>,
}

/// One column: a number, or null, for each row.
#[derive(Debug)]
pub struct Column {
    cells: Cells,
    dictionary: Dictionary,
}

#[derive(Debug)]
enum Cells {
    /// Row numbers from 1: the key of a table that has none of its own.
    Numbered,
    /// Values that lie within 254 of the least one.
    Bytes { least: i32, codes: Box<[u8]> },
    /// All other values.
    Shorts(Box<[i16]>),
}

/// The strings of a column, in byte order, so that their places order as they do.
#[derive(Debug, Default)]
struct Dictionary {
    text: String,
    ends: Vec<u32>,
}

impl Table {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(of, _)| of == name).map(|(_, column)| column)
    }

    /// The names of the columns, in order.
    #[cfg(test)]
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Puts a column of row numbers (1, 2, 3, …) in front.
    pub fn number_rows(&mut self, name: &str) {
        let column = Column { cells: Cells::Numbered, dictionary: Dictionary::default() };
        self.columns.insert(0, (name.to_owned(), column));
    }
}

impl Column {
    /// The number in that row: the value itself, a place in the dictionary, or hours.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i32> {
        match &self.cells {
            Cells::Numbered => Some(row as i32 + 1),
            Cells::Bytes { least, codes } => {
                let code = codes[row];
                (code != NULL_BYTE).then(|| least + i32::from(code))
            }
            Cells::Shorts(values) => {
                let value = values[row];
                (value != NULL_SHORT).then(|| i32::from(value))
            }
        }
    }

    /// The string at a place that [`Column::get`] gave.
    #[inline]
    pub fn text(&self, place: i32) -> &str {
        let place = place as usize;
        // One newline stands between two strings.
        let start = if place == 0 { 0 } else { self.dictionary.ends[place - 1] as usize + 1 };
        &self.dictionary.text[start..self.dictionary.ends[place] as usize]
    }

    fn new(values: &[Option<i32>], dictionary: Dictionary) -> Option<Self> {
        let present = || values.iter().flatten().copied();
        let (least, most) = (present().min().unwrap_or(0), present().max().unwrap_or(0));
        let cells = if most - least < i32::from(NULL_BYTE) {
            let code = |value: &Option<i32>| value.map_or(NULL_BYTE, |value| (value - least) as u8);
            Cells::Bytes { least, codes: values.iter().map(code).collect() }
        } else {
            if least <= i32::from(NULL_SHORT) || most > i32::from(i16::MAX) {
                return None;
            }
            let short = |value: &Option<i32>| value.map_or(NULL_SHORT, |value| value as i16);
            Cells::Shorts(values.iter().map(short).collect())
        };
        Some(Self { cells, dictionary })
    }
}

impl Dictionary {
    fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32);
        let ends = newlines.chain([text.len() as u32]).collect();
        Self { text: text.to_owned(), ends }
    }
}

/// Decodes one packed table.
///
/// # Errors
///
/// When the bytes are not what the format in `make_sample.py` says.
pub fn decode(packed: &[u8]) -> Result<Table, DataError> {
    let bad_header = |line: &str| DataError::Header(line.to_owned());
    let end = packed.windows(2).position(|pair| pair == b"\n\n").ok_or_else(|| bad_header(""))?;
    let header = std::str::from_utf8(&packed[..end]).map_err(|_| bad_header(""))?;
    let mut frames = &packed[end + 2..];
    let mut lines = header.lines();
    let first = lines.next().unwrap_or_default();
    let rows: usize = match first.split(' ').collect::<Vec<_>>()[..] {
        ["columns", _, rows] => rows.parse().map_err(|_| bad_header(first))?,
        _ => return Err(bad_header(first)),
    };
    let mut table = Table { rows, columns: Vec::new() };
    for line in lines {
        let [name, predictor, text_bytes, frame_bytes] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(bad_header(line));
        };
        let text_bytes: usize = text_bytes.parse().map_err(|_| bad_header(line))?;
        let frame_bytes: usize = frame_bytes.parse().map_err(|_| bad_header(line))?;
        let (frame, rest) = frames.split_at_checked(frame_bytes).ok_or_else(|| bad_header(line))?;
        frames = rest;
        let bad_column = || DataError::Column(name.to_owned());
        let raw = zstd::bulk::decompress(frame, text_bytes + 2 * rows).map_err(|_| bad_column())?;
        if raw.len() != text_bytes + 2 * rows {
            return Err(bad_column());
        }
        let (text, planes) = raw.split_at(text_bytes);
        let text = std::str::from_utf8(text).map_err(|_| bad_column())?;
        let predictor = Predictor::new(predictor, &table).ok_or_else(|| bad_header(line))?;
        let values = unpack(planes, rows, &predictor);
        let column = Column::new(&values, Dictionary::new(text)).ok_or_else(bad_column)?;
        table.columns.push((name.to_owned(), column));
    }
    Ok(table)
}

/// What a value is expected to be, so that only the difference is stored.
enum Predictor<'a> {
    Zero,
    Previous,
    Clock(&'a Column, &'a Column),
    Pair(&'a Column, &'a Column),
    Hundreds(&'a Column),
    Remainder(&'a Column),
    Hours(&'a Column, &'a Column, &'a Column),
}

impl<'a> Predictor<'a> {
    fn new(spelled: &str, table: &'a Table) -> Option<Self> {
        let mut parts = spelled.split(':');
        let kind = parts.next()?;
        let inputs = parts.map(|name| table.column(name)).collect::<Option<Vec<_>>>()?;
        match (kind, &inputs[..]) {
            ("zero", []) => Some(Self::Zero),
            ("previous", []) => Some(Self::Previous),
            ("clock", [a, b]) => Some(Self::Clock(a, b)),
            ("pair", [a, b]) => Some(Self::Pair(a, b)),
            ("hundreds", [a]) => Some(Self::Hundreds(a)),
            ("remainder", [a]) => Some(Self::Remainder(a)),
            ("hours", [month, day, hour]) => Some(Self::Hours(month, day, hour)),
            _ => None,
        }
    }

    /// The prediction from other columns of the row, if there is one.
    fn predict(&self, row: usize) -> Option<i32> {
        let minutes = |hhmm: i32| hhmm / 100 * 60 + hhmm % 100;
        match self {
            Self::Zero | Self::Previous | Self::Pair(..) => None,
            Self::Clock(a, b) => Some(minutes(a.get(row)?) - minutes(b.get(row)?)),
            Self::Hundreds(a) => Some(a.get(row)? / 100),
            Self::Remainder(a) => Some(a.get(row)? % 100),
            Self::Hours(month, day, hour) => {
                let before = DAYS_BEFORE.get(usize::try_from(month.get(row)? - 1).ok()?)?;
                Some((before + day.get(row)? - 1) * 24 + hour.get(row)?)
            }
        }
    }
}

/// The values of a column from its two planes of code bytes.
fn unpack(planes: &[u8], rows: usize, predictor: &Predictor<'_>) -> Vec<Option<i32>> {
    let (low, high) = planes.split_at(rows);
    let mut last = 0;
    let mut pairs: HashMap<(Option<i32>, Option<i32>), i32> = HashMap::new();
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        let code = u16::from_le_bytes([low[row], high[row]]);
        if code == NULL_CODE {
            values.push(None);
            continue;
        }
        let pair = match predictor {
            Predictor::Pair(a, b) => Some((a.get(row), b.get(row))),
            _ => None,
        };
        let prediction = match (predictor, pair) {
            (Predictor::Previous, _) => last,
            (_, Some(pair)) => pairs.get(&pair).copied().unwrap_or(0),
            _ => predictor.predict(row).unwrap_or(0),
        };
        // Zigzag: 0, -1, 1, -2, … are the codes 0, 1, 2, 3, …
        let difference = i32::from(code >> 1) ^ -i32::from(code & 1);
        let value = prediction + difference;
        last = value;
        if let Some(pair) = pair {
            pairs.insert(pair, value);
        }
        values.push(Some(value));
    }
    values
}
