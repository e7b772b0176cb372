//! From a lowered plan to streams: which records go on, and which are left
//! out on the way.
//!
//! Usually this is one plan: filter, then compute. Validations stand between
//! the two, because nothing may be computed of a record that they refuse, so
//! with them there are two plans, one behind the other. Where a bad value
//! costs the record, the last plan also tells which records those are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array,
};
use datafusion::arrow::compute::{filter_record_batch, is_null};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, UInt64Type};
use datafusion::common::Column;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tidegate_core::connector::Progress;

use super::failed::Failures;
use crate::error::RunError;
use crate::table::{Batches, Parts, table};
use crate::tasks::{Check, Lowered, Output, verdict};
use crate::values::cells::Cells;

/// What a plan gives, batch by batch.
pub(crate) struct Rows {
    /// Records for the destination. With [`Options::tell_parts`] their last
    /// column is the number of the part that each comes from.
    pub good: RecordBatch,
    /// Lines for the error file, one a record; empty when no record failed.
    pub failed: Vec<u8>,
}

/// A plan at work.
pub(crate) struct Execution {
    pub rows: BoxStream<'static, Result<Rows, RunError>>,
    /// The columns of the good records.
    pub columns: Vec<Output>,
    read: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Execution {
    /// Records that the filters left out, once the rows have ended.
    pub(crate) fn filtered(&self) -> u64 {
        self.read.load(Ordering::Relaxed).saturating_sub(self.passed.load(Ordering::Relaxed))
    }
}

/// What else a plan is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Failed records have a place to go to.
    pub has_error_file: bool,
    /// The writer wants to know which part of the source a record is from.
    pub tell_parts: bool,
}

/// Starts the plan over a stream of the schema that it was lowered for.
pub(crate) async fn execute(
    session: &SessionContext,
    schema: SchemaRef,
    parts: Parts,
    lowered: Lowered,
    progress: Arc<Progress>,
    options: Options,
) -> Result<Execution, RunError> {
    let record = lowered.record();
    let Lowered { filters, validations, outputs, checks, .. } = lowered;
    let (read, passed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    // The place of each record is only carried where it may be told.
    let place = (!validations.is_empty() || !checks.is_empty()).then(|| unused_name(&schema, "record"));
    let part = options.tell_parts.then(|| unused_name(&schema, "part"));
    let (schema, batches) = number(schema, parts, part.clone(), place.clone(), read.clone());
    let mut frame = session.read_table(Arc::new(table(schema.clone(), batches)?))?;
    if let Some(condition) = filters.into_iter().reduce(Expr::and) {
        frame = frame.filter(condition)?;
    }
    let mut counts_here = true;
    if let Some(place) = place.as_deref().filter(|_| !validations.is_empty()) {
        let stream = validated(frame, &schema, place, validations, &progress, &passed).await?;
        frame = session.read_table(Arc::new(table(schema.clone(), stream)?))?;
        counts_here = false;
    }
    let counted = passed.clone();
    let count = move |rows: usize| {
        if counts_here {
            counted.fetch_add(rows as u64, Ordering::Relaxed);
        }
    };
    let rows = match place.filter(|_| !checks.is_empty()) {
        None => {
            let stream = frame.select(numbered(&outputs, part.as_deref(), &[]))?.execute_stream().await?;
            let good = move |batch: Result<RecordBatch, _>| {
                let good = batch.map_err(RunError::from)?;
                count(good.num_rows());
                Ok(Rows { good, failed: Vec::new() })
            };
            stream.map(good).boxed()
        }
        Some(place) => {
            let mut columns = numbered(&outputs, part.as_deref(), &record);
            columns.push(column(&place).alias("place"));
            columns.push(verdict(&checks).alias("verdict"));
            let stream = frame.select(columns)?.execute_stream().await?;
            let (good, has_error_file) =
                (outputs.len() + usize::from(part.is_some()), options.has_error_file);
            let failures = Failures { checks, record, good, has_error_file, progress };
            let split = move |batch: Result<RecordBatch, _>| {
                let batch = batch.map_err(RunError::from)?;
                count(batch.num_rows());
                failures.split(&batch)
            };
            stream.map(split).boxed()
        }
    };
    Ok(Execution { rows, columns: outputs, read, passed })
}

/// A name for a column of the engine's own that no field of the source has.
fn unused_name(schema: &Schema, name: &str) -> String {
    let mut name = name.to_owned();
    while schema.column_with_name(&name).is_some() {
        name.push('_');
    }
    name
}

/// Counts records as they come, and gives each, if asked, the number of its
/// part and its place, from 1.
fn number(
    schema: SchemaRef,
    parts: Parts,
    part: Option<String>,
    place: Option<String>,
    read: Arc<AtomicU64>,
) -> (SchemaRef, Batches) {
    if part.is_none() && place.is_none() {
        let counted = parts.map(move |item| {
            let (_, batch) = item?;
            read.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            Ok(batch)
        });
        return (schema, counted.boxed());
    }
    let (tells_part, tells_place) = (part.is_some(), place.is_some());
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    fields.extend(part.map(|name| Arc::new(Field::new(name, DataType::UInt32, false))));
    fields.extend(place.map(|name| Arc::new(Field::new(name, DataType::UInt64, false))));
    let numbered: SchemaRef = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let of_batches = numbered.clone();
    let batches = parts.map(move |item| {
        let (number, batch) = item?;
        let rows = batch.num_rows();
        let first = read.fetch_add(rows as u64, Ordering::Relaxed) + 1;
        let mut columns = batch.columns().to_vec();
        if tells_part {
            columns.push(Arc::new(UInt32Array::from_value(number, rows)));
        }
        if tells_place {
            columns.push(Arc::new(UInt64Array::from_iter_values(first..first + rows as u64)));
        }
        rebuild(&of_batches, columns, rows)
    });
    (numbered, batches.boxed())
}

/// The output's columns, the part's number if it is told, and the source's
/// record. Names of the output may be the source's, so each has a number.
fn numbered(outputs: &[Output], part: Option<&str>, record: &[Output]) -> Vec<Expr> {
    let outputs = outputs.iter().map(|output| output.expr.clone());
    let record = record.iter().map(|output| output.expr.clone());
    let columns = outputs.chain(part.map(column)).chain(record).enumerate();
    columns.map(|(at, expr)| expr.alias(format!("column {at}"))).collect()
}

fn rebuild(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, RunError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// The records that the validations let pass.
async fn validated(
    frame: DataFrame,
    schema: &SchemaRef,
    place: &str,
    checks: Vec<Check>,
    progress: &Arc<Progress>,
    passed: &Arc<AtomicU64>,
) -> Result<Batches, RunError> {
    let mut columns: Vec<Expr> = schema.fields().iter().map(|field| column(field.name())).collect();
    columns.push(verdict(&checks).alias(format!("{place} verdict")));
    let stream: SendableRecordBatchStream = frame.select(columns)?.execute_stream().await?;
    let (schema, progress, passed) = (schema.clone(), progress.clone(), passed.clone());
    let batches = stream.map(move |batch| {
        let batch = batch?;
        passed.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        let (verdicts, columns) = batch.columns().split_last().ok_or_else(no_columns)?;
        let source = rebuild(&schema, columns.to_vec(), batch.num_rows())?;
        if verdicts.null_count() == batch.num_rows() {
            return Ok(source);
        }
        let numbers = verdicts.as_primitive::<Int32Type>();
        let failed = (0..batch.num_rows()).filter(|row| numbers.is_valid(*row));
        for row in failed {
            let check = &checks[usize::try_from(numbers.value(row)).unwrap_or_default()];
            if check.ends_run {
                return Err(ended(check, &source, row));
            }
        }
        let kept = filter_record_batch(&source, &is_null(verdicts.as_ref())?)?;
        Progress::add(&progress.records_dropped, (source.num_rows() - kept.num_rows()) as u64);
        Ok(kept)
    });
    Ok(batches.boxed())
}

/// The error of a record whose validation says `DropDataset`.
fn ended(check: &Check, source: &RecordBatch, row: usize) -> RunError {
    let place = source.columns().last().map_or(0, |places| places.as_primitive::<UInt64Type>().value(row));
    let value = check.shown.as_deref().and_then(|name| {
        let (at, field) = source.schema_ref().column_with_name(name)?;
        text_of(source.column(at), super::is_json(field), row)
    });
    RunError::Task(format!(
        "Record {place} of the source ends the run, as the task's action DropDataset says: {}",
        check.reason(value.as_deref())
    ))
}

/// The text form of one value.
pub(super) fn text_of(array: &ArrayRef, is_json: bool, row: usize) -> Option<String> {
    let cells = Cells::new(&array.slice(row, 1), is_json, true).ok()?;
    if cells.is_null(0) {
        return None;
    }
    let mut text = Vec::new();
    cells.write(0, &mut text);
    String::from_utf8(text).ok()
}

pub(super) fn no_columns() -> RunError {
    RunError::Internal("a plan gave no columns".to_owned())
}
