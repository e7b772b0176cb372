//! Records that a bad value leaves out: counted, and written as lines for the
//! error file.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, is_null};
use datafusion::arrow::datatypes::{Int32Type, UInt64Type};
use tidegate_core::connector::Progress;

use super::execute::{Rows, no_columns, text_of};
use crate::error::RunError;
use crate::files::text_out::write_json;
use crate::tasks::{Check, Output};
use crate::values::cells::Cells;
use crate::values::json;

/// How batches with verdicts are split.
pub(super) struct Failures {
    pub checks: Vec<Check>,
    /// The source's fields, as an error file shows them.
    pub record: Vec<Output>,
    /// How many columns, the first ones, go on with a good record.
    pub good: usize,
    pub has_error_file: bool,
    pub progress: Arc<Progress>,
}

impl Failures {
    /// Parts the good records of a batch from the failed ones.
    pub(super) fn split(&self, batch: &RecordBatch) -> Result<Rows, RunError> {
        let verdicts = batch.columns().last().ok_or_else(no_columns)?;
        let good = batch.project(&(0..self.good).collect::<Vec<_>>())?;
        if verdicts.null_count() == batch.num_rows() {
            return Ok(Rows { good, failed: Vec::new() });
        }
        let good = filter_record_batch(&good, &is_null(verdicts.as_ref())?)?;
        let count = (batch.num_rows() - good.num_rows()) as u64;
        if !self.has_error_file {
            if Progress::get(&self.progress.records_dropped) == 0
                && let Some(row) = (0..batch.num_rows()).find(|row| verdicts.is_valid(*row))
            {
                let (place, reason) = self.explain(batch, row);
                self.progress.note(format!(
                    "Records were left out because of their values; the first was record {place}: {reason}"
                ));
            }
            Progress::add(&self.progress.records_dropped, count);
            return Ok(Rows { good, failed: Vec::new() });
        }
        let failed = self.lines(batch)?;
        Progress::add(&self.progress.records_failed, count);
        Ok(Rows { good, failed })
    }

    /// One line for each failed record:
    /// `{"record":17,"reason":"…","source":{…}}`.
    fn lines(&self, batch: &RecordBatch) -> Result<Vec<u8>, RunError> {
        let mut cells = Vec::with_capacity(self.record.len());
        for (at, field) in self.record.iter().enumerate() {
            cells.push(Cells::new(batch.column(self.good + at), field.is_json, field.trim)?);
        }
        let verdicts = batch.columns().last().ok_or_else(no_columns)?;
        let mut lines = Vec::new();
        for row in (0..batch.num_rows()).filter(|row| verdicts.is_valid(*row)) {
            let (place, reason) = self.explain(batch, row);
            lines.extend(format!("{{\"record\":{place},\"reason\":").bytes());
            json::write_string(&mut lines, reason.as_bytes());
            lines.extend(b",\"source\":{");
            for (at, (field, column)) in self.record.iter().zip(&cells).enumerate() {
                if at > 0 {
                    lines.push(b',');
                }
                json::write_string(&mut lines, field.name.as_bytes());
                lines.push(b':');
                write_json(&mut lines, column, row);
            }
            lines.extend(b"}}\n");
        }
        Ok(lines)
    }

    /// The place of a failed record, and what is wrong with it.
    fn explain(&self, batch: &RecordBatch, row: usize) -> (u64, String) {
        let place = batch.column(self.good + self.record.len()).as_primitive::<UInt64Type>().value(row);
        let number = batch.columns().last().map_or(0, |column| column.as_primitive::<Int32Type>().value(row));
        let Some(check) = self.checks.get(usize::try_from(number).unwrap_or_default()) else {
            return (place, String::new());
        };
        let value = check.shown.as_deref().and_then(|name| {
            let at = self.record.iter().position(|field| field.name == name)?;
            text_of(batch.column(self.good + at), self.record[at].is_json, row)
        });
        (place, check.reason(value.as_deref()))
    }
}
