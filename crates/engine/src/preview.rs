//! The first rows of a Parquet file as texts, for people.

use std::fs::File;
use std::path::Path;

use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::RunError;

/// The head of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with one text a column; a null is an empty text.
    pub rows: Vec<Vec<String>>,
}

/// Reads at most `limit` rows from the start of a Parquet file.
///
/// # Errors
/// A file that is missing or is no Parquet.
pub fn parquet_head(path: &Path, limit: usize) -> Result<Head, RunError> {
    let unreadable = |error: ArrowError| RunError::Destination(error.to_string());
    let file = File::open(path)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(error.into()))?;
    let columns = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let reader = builder
        .with_batch_size(limit.max(1))
        .with_limit(limit)
        .build()
        .map_err(|error| unreadable(error.into()))?;
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        let cells: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            rows.push(cells.iter().map(|cell| cell.value(row).to_string()).collect());
        }
    }
    Ok(Head { columns, rows })
}
