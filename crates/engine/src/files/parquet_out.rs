//! Parquet: the source's types, or texts only.

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;

use crate::error::RunError;
use crate::tasks::Output;
use crate::values::cells::Cells;

/// Rows of a row group at most.
const GROUP_ROWS: usize = 128 * 1024;
/// Memory of an unfinished row group after which it is ended early.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Values of a column that are looked at before its encoding is chosen.
const SAMPLE: usize = 4_096;
/// With fewer rows in its first batch a file has the common encoding.
const LEAST_SAMPLE: usize = 1_024;

/// A Parquet file being written.
pub(super) struct ParquetFile<W: Write + Send> {
    /// Made with the first rows, which decide how columns are encoded.
    writer: Option<ArrowWriter<W>>,
    sink: Option<W>,
    schema: SchemaRef,
    columns: Vec<(bool, bool)>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file; `keep_types` is `preserveSourceDataTyping`.
    pub(super) fn new(columns: &[Output], keep_types: bool, sink: W) -> Result<Self, RunError> {
        let field = |column: &Output| {
            let data_type =
                if keep_types && !column.is_json { stored_type(&column.data_type) } else { DataType::Utf8 };
            Field::new(&column.name, data_type, true)
        };
        let schema: SchemaRef = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let columns = columns.iter().map(|column| (column.is_json, column.trim)).collect();
        Ok(Self { writer: None, sink: Some(sink), schema, columns })
    }

    /// The writer, made for what its first rows look like.
    fn writer(&mut self, first: &[ArrayRef]) -> Result<&mut ArrowWriter<W>, RunError> {
        if let Some(sink) = self.sink.take() {
            let mut properties = WriterProperties::builder()
                // What every reader of Parquet understands.
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(GROUP_ROWS))
                .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned());
            for (array, field) in first.iter().zip(self.schema.fields()) {
                if is_mostly_distinct(array) {
                    let path = ColumnPath::new(vec![field.name().clone()]);
                    properties = properties.set_column_dictionary_enabled(path, false);
                }
            }
            self.writer = Some(ArrowWriter::try_new(sink, self.schema.clone(), Some(properties.build()))?);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| RunError::Internal("a Parquet file is written on after an error".to_owned()))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        let columns = batch.columns().iter().zip(self.schema.fields()).zip(&self.columns);
        for ((array, field), (is_json, trim)) in columns {
            arrays.push(match field.data_type() {
                same if !is_json && same == array.data_type() => array.clone(),
                DataType::Utf8 => Arc::new(Cells::new(array, *is_json, *trim)?.to_text()) as ArrayRef,
                other => cast(array, other)?,
            });
        }
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        let writer = self.writer(batch.columns())?;
        writer.write(&batch)?;
        if writer.memory_size() > GROUP_BYTES {
            writer.flush()?;
        }
        Ok(())
    }

    pub(super) fn length(&self) -> u64 {
        let written = |writer: &ArrowWriter<W>| writer.bytes_written() + writer.in_progress_size();
        self.writer.as_ref().map_or(0, written) as u64
    }

    /// Bytes of memory that the unfinished row group takes.
    pub(super) fn memory(&self) -> usize {
        self.writer.as_ref().map_or(0, ArrowWriter::memory_size)
    }

    /// Ends the row group.
    pub(super) fn end_group(&mut self) -> Result<(), RunError> {
        Ok(self.writer.as_mut().map_or(Ok(()), ArrowWriter::flush)?)
    }

    pub(super) fn finish(mut self) -> Result<W, RunError> {
        // A file without rows is a file all the same.
        self.writer(&[])?;
        let writer = self.writer.take();
        Ok(writer
            .ok_or_else(|| RunError::Internal("a Parquet file has no writer".to_owned()))?
            .into_inner()?)
    }
}

/// Whether so few values of a column come again that a dictionary of them would
/// outgrow its page and be given up, after it has cost its time. By the odds,
/// a column of over 40,000 values shows no more than a twentieth twice here.
fn is_mostly_distinct(array: &ArrayRef) -> bool {
    fn judge<T: Hash + Eq>(values: impl Iterator<Item = T>) -> bool {
        let mut known = HashSet::with_capacity(SAMPLE);
        let (mut seen, mut new) = (0, 0);
        for value in values.take(SAMPLE) {
            seen += 1;
            new += usize::from(known.insert(value));
        }
        seen >= LEAST_SAMPLE && new * 20 > seen * 19
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        return judge(texts.iter().flatten());
    }
    let Some(width) = array.data_type().primitive_width() else {
        return false;
    };
    let data = array.to_data();
    let values = data.buffers()[0].as_slice()[data.offset() * width..].chunks_exact(width).take(data.len());
    judge(values.enumerate().filter(|(row, _)| array.is_valid(*row)).map(|(_, value)| value))
}

/// The type under which Parquet keeps a type: moments are in UTC, and never
/// in whole seconds, which Parquet lacks.
fn stored_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => {
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
        }
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

impl From<ParquetError> for RunError {
    fn from(error: ParquetError) -> Self {
        Self::find(&error).unwrap_or_else(|| Self::Internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_dictionary_is_for_what_comes_again() {
        let texts = |distinct: usize, rows: usize| -> ArrayRef {
            let cell = |row: usize| (!row.is_multiple_of(3)).then(|| format!("value {}", row % distinct));
            Arc::new((0..rows).map(cell).collect::<StringArray>())
        };
        let numbers = |distinct: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter((0..8_192).map(|row| row % distinct)))
        };
        for (column, expected) in [
            (texts(100_000, 8_192), true),
            (texts(2_000, 8_192), false),
            (texts(100_000, 900), false),
            (numbers(100_000), true),
            (numbers(1_000), false),
            (numbers(100_000).slice(7_500, 500), false),
        ] {
            assert_eq!(is_mostly_distinct(&column), expected, "{column:?}");
        }
        let halves: ArrayRef =
            Arc::new(Int64Array::from_iter((0..2_000).map(|row| (row >= 1_000).then_some(row))));
        assert!(!is_mostly_distinct(&halves.slice(1_000, 1_000)), "too few");
        assert!(is_mostly_distinct(&numbers(9_000).slice(2_000, 4_000)), "the slice begins where it begins");
    }
}
