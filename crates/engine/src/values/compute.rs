//! Arithmetic on two columns: integers and decimals exactly, floats as floats.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray as _, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, i256};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr};
use tidegate_core::task::ArithmeticOperator;

use super::cells::Cells;
use super::convert::BadValue;
use super::kernel::Kernel;
use crate::error::RunError;

/// Digits that a decimal may have.
const DIGITS: u32 = 38;

/// The places of an exact number's type.
pub(crate) const fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

/// Two columns computed to a type. A division by zero and a result that does
/// not fit are bad values; a missing operand gives a missing result.
pub(crate) fn compute(
    operator: ArithmeticOperator,
    (left, right): (Expr, Expr),
    fields: (&str, &str),
    result: &DataType,
    bad: BadValue,
) -> Expr {
    let kernel =
        Compute { fields: (fields.0.to_owned(), fields.1.to_owned()), operator, result: result.clone(), bad };
    kernel.of(vec![left, right])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Compute {
    fields: (String, String),
    operator: ArithmeticOperator,
    result: DataType,
    bad: BadValue,
}

impl Kernel for Compute {
    fn name(&self) -> String {
        let (left, right) = &self.fields;
        format!("{} of {left} and {right} to {}", self.operator.as_str(), self.result)
    }

    fn output(&self) -> DataType {
        self.result.clone()
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let (left, right) = (&inputs[0], &inputs[1]);
        let (computed, first_bad) = match &self.result {
            DataType::Float64 => self.floats(left, right)?,
            DataType::Int64 => self.integers(left, right),
            _ => self.decimals(left, right)?,
        };
        match (first_bad, self.bad) {
            (Some(row), BadValue::Ends { reveal }) => Err(self.explain(left, right, row, reveal)?.into()),
            _ => Ok(ColumnarValue::Array(computed)),
        }
    }
}

/// A computed column, and the first row that does not compute.
type Computed = (ArrayRef, Option<usize>);

impl Compute {
    fn floats(&self, left: &ArrayRef, right: &ArrayRef) -> Result<Computed, RunError> {
        let (left, right) = (cast(left, &DataType::Float64)?, cast(right, &DataType::Float64)?);
        let (left, right) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
        let checked = |of: fn(f64, f64) -> f64| {
            move |a: f64, b: f64| {
                let value = of(a, b);
                (value.is_finite() || !a.is_finite() || !b.is_finite()).then_some(value)
            }
        };
        Ok(wrap(match self.operator {
            ArithmeticOperator::Add => each(left, right, checked(|a, b| a + b)),
            ArithmeticOperator::Subtract => each(left, right, checked(|a, b| a - b)),
            ArithmeticOperator::Multiply => each(left, right, checked(|a, b| a * b)),
            ArithmeticOperator::Divide => {
                let divide = checked(|a, b| a / b);
                each(left, right, move |a, b| if b == 0.0 { None } else { divide(a, b) })
            }
        }))
    }

    fn integers(&self, left: &ArrayRef, right: &ArrayRef) -> Computed {
        let (left, right) = (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
        wrap(match self.operator {
            ArithmeticOperator::Add => each(left, right, i64::checked_add),
            ArithmeticOperator::Subtract => each(left, right, i64::checked_sub),
            ArithmeticOperator::Multiply => each(left, right, i64::checked_mul),
            ArithmeticOperator::Divide => each(left, right, i64::checked_div),
        })
    }

    fn decimals(&self, left: &ArrayRef, right: &ArrayRef) -> Result<Computed, RunError> {
        let (left_scale, right_scale) = (scale_of(left.data_type()), scale_of(right.data_type()));
        let scale = scale_of(&self.result);
        let whole = |array: &ArrayRef| match array.data_type() {
            DataType::Decimal128(..) => Ok(array.clone()),
            _ => cast(array, &DataType::Decimal128(DIGITS as u8, 0)),
        };
        let (left, right) = (whole(left)?, whole(right)?);
        let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
        let ten = |places: i8| 10_i128.pow(u32::from(places.max(0).unsigned_abs()));
        let limit = 10_i128.pow(DIGITS);
        let fits = move |value: i128| (value.unsigned_abs() < limit.unsigned_abs()).then_some(value);
        let (raise_left, raise_right) = (ten(scale - left_scale), ten(scale - right_scale));
        let (values, first_bad) = match self.operator {
            ArithmeticOperator::Add => each(left, right, |a, b| {
                fits(a.checked_mul(raise_left)?.checked_add(b.checked_mul(raise_right)?)?)
            }),
            ArithmeticOperator::Subtract => each(left, right, |a, b| {
                fits(a.checked_mul(raise_left)?.checked_sub(b.checked_mul(raise_right)?)?)
            }),
            ArithmeticOperator::Multiply => {
                let lower = ten(left_scale + right_scale - scale);
                each(left, right, move |a, b| match a.checked_mul(b) {
                    Some(product) => fits(rounded(product, lower)),
                    None => {
                        let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
                        fits(rounded_wide(product, i256::from_i128(lower))?)
                    }
                })
            }
            ArithmeticOperator::Divide => {
                // No scale is larger than the result's, so this is no fraction.
                let raise = u32::from((scale + right_scale - left_scale).max(0).unsigned_abs());
                let narrow = 10_i128.checked_pow(raise);
                each(left, right, move |a, b| {
                    if b == 0 {
                        return None;
                    }
                    match narrow.and_then(|raise| a.checked_mul(raise)) {
                        Some(raised) => fits(rounded(raised, b)),
                        None => {
                            let ten = i256::from_i128(10).checked_pow(raise)?;
                            let raised = i256::from_i128(a).checked_mul(ten)?;
                            fits(rounded_wide(raised, i256::from_i128(b))?)
                        }
                    }
                })
            }
        };
        Ok((Arc::new(values.with_data_type(self.result.clone())), first_bad))
    }

    fn explain(
        &self,
        left: &ArrayRef,
        right: &ArrayRef,
        row: usize,
        reveal: bool,
    ) -> Result<RunError, RunError> {
        let (first, second) = &self.fields;
        let mut text = format!("The {} of the fields {first} and {second}", self.operator.as_str());
        if reveal {
            let mut values = Vec::new();
            Cells::new(left, false, true)?.write(row, &mut values);
            values.extend(b" and ");
            Cells::new(right, false, true)?.write(row, &mut values);
            text.push_str(&format!(", {},", String::from_utf8_lossy(&values)));
        }
        text.push_str(" cannot be computed: ");
        let mut divisor = Vec::new();
        Cells::new(right, false, true)?.write(row, &mut divisor);
        let is_zero = matches!(divisor.as_slice(), b"0" | b"0.0" | b"-0.0");
        text.push_str(if is_zero && self.operator == ArithmeticOperator::Divide {
            "it divides by zero"
        } else {
            "the result is too large"
        });
        Ok(RunError::Task(text))
    }
}

/// A quotient, rounded half away from zero.
fn rounded(value: i128, divisor: i128) -> i128 {
    if divisor == 1 {
        return value;
    }
    // Of the least integer by -1 only; no decimal is that large.
    let quotient = value.wrapping_div(divisor);
    let rest = value.wrapping_rem(divisor).unsigned_abs();
    if rest >= divisor.unsigned_abs() - rest {
        quotient + if (value < 0) == (divisor < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

fn rounded_wide(value: i256, divisor: i256) -> Option<i128> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.checked_rem(divisor)?.wrapping_abs();
    let up = rest >= divisor.wrapping_abs().wrapping_sub(rest);
    let is_positive = (value < i256::ZERO) == (divisor < i256::ZERO);
    let step = if !up {
        i256::ZERO
    } else if is_positive {
        i256::ONE
    } else {
        i256::MINUS_ONE
    };
    quotient.checked_add(step)?.to_i128()
}

fn wrap<T: ArrowPrimitiveType>((values, bad): (PrimitiveArray<T>, Option<usize>)) -> Computed {
    (Arc::new(values), bad)
}

/// Computes row by row where both operands are there.
fn each<T: ArrowPrimitiveType>(
    left: &PrimitiveArray<T>,
    right: &PrimitiveArray<T>,
    of: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> (PrimitiveArray<T>, Option<usize>) {
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    let mut values = vec![T::default_value(); left.len()];
    let mut bad = Vec::new();
    let pairs = left.values().iter().zip(right.values().iter());
    for (row, ((left, right), value)) in pairs.zip(&mut values).enumerate() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            match of(*left, *right) {
                Some(result) => *value = result,
                None => bad.push(row),
            }
        }
    }
    let first = bad.first().copied();
    let nulls = if bad.is_empty() {
        nulls
    } else {
        let mut valid: Vec<bool> =
            (0..values.len()).map(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))).collect();
        bad.into_iter().for_each(|row| valid[row] = false);
        Some(NullBuffer::from(valid))
    };
    (PrimitiveArray::new(values.into(), nulls), first)
}
