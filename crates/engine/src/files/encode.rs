//! Record batches into a file of one of the three formats.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use tidegate_core::flow::{OutputFormat, S3Destination};

use super::parquet_out::ParquetFile;
use super::text_out::TextFile;
use crate::error::RunError;
use crate::tasks::Output;

/// A file being written.
pub(super) enum Encoder<W: Write + Send> {
    Text(TextFile<W>),
    Parquet(Box<ParquetFile<W>>),
}

impl<W: Write + Send> Encoder<W> {
    /// Begins a file. `buffer` is how many bytes of text wait until they are
    /// handed on.
    pub(super) fn new(
        destination: &S3Destination,
        columns: &[Output],
        sink: W,
        buffer: usize,
    ) -> Result<Self, RunError> {
        Ok(match destination.format {
            OutputFormat::Csv => Self::Text(TextFile::csv(columns, sink, buffer)),
            OutputFormat::Json => Self::Text(TextFile::json(columns, sink, buffer)),
            OutputFormat::Parquet => {
                let keep_types = destination.preserve_source_data_typing == Some(true);
                Self::Parquet(Box::new(ParquetFile::new(columns, keep_types, sink)?))
            }
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        match self {
            Self::Text(file) => file.write(batch),
            Self::Parquet(file) => file.write(batch),
        }
    }

    /// The file's length so far, or a little less.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Text(file) => file.length(),
            Self::Parquet(file) => file.length(),
        }
    }

    /// Bytes of memory that the file's unwritten records take.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Parquet(file) => file.memory(),
        }
    }

    /// Writes out what waits in memory.
    pub(super) fn relieve(&mut self) -> Result<(), RunError> {
        match self {
            Self::Text(_) => Ok(()),
            Self::Parquet(file) => file.end_group(),
        }
    }

    /// Ends the file and gives back what it was written to.
    pub(super) fn finish(self) -> Result<W, RunError> {
        match self {
            Self::Text(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}
