//! Records that a validation or a value leaves out: how they are found, and
//! in which words they are told.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, BooleanBufferBuilder, Int32Builder,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::values::cells::Cells;
use crate::values::convert::Values;

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
    let implementation = Verdict { signature: Signature::variadic_any(Volatility::Immutable) };
    let conditions = checks.iter().map(|check| check.when.clone()).collect();
    ScalarUDF::new_from_impl(implementation).call(conditions)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Verdict {
    signature: Signature,
}

impl ScalarUDFImpl for Verdict {
    fn name(&self) -> &str {
        "first check that fails"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let arrays = args
            .args
            .iter()
            .map(|value| value.to_array(args.number_rows))
            .collect::<PlanResult<Vec<ArrayRef>>>()?;
        let conditions: Vec<&BooleanArray> = arrays.iter().map(|array| array.as_boolean()).collect();
        // The usual case costs no more than counting bits.
        if conditions.iter().all(|condition| !condition.has_true()) {
            return Ok(ColumnarValue::Scalar(ScalarValue::Int32(None)));
        }
        let mut numbers = Int32Builder::with_capacity(args.number_rows);
        for row in 0..args.number_rows {
            let failed = conditions.iter().position(|c| c.is_valid(row) && c.value(row));
            numbers.append_option(failed.and_then(|number| i32::try_from(number).ok()));
        }
        Ok(ColumnarValue::Array(Arc::new(numbers.finish()) as ArrayRef))
    }
}

/// True where a value is there, and its conversion is not.
pub(super) fn not_converted(values: Values, converted: Expr) -> Expr {
    let implementation = NotConverted {
        name: format!("not converted {}", values.field),
        is_json: values.is_json,
        trim: values.trim,
        signature: Signature::any(2, Volatility::Immutable),
    };
    ScalarUDF::new_from_impl(implementation).call(vec![values.expr, converted])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NotConverted {
    name: String,
    is_json: bool,
    trim: bool,
    signature: Signature,
}

impl ScalarUDFImpl for NotConverted {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let rows = args.number_rows;
        let (values, converted) = (args.args[0].to_array(rows)?, args.args[1].to_array(rows)?);
        if values.logical_null_count() == converted.logical_null_count() {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(false))));
        }
        let cells = Cells::new(&values, self.is_json, self.trim)?;
        let mut bad = BooleanBufferBuilder::new(rows);
        let mut row = 0;
        cells.for_each_text(|text| {
            bad.append(text.is_some_and(|text| !text.is_empty()) && converted.is_null(row));
            row += 1;
        });
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(bad.finish(), None)) as ArrayRef))
    }
}
