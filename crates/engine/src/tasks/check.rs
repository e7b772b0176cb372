//! Records that a validation or a value leaves out: how they are found, and
//! in which words they are told.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, BooleanBufferBuilder, Int32Builder,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr};

use crate::values::cells::Cells;
use crate::values::convert::Values;
use crate::values::kernel::Kernel;

/// Where a reason takes the value, with a space before it.
pub(crate) const VALUE: &str = "\u{1}";

/// One thing that may be wrong with a record.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// True where it is wrong; null counts as false.
    pub when: Expr,
    /// What is wrong, with [`VALUE`] where the value belongs.
    pub reason: String,
    /// The source field whose value the reason may show.
    pub shown: Option<String>,
    /// It ends the run (`DropDataset`) instead of the record.
    pub ends_run: bool,
}

impl Check {
    /// The reason for one record.
    pub(crate) fn reason(&self, value: Option<&str>) -> String {
        let shown = value.map(|value| format!(" {:?}", crate::error::shortened(value)));
        self.reason.replace(VALUE, &shown.unwrap_or_default())
    }
}

/// The number of the first check that a record fails, from 0; null where it
/// fails none.
pub(crate) fn verdict(checks: &[Check]) -> Expr {
    Verdict.of(checks.iter().map(|check| check.when.clone()).collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Verdict;

impl Kernel for Verdict {
    fn name(&self) -> String {
        "first check that fails".to_owned()
    }

    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn run(&self, inputs: &[ArrayRef], rows: usize) -> PlanResult<ColumnarValue> {
        let conditions: Vec<&BooleanArray> = inputs.iter().map(|array| array.as_boolean()).collect();
        // The usual case costs no more than counting bits.
        if conditions.iter().all(|condition| !condition.has_true()) {
            return Ok(ColumnarValue::Scalar(ScalarValue::Int32(None)));
        }
        let mut numbers = Int32Builder::with_capacity(rows);
        for row in 0..rows {
            let failed = conditions.iter().position(|c| c.is_valid(row) && c.value(row));
            numbers.append_option(failed.and_then(|number| i32::try_from(number).ok()));
        }
        Ok(ColumnarValue::Array(Arc::new(numbers.finish())))
    }
}

/// True where a value is there, and its conversion is not.
pub(super) fn not_converted(values: Values, converted: Expr) -> Expr {
    let kernel = NotConverted { field: values.field, is_json: values.is_json, trim: values.trim };
    kernel.of(vec![values.expr, converted])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NotConverted {
    field: String,
    is_json: bool,
    trim: bool,
}

impl Kernel for NotConverted {
    fn name(&self) -> String {
        format!("not converted {}", self.field)
    }

    fn output(&self) -> DataType {
        DataType::Boolean
    }

    fn run(&self, inputs: &[ArrayRef], rows: usize) -> PlanResult<ColumnarValue> {
        let (values, converted) = (&inputs[0], &inputs[1]);
        if values.logical_null_count() == converted.logical_null_count() {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(false))));
        }
        let cells = Cells::new(values, self.is_json, self.trim)?;
        let mut bad = BooleanBufferBuilder::new(rows);
        let mut row = 0;
        cells.for_each_text(|text| {
            bad.append(text.is_some_and(|text| !text.is_empty()) && converted.is_null(row));
            row += 1;
        });
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(bad.finish(), None))))
    }
}
