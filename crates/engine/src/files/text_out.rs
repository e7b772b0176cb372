//! CSV and JSON Lines, written row by row from columns.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use memchr::{memchr, memchr3};
use tidegate_core::flow::OutputFormat;

use crate::error::RunError;
use crate::tasks::Output;
use crate::values::cells::{Cells, JsonKind};
use crate::values::json;

/// A text file being written.
pub(super) struct TextFile<W> {
    sink: W,
    format: OutputFormat,
    /// What stands before each value of a row.
    before: Vec<Vec<u8>>,
    /// For each column, whether its texts are JSON, and whether it trims.
    columns: Vec<(bool, bool)>,
    /// The one column holds whole lines.
    is_lines: bool,
    buffer: Vec<u8>,
    /// Bytes that are handed on at once.
    flush_size: usize,
    scratch: Vec<u8>,
    handed_on: u64,
}

impl<W: Write> TextFile<W> {
    /// Begins a CSV file with its header. `flush_size` bytes are handed on at once.
    pub(super) fn csv(columns: &[Output], sink: W, flush_size: usize) -> Self {
        let before = (0..columns.len()).map(|at| if at == 0 { vec![] } else { vec![b','] }).collect();
        let mut file = Self::new(OutputFormat::Csv, before, columns, sink, flush_size);
        for (at, column) in columns.iter().enumerate() {
            file.buffer.extend(&file.before[at]);
            write_field(&mut file.buffer, column.name.as_bytes());
        }
        file.buffer.extend(b"\r\n");
        file
    }

    /// Begins a JSON Lines file.
    pub(super) fn json(columns: &[Output], sink: W, flush_size: usize) -> Self {
        let member = |(at, column): (usize, &Output)| {
            let mut text = vec![if at == 0 { b'{' } else { b',' }];
            json::write_string(&mut text, column.name.as_bytes());
            text.push(b':');
            text
        };
        let before = columns.iter().enumerate().map(member).collect();
        Self::new(OutputFormat::Json, before, columns, sink, flush_size)
    }

    fn new(
        format: OutputFormat,
        before: Vec<Vec<u8>>,
        columns: &[Output],
        sink: W,
        flush_size: usize,
    ) -> Self {
        Self {
            sink,
            format,
            before,
            columns: columns.iter().map(|column| (column.is_json, column.trim)).collect(),
            is_lines: format == OutputFormat::Json && columns.iter().any(|column| column.is_line),
            buffer: Vec::with_capacity(flush_size + flush_size / 4),
            flush_size,
            scratch: Vec::new(),
            handed_on: 0,
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        let mut cells = Vec::with_capacity(self.columns.len());
        for (array, (is_json, trim)) in batch.columns().iter().zip(&self.columns) {
            cells.push(Cells::new(array, *is_json, *trim)?);
        }
        for row in 0..batch.num_rows() {
            if self.is_lines {
                cells
                    .iter()
                    .filter(|column| !column.is_null(row))
                    .for_each(|column| column.write(row, &mut self.buffer));
                self.buffer.push(b'\n');
                if self.buffer.len() >= self.flush_size {
                    self.hand_on()?;
                }
                continue;
            }
            for (column, before) in cells.iter().zip(&self.before) {
                self.buffer.extend(before);
                match self.format {
                    OutputFormat::Csv => write_csv(&mut self.buffer, &mut self.scratch, column, row),
                    _ => write_json(&mut self.buffer, column, row),
                }
            }
            self.buffer.extend(if self.format == OutputFormat::Csv { &b"\r\n"[..] } else { b"}\n" });
            if self.buffer.len() >= self.flush_size {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<(), RunError> {
        self.sink.write_all(&self.buffer)?;
        self.handed_on += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn length(&self) -> u64 {
        self.handed_on + self.buffer.len() as u64
    }

    pub(super) fn finish(mut self) -> Result<W, RunError> {
        self.hand_on()?;
        Ok(self.sink)
    }
}

/// Writes a value as JSON.
pub(crate) fn write_json(out: &mut Vec<u8>, column: &Cells, row: usize) {
    if column.is_null(row) {
        out.extend(b"null");
        return;
    }
    match (column.json_kind(row), column.borrowed(row)) {
        (JsonKind::Raw, Some(raw)) => json::write_raw(out, raw),
        (JsonKind::Quoted, Some(text)) => json::write_string(out, text.as_bytes()),
        (JsonKind::Quoted, None) => {
            // Numbers, times and base64 hold nothing to escape.
            out.push(b'"');
            column.write(row, out);
            out.push(b'"');
        }
        _ => column.write(row, out),
    }
}

fn write_csv(out: &mut Vec<u8>, scratch: &mut Vec<u8>, column: &Cells, row: usize) {
    if column.is_null(row) {
        return;
    }
    match column {
        Cells::Text(values) => write_field(out, values.value(row).as_bytes()),
        Cells::Json(_) => {
            scratch.clear();
            column.write(row, scratch);
            write_field(out, scratch);
        }
        // Nothing else holds a comma, a quote or a line end.
        _ => {
            let before = out.len();
            column.write(row, out);
            if out.len() == before {
                write_field(out, b"");
            }
        }
    }
}

/// One field: in quotes where RFC 4180 asks for them, and where it is empty,
/// which tells it apart from null.
fn write_field(out: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() && memchr3(b',', b'\n', b'\r', text).is_none() && memchr(b'"', text).is_none() {
        out.extend(text);
        return;
    }
    out.push(b'"');
    for (at, part) in text.split(|byte| *byte == b'"').enumerate() {
        if at > 0 {
            out.extend(b"\"\"");
        }
        out.extend(part);
    }
    out.push(b'"');
}
