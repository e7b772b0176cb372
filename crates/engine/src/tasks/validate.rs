//! Validate: what is asked of a record before anything is computed of it.
//!
//! Each check refuses just what its name says. A missing value, and an empty
//! text where a number is asked for, fail VALIDATE_NON_NULL or nothing.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr, lit};
use tidegate_core::task::{ValidationAction, ValidationCheck};

use super::check::{Check, VALUE};
use super::filter::literal;
use super::{Field, Lowered, Meaning};
use crate::error::RunError;
use crate::values::cells::Cells;
use crate::values::convert::{compare_decimals, is_decimal};
use crate::values::kernel::Kernel;

/// Adds a validation.
pub(super) fn lower(
    name: &str,
    check: ValidationCheck,
    action: ValidationAction,
    plan: &mut Lowered,
) -> Result<(), RunError> {
    let field = plan.field(name, "Validate task")?;
    let what = match check {
        ValidationCheck::NonNull => "is missing",
        ValidationCheck::NonZero => "is zero",
        ValidationCheck::NonNegative => "is negative",
        ValidationCheck::Numeric => "is no number",
    };
    let validation = Check {
        when: fails(field, check),
        reason: format!("The value{VALUE} of the field {name} {what} ({})", check.as_str()),
        shown: (!field.hidden && check != ValidationCheck::NonNull).then(|| name.to_owned()),
        ends_run: action == ValidationAction::DropDataset,
    };
    plan.validations.push(validation);
    Ok(())
}

/// True where a field's value fails.
fn fails(field: &Field, check: ValidationCheck) -> Expr {
    let is_text = field.is_json || field.meaning == Meaning::Number || field.data_type == DataType::Utf8;
    if check == ValidationCheck::NonNull && !field.is_json {
        return field.expr.clone().is_null();
    }
    if !is_text && check != ValidationCheck::Numeric {
        let zero = if field.data_type.is_numeric() { literal(&field.data_type, "0") } else { None };
        return match (zero, check) {
            (None, _) => lit(false),
            // Floats are compared by their bits in order: -0.0 below 0.0, and
            // one kind of NaN below everything.
            (Some(_), ValidationCheck::NonZero) if field.data_type.is_floating() => {
                field.expr.clone().gt_eq(lit(-0.0)).and(field.expr.clone().lt_eq(lit(0.0)))
            }
            (Some(_), _) if field.data_type.is_floating() => {
                field.expr.clone().lt(lit(-0.0)).and(field.expr.clone().gt_eq(lit(f64::NEG_INFINITY)))
            }
            (Some(zero), ValidationCheck::NonZero) => field.expr.clone().eq(lit(zero)),
            (Some(zero), _) => field.expr.clone().lt(lit(zero)),
        };
    }
    let is_whole = field.data_type.is_integer() || matches!(field.data_type, DataType::Decimal128(..));
    if check == ValidationCheck::Numeric && !is_text && is_whole {
        return lit(false);
    }
    let kernel = Fails { check, is_json: field.is_json, is_numeric: is_text || field.data_type.is_numeric() };
    kernel.of(vec![field.expr.clone()])
}

/// A check of texts, and of values that have no number of their own.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Fails {
    check: ValidationCheck,
    is_json: bool,
    /// Whether the column's type lets a value be a number at all.
    is_numeric: bool,
}

impl Kernel for Fails {
    fn name(&self) -> String {
        format!("fails {}", self.check.as_str())
    }

    fn output(&self) -> DataType {
        DataType::Boolean
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let cells = Cells::new(&inputs[0], self.is_json, false)?;
        let mut failed = BooleanBufferBuilder::new(cells.len());
        cells.for_each_text(|text| failed.append(self.fails(text)));
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(failed.finish(), None))))
    }
}

impl Fails {
    fn fails(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return self.check == ValidationCheck::NonNull };
        let text = text.trim();
        let is = |accepts: fn(Ordering) -> bool| compare_decimals(text, "0").is_some_and(accepts);
        match self.check {
            ValidationCheck::NonNull => false,
            ValidationCheck::NonZero => is(Ordering::is_eq),
            ValidationCheck::NonNegative => is(Ordering::is_lt),
            ValidationCheck::Numeric => !(text.is_empty() || (self.is_numeric && is_decimal(text))),
        }
    }
}
