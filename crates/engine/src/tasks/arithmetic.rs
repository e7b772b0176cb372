//! Arithmetic: one number of two, exact where both are exact.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, cast};
use tidegate_core::task::ArithmeticOperator;
use tidegate_core::types::{arrow_type, is_unsized_decimal};

use super::check::Check;
use super::{Field, Lowered, Meaning, Typing, map};
use crate::error::RunError;
use crate::values::compute::{compute, scale_of};
use crate::values::convert::type_name;

/// A decimal of no stated scale.
const UNSIZED: DataType = DataType::Decimal128(38, 10);
/// Places of a quotient at least, and of a product at most unless a factor
/// has more.
const QUOTIENT_PLACES: i8 = 10;
const PRODUCT_PLACES: i8 = 20;

/// Computes a number of two fields.
pub(super) fn lower(
    operator: ArithmeticOperator,
    (left, right): (&str, &str),
    name: &str,
    (source_type, destination_type): (Option<&str>, Option<&str>),
    plan: &mut Lowered,
) -> Result<(), RunError> {
    let left = operand(left, operator, source_type, plan)?;
    let right = operand(right, operator, source_type, plan)?;
    let result = result_type(operator, &left.data_type, &right.data_type);
    let hidden = left.hidden || right.hidden;
    let fields = (left.name.as_str(), right.name.as_str());
    let inputs = (left.expr.clone(), right.expr.clone());
    let expr = compute(operator, inputs, fields, &result, plan.bad_value(hidden));
    if plan.drops() {
        let there = left.expr.is_not_null().and(right.expr.is_not_null());
        plan.check(Check {
            when: there.and(expr.clone().is_null()),
            reason: format!(
                "The {} of the fields {} and {} cannot be computed",
                operator.as_str(),
                left.name,
                right.name
            ),
            shown: None,
            ends_run: false,
        });
    }
    let is_exact = matches!(result, DataType::Decimal128(..));
    let trim = is_exact && (left.trim || right.trim || operator == ArithmeticOperator::Divide);
    plan.add_computed(name, expr, result, hidden, trim);
    if let Some(mut computed) = plan.fields.pop() {
        map::to_type(&mut computed, destination_type, plan);
        plan.fields.push(computed);
    }
    Ok(())
}

/// A field as a number: a 64-bit integer, a decimal or a 64-bit float.
fn operand(
    name: &str,
    operator: ArithmeticOperator,
    source_type: Option<&str>,
    plan: &mut Lowered,
) -> Result<Field, RunError> {
    let mut field = plan.field(name, "Arithmetic task")?.clone();
    let to = |field: &mut Field, expr: Expr, data_type: DataType| {
        field.expr = expr;
        field.data_type = data_type;
    };
    let is_text = field.is_json || field.meaning == Meaning::Number || field.data_type == DataType::Utf8;
    if is_text {
        let named = source_type.filter(|name| arrow_type(name).is_some_and(|named| named.is_numeric()));
        let named = named.filter(|_| plan.typing == Typing::Untyped && !field.computed);
        let target = named.and_then(arrow_type).unwrap_or(UNSIZED);
        let (expr, _) = plan.convert(&field, &target);
        field.trim = named.is_none_or(is_unsized_decimal);
        field.is_json = false;
        field.meaning = Meaning::Own;
        to(&mut field, expr, target);
    }
    let target = match &field.data_type {
        DataType::Decimal128(_, scale) if *scale >= 0 => return Ok(field),
        DataType::Decimal128(..) => DataType::Decimal128(38, 0),
        DataType::UInt64 => DataType::Decimal128(20, 0),
        other if other.is_integer() => DataType::Int64,
        other if other.is_floating() => DataType::Float64,
        other => {
            return Err(RunError::Task(format!(
                "The Arithmetic task {} needs numbers, but the field {name} holds values of the type {}",
                operator.as_str(),
                type_name(other)
            )));
        }
    };
    if field.data_type != target {
        let expr = cast(field.expr.clone(), target.clone());
        to(&mut field, expr, target);
    }
    Ok(field)
}

fn result_type(operator: ArithmeticOperator, left: &DataType, right: &DataType) -> DataType {
    if *left == DataType::Float64 || *right == DataType::Float64 {
        return DataType::Float64;
    }
    let both = *left == DataType::Int64 && *right == DataType::Int64;
    if both && operator != ArithmeticOperator::Divide {
        return DataType::Int64;
    }
    let (left, right) = (scale_of(left), scale_of(right));
    let larger = left.max(right);
    let scale = match operator {
        ArithmeticOperator::Add | ArithmeticOperator::Subtract => larger,
        ArithmeticOperator::Multiply => {
            let exact = left.saturating_add(right);
            exact.min(larger.max(PRODUCT_PLACES))
        }
        ArithmeticOperator::Divide => larger.max(QUOTIENT_PLACES),
    };
    DataType::Decimal128(38, scale)
}
