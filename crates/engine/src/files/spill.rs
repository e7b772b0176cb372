//! Records that wait in a file of the staging area until there is room for
//! the files that they belong to.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;

use super::local::failed;
use crate::error::RunError;

/// Records that are read at once.
const ROWS: usize = 8_192;
/// Their size, in bytes, above which fewer are enough.
const BYTES: usize = 4 * 1024 * 1024;

/// Bytes that the rows of a batch take. Columns that lie in one buffer, as those
/// read from a file do, would each count the whole of it by their memory.
pub(super) fn size(batch: &RecordBatch) -> usize {
    let size = |column: &ArrayRef| {
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(size).sum()
}

/// A file of waiting records.
pub(super) struct Spill {
    path: PathBuf,
    writer: StreamWriter<BufWriter<File>>,
}

impl Spill {
    /// Begins a file for batches like this one.
    pub(super) fn new(path: PathBuf, like: &RecordBatch) -> Result<Self, RunError> {
        let file = File::create(&path).map_err(|error| failed("create", &path, &error).of_destination())?;
        let writer = StreamWriter::try_new(BufWriter::with_capacity(64 * 1024, file), &like.schema())?;
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        Ok(self.writer.write(batch)?)
    }

    /// Ends writing; the records can be read once.
    pub(super) fn into_waiting(mut self) -> Result<Waiting, RunError> {
        self.writer.finish()?;
        let flushed = self.writer.get_mut().flush();
        flushed.map_err(|error| failed("write", &self.path, &error).of_destination())?;
        Ok(Waiting(self.path))
    }
}

/// Records in a file, to be read.
pub(super) struct Waiting(PathBuf);

impl Waiting {
    /// Opens the file and takes its name away, so that its space is free once
    /// it has been read.
    pub(super) fn open(self) -> Result<Batches, RunError> {
        let explain = |error: &std::io::Error| failed("read", &self.0, error).of_destination();
        let file = File::open(&self.0).map_err(|error| explain(&error))?;
        fs::remove_file(&self.0).map_err(|error| explain(&error))?;
        Ok(Batches(StreamReader::try_new_buffered(file, None)?))
    }
}

/// The records of a file in their order, in batches of a good size again:
/// they were written a few at a time.
pub(super) struct Batches(StreamReader<BufReader<File>>);

impl Iterator for Batches {
    type Item = Result<RecordBatch, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut some, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < ROWS && bytes < BYTES {
            match self.0.next() {
                None => break,
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok(batch)) => {
                    rows += batch.num_rows();
                    bytes += size(&batch);
                    some.push(batch);
                }
            }
        }
        let schema = some.first()?.schema();
        Some(concat_batches(&schema, &some).map_err(RunError::from))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn small_batches_come_back_in_good_ones() {
        let place = tempfile::tempdir().unwrap();
        let batch = |row: i64| {
            let columns = (0..12).map(|column| {
                let array: ArrayRef = match column {
                    0 => Arc::new(Int64Array::from(vec![row])),
                    _ => Arc::new(StringArray::from(vec![format!("text {row} {column}")])),
                };
                (format!("c{column}"), array)
            });
            RecordBatch::try_from_iter(columns).unwrap()
        };
        let mut spill = Spill::new(place.path().join("spill"), &batch(0)).unwrap();
        (0..20_000).for_each(|row| spill.write(&batch(row)).unwrap());
        let sizes: Vec<usize> =
            spill.into_waiting().unwrap().open().unwrap().map(|batch| batch.unwrap().num_rows()).collect();
        assert_eq!(sizes, [8_192, 8_192, 3_616]);
    }
}
