//! Parquet: the source's types, or texts only.

use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::RunError;
use crate::tasks::Output;
use crate::values::cells::Cells;

/// Rows of a row group at most.
const GROUP_ROWS: usize = 128 * 1024;
/// Memory of an unfinished row group after which it is ended early.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// A Parquet file being written.
pub(super) struct ParquetFile<W: Write + Send> {
    writer: ArrowWriter<W>,
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
        let properties = WriterProperties::builder()
            // What every reader of Parquet understands.
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties))?;
        let columns = columns.iter().map(|column| (column.is_json, column.trim)).collect();
        Ok(Self { writer, schema, columns })
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
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)?;
        if self.writer.memory_size() > GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    pub(super) fn length(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Bytes of memory that the unfinished row group takes.
    pub(super) fn memory(&self) -> usize {
        self.writer.memory_size()
    }

    /// Ends the row group.
    pub(super) fn end_group(&mut self) -> Result<(), RunError> {
        Ok(self.writer.flush()?)
    }

    pub(super) fn finish(self) -> Result<W, RunError> {
        Ok(self.writer.into_inner()?)
    }
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
