//! CSV by RFC 4180, every value a text, read piece by piece.
//!
//! An empty field is null and `""` is an empty text, so that a file written
//! here reads back as it was; libraries do not tell the two apart. Line ends
//! may be LF, CR LF or CR, and a byte order mark is skipped.

use std::collections::{HashMap, HashSet};

use memchr::{memchr, memchr_iter, memchr3};

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
    /// Bytes of the piece at hand that [`Self::is_utf8`] tells about.
    judged: usize,
    /// Whether what lies wholly in the piece at hand is known to be UTF-8.
    is_utf8: bool,
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
            judged: 0,
            is_utf8: false,
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
        self.judge(piece);
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
                    } else if byte == b'"' {
                        self.quoted = true;
                        if self.field.is_empty()
                            && let Some((field, delimiter)) = whole_field(rest)
                        {
                            self.count_lines(field);
                            self.delimit(field, self.is_utf8, delimiter, columns)?;
                            at += field.len() + 3;
                        } else {
                            self.state = State::Quoted;
                            at += 1;
                        }
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
        self.judged -= at;
        Ok(at)
    }

    /// Checks a new piece as a whole: text by text it takes longer. Texts that
    /// are cut by the piece's ends are checked when they are put together.
    fn judge(&mut self, piece: &[u8]) {
        if self.judged > 0 {
            return;
        }
        let is_inside = self.state != State::Start || !self.field.is_empty();
        let cut = piece.iter().take(if is_inside { 3 } else { 0 });
        let cut = cut.take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        self.is_utf8 = match std::str::from_utf8(&piece[cut..]) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        };
        self.judged = piece.len();
    }

    /// Reads on in a field without quotes; gives the number of bytes used.
    fn plain(&mut self, rest: &[u8], columns: &mut Columns) -> Result<usize, String> {
        let Some(end) = memchr3(b',', b'\n', b'\r', rest) else {
            self.keep(rest)?;
            return Ok(rest.len());
        };
        if self.field.is_empty() {
            self.delimit(&rest[..end], self.is_utf8, rest[end], columns)?;
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
        self.delimit(&field, false, delimiter, columns)?;
        // The memory is used again.
        field.clear();
        self.field = field;
        Ok(())
    }

    /// Ends a field, and the record if a line end follows.
    fn delimit(
        &mut self,
        field: &[u8],
        is_utf8: bool,
        delimiter: u8,
        columns: &mut Columns,
    ) -> Result<(), String> {
        let ends_record = delimiter != b',';
        let is_blank = ends_record && self.index == 0 && field.is_empty() && !self.quoted;
        // A blank line is a record only where a record has one field, which
        // is then null.
        if !is_blank || (self.has_header && self.targets.len() == 1) {
            self.take_field(field, is_utf8, columns)?;
            if ends_record {
                self.end_record(columns)?;
            }
        }
        self.state = State::Start;
        self.quoted = false;
        if ends_record {
            self.skip_lf = delimiter == b'\r';
            self.line += 1;
            self.record_line = self.line;
            self.index = 0;
        }
        Ok(())
    }

    fn take_field(&mut self, field: &[u8], is_utf8: bool, columns: &mut Columns) -> Result<(), String> {
        let index = self.index;
        self.index += 1;
        let text = || {
            std::str::from_utf8(field)
                .map_err(|_| format!("line {}: the text is not UTF-8", self.record_line))
        };
        if !self.has_header {
            self.names.push(text()?.to_owned());
            return Ok(());
        }
        match self.targets.get(index) {
            None => Err(self.wrong_width("more")),
            Some(None) => Ok(()),
            Some(Some(target)) => {
                let builder = &mut columns.builders[*target];
                if field.is_empty() && !self.quoted {
                    builder.append_null();
                } else {
                    if !is_utf8 {
                        text()?;
                    }
                    builder.append(field);
                    self.record_bytes += field.len();
                }
                if self.record_bytes > LONGEST_RECORD {
                    return Err(format!("line {}: the record is longer than 64 MiB", self.record_line));
                }
                Ok(())
            }
        }
    }

    fn end_record(&mut self, columns: &mut Columns) -> Result<(), String> {
        if !self.has_header {
            return self.take_header(columns);
        }
        if self.index < self.targets.len() {
            return Err(self.wrong_width(&self.index.to_string()));
        }
        for absent in &self.absent {
            columns.builders[*absent].append_null();
        }
        columns.bytes += std::mem::take(&mut self.record_bytes);
        columns.rows += 1;
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

/// The first field of a text that begins with a quote, without its quotes, and
/// what ends it; `None` if it holds quotes or its end is not in sight.
fn whole_field(rest: &[u8]) -> Option<(&[u8], u8)> {
    let inside = &rest[1..];
    let end = memchr(b'"', inside)?;
    let delimiter = *inside.get(end + 1)?;
    matches!(delimiter, b',' | b'\n' | b'\r').then_some((&inside[..end], delimiter))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array as _, AsArray as _};
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
        let arrays: Vec<_> = columns.builders.iter_mut().map(|builder| builder.finish().unwrap()).collect();
        let row =
            |row| arrays.iter().map(|array| array.iter().nth(row).unwrap().map(str::to_owned)).collect();
        Ok((0..columns.rows).map(row).collect())
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
