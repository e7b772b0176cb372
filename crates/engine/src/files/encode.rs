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
    /// Begins a file.
    pub(super) fn new(destination: &S3Destination, columns: &[Output], sink: W) -> Result<Self, RunError> {
        Ok(match destination.format {
            OutputFormat::Csv => Self::Text(TextFile::csv(columns, sink)),
            OutputFormat::Json => Self::Text(TextFile::json(columns, sink)),
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

    /// Ends the file and gives back what it was written to.
    pub(super) fn finish(self) -> Result<W, RunError> {
        match self {
            Self::Text(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}
