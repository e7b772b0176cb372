//! CSV by RFC 4180, every value a text, read piece by piece.
//!
//! An empty field is null and `""` is an empty text, so that a file written
//! here reads back as it was; libraries do not tell the two apart. Line ends
//! may be LF, CR LF or CR, and a byte order mark is skipped.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr3};

use super::marks::Marks;
use super::source::LONGEST;
use super::text_in::Columns;

/// The longest record, in bytes: a batch holds it whole.
const LONGEST_RECORD: usize = 4 * LONGEST;

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a field's first byte.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote between quotes: its end, or the first of two.
    Closing,
}

/// One CSV file on its way into columns.
pub(super) struct CsvFile {
    state: State,
    /// The field so far, when it began in an earlier piece or holds quotes.
    field: Vec<u8>,
    quoted: bool,
    /// Fields of the record so far.
    index: usize,
    /// Bytes that the record has put into columns so far. They count for the
    /// batch when the record ends: a batch ends with a record and nowhere else.
    record_bytes: usize,
    line: u64,
    record_line: u64,
    /// A CR ended the last line; an LF right after it belongs to it.
    skip_lf: bool,
    mark: usize,
    names: Vec<String>,
    has_header: bool,
    /// Nothing but the header is read.
    only_header: bool,
    /// For each column of the file, that of the batch.
    targets: Vec<Option<usize>>,
    /// Columns of the batch that this file does not have.
    absent: Vec<usize>,
}

impl CsvFile {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Start,
            field: Vec::new(),
            quoted: false,
            index: 0,
            record_bytes: 0,
            line: 1,
            record_line: 1,
            skip_lf: false,
            mark: 0,
            names: Vec::new(),
            has_header: false,
            only_header: false,
            targets: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// A file of which only the header is read.
    pub(super) fn of_header() -> Self {
        Self { only_header: true, ..Self::new() }
    }

    /// The header's names, once it is read.
    pub(super) fn header(&self) -> Option<&[String]> {
        self.has_header.then_some(self.names.as_slice())
    }

    /// Reads a piece, up to a full batch; gives the number of bytes used. What
    /// was not used must come first in the next call.
    pub(super) fn feed(&mut self, piece: &[u8], columns: &mut Columns) -> Result<usize, String> {
        let mut at = 0;
        while at < piece.len() && !columns.is_full() && !(self.only_header && self.has_header) {
            let byte = piece[at];
            if self.mark < BYTE_ORDER_MARK.len() {
                if byte == BYTE_ORDER_MARK[self.mark] {
                    self.mark += 1;
                    at += 1;
                    continue;
                }
                // Not a mark after all: its bytes are content.
                self.field.extend(&BYTE_ORDER_MARK[..self.mark]);
                self.mark = BYTE_ORDER_MARK.len();
            }
            let rest = &piece[at..];
            match self.state {
                State::Start => {
                    if std::mem::take(&mut self.skip_lf) && byte == b'\n' {
                        at += 1;
                        continue;
                    }
                    if self.has_header && self.field.is_empty() {
                        let used = self.whole_fields(rest, columns)?;
                        if used > 0 {
                            at += used;
                            continue;
                        }
                    }
                    if byte == b'"' {
                        self.quoted = true;
                        self.state = State::Quoted;
                        at += 1;
                    } else {
                        self.state = State::Plain;
                        at += self.plain(rest, columns)?;
                    }
                }
                State::Plain => at += self.plain(rest, columns)?,
                State::Quoted => {
                    let end = memchr(b'"', rest).unwrap_or(rest.len());
                    self.count_lines(&rest[..end]);
                    self.keep(&rest[..end])?;
                    if end < rest.len() {
                        self.state = State::Closing;
                    }
                    at += (end + 1).min(rest.len());
                }
                State::Closing => {
                    match byte {
                        b'"' => {
                            self.field.push(b'"');
                            self.state = State::Quoted;
                        }
                        b',' | b'\n' | b'\r' => self.delimit_kept(byte, columns)?,
                        _ => return Err(format!("line {}: there is text after a closing quote", self.line)),
                    }
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// Reads fields that lie in the piece as a whole and hold no quotes, up to a
    /// full batch; gives the number of bytes used. The field that comes next is
    /// for a closer look.
    fn whole_fields(&mut self, rest: &[u8], columns: &mut Columns) -> Result<usize, String> {
        let (mut start, mut is_open) = (0, false);
        for at in Marks::of(rest) {
            if at < start {
                // It ended a field together with a quote.
                continue;
            }
            let (field, end) = match (rest[at], is_open) {
                (b'"', true) => {
                    is_open = false;
                    (start + 1..at, at + 1)
                }
                (_, true) => continue,
                (b'"', false) => {
                    // In the middle of a field it is a byte as any other.
                    is_open = at == start;
                    continue;
                }
                _ => (start..at, at),
            };
            let (ends_record, next) = match (rest.get(end), rest.get(end + 1)) {
                (Some(b','), _) => (false, end + 1),
                (Some(b'\n'), _) => (true, end + 1),
                (Some(b'\r'), Some(b'\n')) => (true, end + 2),
                _ => break,
            };
            if ends_record && self.index == 0 && start == end {
                // A blank line may be a record and may be none.
                break;
            }
            self.quoted = end > at;
            if self.quoted {
                self.count_lines(&rest[field.clone()]);
            }
            self.take_field(rest, field, columns)?;
            start = next;
            if ends_record {
                self.end_record(columns)?;
                self.next_line();
                if columns.is_full() {
                    break;
                }
            }
        }
        self.quoted = false;
        Ok(start)
    }

    /// Reads on in a field without quotes; gives the number of bytes used.
    fn plain(&mut self, rest: &[u8], columns: &mut Columns) -> Result<usize, String> {
        let Some(end) = memchr3(b',', b'\n', b'\r', rest) else {
            self.keep(rest)?;
            return Ok(rest.len());
        };
        if self.field.is_empty() {
            self.delimit(rest, 0..end, rest[end], columns)?;
        } else {
            self.keep(&rest[..end])?;
            self.delimit_kept(rest[end], columns)?;
        }
        Ok(end + 1)
    }

    fn count_lines(&mut self, text: &[u8]) {
        // Most have none, and that is told sooner than a count of none.
        if memchr(b'\n', text).is_some() {
            self.line += memchr_iter(b'\n', text).count() as u64;
        }
    }

    /// Takes the last record, which may lack its line end.
    pub(super) fn finish(&mut self, columns: &mut Columns) -> Result<(), String> {
        if self.state == State::Quoted {
            return Err(format!(
                "the quote of the record on line {} is not closed at the end of the file",
                self.record_line
            ));
        }
        if self.state != State::Start || self.index > 0 {
            self.delimit_kept(b'\n', columns)?;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.field.len() + bytes.len() > LONGEST {
            return Err(format!(
                "a field of the record on line {} is longer than 16 MiB; is a quote not closed?",
                self.record_line
            ));
        }
        self.field.extend(bytes);
        Ok(())
    }

    fn delimit_kept(&mut self, delimiter: u8, columns: &mut Columns) -> Result<(), String> {
        let mut field = std::mem::take(&mut self.field);
        self.delimit(&field, 0..field.len(), delimiter, columns)?;
        // The memory is used again.
        field.clear();
        self.field = field;
        Ok(())
    }

    /// Ends a field, which is a part of a text, and the record if a line end
    /// follows.
    fn delimit(
        &mut self,
        text: &[u8],
        field: Range<usize>,
        delimiter: u8,
        columns: &mut Columns,
    ) -> Result<(), String> {
        let ends_record = delimiter != b',';
        let is_blank = ends_record && self.index == 0 && field.is_empty() && !self.quoted;
        // A blank line is a record only where a record has one field, which
        // is then null.
        if !is_blank || (self.has_header && self.targets.len() == 1) {
            if self.has_header {
                self.take_field(text, field, columns)?;
            } else {
                self.names.push(self.checked(&text[field])?.to_owned());
                self.index += 1;
            }
            if ends_record {
                if self.has_header { self.end_record(columns) } else { self.take_header(columns) }?;
            }
        }
        self.state = State::Start;
        self.quoted = false;
        if ends_record {
            self.skip_lf = delimiter == b'\r';
            self.next_line();
        }
        Ok(())
    }

    #[inline]
    const fn next_line(&mut self) {
        self.line += 1;
        self.record_line = self.line;
        self.index = 0;
    }

    #[inline]
    fn take_field(&mut self, text: &[u8], field: Range<usize>, columns: &mut Columns) -> Result<(), String> {
        let target = *self.targets.get(self.index).ok_or_else(|| self.wrong_width("more"))?;
        self.index += 1;
        let Some(target) = target else { return Ok(()) };
        let builder = &mut columns.builders[target];
        if field.is_empty() && !self.quoted {
            builder.append_null();
            return Ok(());
        }
        self.record_bytes += field.len();
        builder.append_part(text, field);
        if self.record_bytes > LONGEST_RECORD {
            return Err(format!("line {}: the record is longer than 64 MiB", self.record_line));
        }
        Ok(())
    }

    /// A name of the header; the texts of records are checked by the batch.
    fn checked<'a>(&self, text: &'a [u8]) -> Result<&'a str, String> {
        std::str::from_utf8(text).map_err(|_| format!("line {}: the text is not UTF-8", self.record_line))
    }

    #[inline]
    fn end_record(&mut self, columns: &mut Columns) -> Result<(), String> {
        if self.index < self.targets.len() {
            return Err(self.wrong_width(&self.index.to_string()));
        }
        for absent in &self.absent {
            columns.builders[*absent].append_null();
        }
        columns.bytes += std::mem::take(&mut self.record_bytes);
        columns.rows += 1;
        columns.lines.push(self.record_line);
        Ok(())
    }

    fn wrong_width(&self, count: &str) -> String {
        format!(
            "line {}: the header names {} fields, this record has {count}",
            self.record_line,
            self.targets.len()
        )
    }

    fn take_header(&mut self, columns: &mut Columns) -> Result<(), String> {
        let wanted: HashMap<&str, usize> = columns
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name().as_str(), at))
            .collect();
        let mut known = HashSet::new();
        let mut absent = vec![true; columns.schema.fields().len()];
        for (at, name) in self.names.iter().enumerate() {
            if name.is_empty() {
                return Err(format!(
                    "line {}: column {} of the header has no name; give each column one",
                    self.record_line,
                    at + 1
                ));
            }
            if !known.insert(name) {
                return Err(format!("line {}: the header names the field {name} twice", self.record_line));
            }
            let target = wanted.get(name.as_str()).copied();
            if let Some(target) = target {
                columns.seen[target] = true;
                absent[target] = false;
            }
            self.targets.push(target);
        }
        self.absent = (0..absent.len()).filter(|target| absent[*target]).collect();
        self.has_header = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _};
    use tidegate_core::flow::InputFormat;

    use super::super::source::BATCH_BYTES;
    use super::*;

    #[test]
    fn a_batch_ends_with_a_record_whatever_fills_it() {
        let names = ["i", "x", "y"].map(str::to_owned);
        // One record alone is more than a batch; many small ones fill it by bytes before they do by rows.
        for (width, rows) in [(BATCH_BYTES + 10, 3), (700, 20_000), (BATCH_BYTES / 2, 5)] {
            let long = "x".repeat(width);
            let text: String = std::iter::once("x,i,y\n".to_owned())
                .chain((0..rows).map(|row| format!("{long},{row},\n")))
                .collect();
            let (mut file, mut columns) = (CsvFile::new(), Columns::new(&names, InputFormat::Csv));
            let (mut rest, mut read) = (text.as_bytes(), 0);
            while !rest.is_empty() {
                rest = &rest[file.feed(rest, &mut columns).unwrap()..];
                if rest.is_empty() {
                    file.finish(&mut columns).unwrap();
                }
                let batch = columns.take().expect("columns of one length").expect("records");
                let expected: Vec<String> =
                    (read..read + batch.num_rows()).map(|row| row.to_string()).collect();
                let found: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
                assert_eq!(found, expected);
                assert_eq!(batch.column(2).null_count(), batch.num_rows());
                read += batch.num_rows();
            }
            assert_eq!(read, rows);
        }
    }

    /// Reads a text in pieces of a size; rows as texts, null as `None`.
    fn read(text: &[u8], size: usize, names: &[&str]) -> Result<Vec<Vec<Option<String>>>, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut columns = Columns::new(&names, InputFormat::Csv);
        let mut file = CsvFile::new();
        for piece in text.chunks(size) {
            assert_eq!(file.feed(piece, &mut columns)?, piece.len());
        }
        file.finish(&mut columns)?;
        let Some(batch) = columns.take()? else { return Ok(Vec::new()) };
        let cell = |row: usize, column: &ArrayRef| {
            let texts = column.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let row = |row| batch.columns().iter().map(|column| cell(row, column)).collect();
        Ok((0..batch.num_rows()).map(row).collect())
    }

    fn rows(rows: &[&[Option<&str>]]) -> Vec<Vec<Option<String>>> {
        rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect()
    }

    #[test]
    fn every_cut_of_the_bytes_reads_the_same() {
        let text = "\u{feff}a,b,c\r\n1,\"x,\"\"y\"\"\r\nz\",3\n\r\n,\"\",é\rlast,\"q\",";
        let expected = rows(&[&[Some("3"), Some("1")], &[Some("é"), None], &[None, Some("last")]]);
        let middle = rows(&[&[Some("x,\"y\"\r\nz")], &[Some("")], &[Some("q")]]);
        for size in 1..=text.len() {
            assert_eq!(read(text.as_bytes(), size, &["c", "a"]).unwrap(), expected, "pieces of {size}");
            assert_eq!(read(text.as_bytes(), size, &["b"]).unwrap(), middle, "pieces of {size}");
        }
    }

    #[test]
    fn long_files_read_the_same_whole_and_in_pieces() {
        // Fields of all lengths beside each other's kinds, so that blocks end in the midst of each.
        let cell = |at: usize| {
            let text = "é,\"x\" y".repeat(1 + at % 3) + &"z".repeat(at * 7 % 41);
            match at % 7 {
                0 => (None, String::new()),
                1 => (Some(String::new()), "\"\"".to_owned()),
                2 => (Some(text.clone()), format!("\"{}\"", text.replace('"', "\"\""))),
                3 => (Some("two\r\nlines, or\nthree".to_owned()), "\"two\r\nlines, or\nthree\"".to_owned()),
                4 => (Some("in \"the\" middle".to_owned()), "in \"the\" middle".to_owned()),
                _ => (Some("é".repeat(at % 29)), format!("\"{}\"", "é".repeat(at % 29))),
            }
        };
        for end in ["\n", "\r\n", "\r"] {
            let (mut text, mut expected) = (format!("a,b,c{end}"), Vec::new());
            for record in 0..300 {
                let cells: Vec<_> = (0..3).map(|at| cell(record * 3 + at + record / 5)).collect();
                let written: Vec<_> = cells.iter().map(|(_, written)| written.as_str()).collect();
                text.push_str(&(written.join(",") + end));
                expected.push(cells.into_iter().map(|(cell, _)| cell).collect::<Vec<_>>());
            }
            for size in [1, 63, 64, 65, 100, 1_000, text.len()] {
                assert_eq!(
                    read(text.as_bytes(), size, &["a", "b", "c"]).unwrap(),
                    expected,
                    "pieces of {size}"
                );
            }
            let wide = text.replacen("in \"the\"", "in, \"the\"", 1);
            assert!(read(wide.as_bytes(), wide.len(), &["a"]).unwrap_err().contains("this record has more"));
        }
    }

    #[test]
    fn a_column_of_one_keeps_its_nulls_and_a_missing_column_is_null() {
        assert_eq!(read(b"a\n\n\"\"\nx\n", 3, &["a"]).unwrap(), rows(&[&[None], &[Some("")], &[Some("x")]]));
        assert_eq!(read(b"a\nx", 3, &["b", "a"]).unwrap(), rows(&[&[None, Some("x")]]));
    }

    #[test]
    fn broken_files_say_where() {
        let cases: [(&[u8], &str); 12] = [
            (b"a,b\n1,2\n3\n", "line 3: the header names 2 fields, this record has 1"),
            (b"a,b\n\"1\n\",2,3\n", "line 2: the header names 2 fields, this record has more"),
            (b"a,a\n", "line 1: the header names the field a twice"),
            (b"a,,b\n1,2,3\n", "line 1: column 2 of the header has no name; give each column one"),
            (b"a,\nx,y\n", "line 1: column 2 of the header has no name; give each column one"),
            (b"a\n\"x\"y\n", "line 2: there is text after a closing quote"),
            (b"a\n\"x\n", "the quote of the record on line 2 is not closed at the end of the file"),
            (b"a\n\xff\n", "line 2: the text is not UTF-8"),
            (b"a\nb\n\"\xff\"\nd\n", "line 3: the text is not UTF-8"),
            (b"a\nbcd\n\xa9\n", "line 3: the text is not UTF-8"),
            (b"a\nbc\xc3\n\xa9d\n", "line 2: the text is not UTF-8"),
            (b"a\n\"b\xc3\"\n", "line 2: the text is not UTF-8"),
        ];
        for (text, expected) in cases {
            for size in 1..=text.len() {
                assert_eq!(read(text, size, &["a"]), Err(expected.to_owned()), "pieces of {size}");
            }
        }
    }
}
