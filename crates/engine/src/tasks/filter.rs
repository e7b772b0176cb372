//! Filter with a condition.
//!
//! A field of a type is compared in that type. A field without one (CSV,
//! JSON) is compared in DATA_TYPE's; without that, CSV compares as text, and
//! JSON as numbers where both sides are numbers and as text where not. Texts
//! that stand for numbers, GUIDs or moments are compared as what they stand for.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanBuilder};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr, cast, lit, not};
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::types::arrow_type;

use super::{Field, Lowered, Meaning, Typing};
use crate::error::{RunError, shortened};
use crate::values::cells::Cells;
use crate::values::convert::{
    BadValue, Values, compare_decimals, compare_numbers, convert, decimal_scale, is_decimal, parse_boolean,
    parse_decimal, parse_float, type_name,
};
use crate::values::kernel::Kernel;
use crate::values::time;

/// Adds a condition.
pub(super) fn lower(filter: &Filter, plan: &mut Lowered) -> Result<(), RunError> {
    let field = &plan.field(&filter.field, "filter")?.clone();
    let declared = filter.data_type.as_deref().and_then(arrow_type);
    let condition = if filter.comparison == Comparison::Contains && field.meaning != Meaning::Guid {
        contains(&text(field), &filter.values)
    } else if field.meaning != Meaning::Own {
        by_meaning(field, filter)?
    } else if plan.typing == Typing::Typed && !field.is_json {
        compare(field, field.expr.clone(), field.data_type.clone(), filter)?
    } else {
        match declared {
            Some(DataType::Utf8) => compare(field, text(field), DataType::Utf8, filter)?,
            Some(target) => {
                let (typed, bad) = plan.convert(field, &target);
                let condition = compare(field, typed, target, filter)?;
                // A record that goes to the error file because of this value
                // must not be filtered away before.
                bad.map_or(condition.clone(), |bad| condition.or(bad))
            }
            None if field.is_json => condition(field, filter, Reading::Json, filter.values.clone()),
            None => compare(field, text(field), DataType::Utf8, filter)?,
        }
    };
    plan.filters.push(condition);
    Ok(())
}

/// The field's text form.
fn text(field: &Field) -> Expr {
    if field.data_type == DataType::Utf8 && !field.is_json {
        field.expr.clone()
    } else {
        as_text(field, field.expr.clone())
    }
}

/// The text form of what an expression makes of a field.
fn as_text(field: &Field, expr: Expr) -> Expr {
    convert(Values { expr, ..field.values() }, &DataType::Utf8, BadValue::IsNull)
}

fn contains(text: &Expr, values: &[String]) -> Expr {
    let one = |value: &String| {
        let escaped = value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        text.clone().like(lit(format!("%{escaped}%")))
    };
    balanced(values.iter().map(one).collect(), Expr::or)
}

/// Compares typed values with literals of the same type.
fn compare(field: &Field, input: Expr, data_type: DataType, filter: &Filter) -> Result<Expr, RunError> {
    // Types that no literal can be read for are compared as their texts.
    let (input, data_type) =
        if has_literals(&data_type) { (input, data_type) } else { (as_text(field, input), DataType::Utf8) };
    // A date is compared with a moment as the moment at which it begins.
    let at_noon = |value: &String| time::parse_timestamp(value).is_some_and(|nanos| nanos % DAY_NANOS != 0);
    let (input, data_type) = if data_type == DataType::Date32 && filter.values.iter().any(at_noon) {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
        (cast(input, moment.clone()), moment)
    } else {
        (input, data_type)
    };
    let mut literals = Vec::with_capacity(filter.values.len());
    for value in &filter.values {
        literals
            .push(literal(&data_type, value).ok_or_else(|| not_a(filter, value, &type_name(&data_type)))?);
    }
    let low = |value: &ScalarValue| lit(zero(value, -0.0));
    let high = |value: &ScalarValue| lit(zero(value, 0.0));
    let any = |one: &dyn Fn(Expr, &ScalarValue) -> Expr| {
        balanced(literals.iter().map(|value| one(input.clone(), value)).collect(), Expr::or)
    };
    let equal = |input: Expr, value: &ScalarValue| {
        if zero(value, -0.0) == zero(value, 0.0) {
            input.eq(lit(value.clone()))
        } else {
            input.clone().gt_eq(low(value)).and(input.lt_eq(high(value)))
        }
    };
    Ok(match filter.comparison {
        Comparison::Equal => any(&equal),
        Comparison::NotEqual => not(any(&equal)),
        Comparison::Less => any(&|input, value| input.lt(low(value))),
        Comparison::LessOrEqual => any(&|input, value| input.lt_eq(high(value))),
        Comparison::Greater => any(&|input, value| input.gt(high(value))),
        Comparison::GreaterOrEqual => any(&|input, value| input.gt_eq(low(value))),
        Comparison::Between => {
            let [first, last] = literals.as_slice() else {
                return Err(RunError::Task("A filter BETWEEN needs exactly two bounds".to_owned()));
            };
            input.clone().gt_eq(low(first)).and(input.lt_eq(high(last)))
        }
        Comparison::Contains => contains(&input, &filter.values),
    })
}

/// A zero of the given sign for a floating-point zero: floats are compared by
/// their bits in order, which puts -0.0 below 0.0, though they are one number.
fn zero(value: &ScalarValue, signed: f32) -> ScalarValue {
    match value {
        ScalarValue::Float32(Some(0.0)) => ScalarValue::from(signed),
        ScalarValue::Float64(Some(0.0)) => ScalarValue::from(f64::from(signed)),
        other => other.clone(),
    }
}

/// Joins conditions as a tree of little depth: a task may bring a thousand
/// values, and plans are walked recursively.
fn balanced(mut conditions: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Expr {
    while conditions.len() > 1 {
        let mut pairs = conditions.into_iter();
        let mut joined = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(left) = pairs.next() {
            joined.push(match pairs.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        conditions = joined;
    }
    conditions.pop().unwrap_or_else(|| lit(false))
}

const DAY_NANOS: i128 = 86_400_000_000_000;

/// Whether [`literal`] knows a type.
fn has_literals(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, Decimal128, Float32, Float64, Time64, Timestamp, Utf8};
    data_type.is_integer()
        || matches!(
            data_type,
            Utf8 | Boolean | Float32 | Float64 | Decimal128(..) | Date32 | Time64(_) | Timestamp(..)
        )
}

/// A task's value as a literal that compares with values of a type; `None`
/// when it is no such value.
pub(super) fn literal(data_type: &DataType, text: &str) -> Option<ScalarValue> {
    let of_unit = |nanos: i128, unit: TimeUnit| {
        i64::try_from(nanos.div_euclid(i128::from(1_000_000_000 / time::per_second(unit)))).ok()
    };
    Some(match data_type {
        DataType::Utf8 => ScalarValue::from(text),
        DataType::Boolean => ScalarValue::from(parse_boolean(text)?),
        DataType::Float32 => ScalarValue::from(parse_float(text)? as f32),
        DataType::Float64 => ScalarValue::from(parse_float(text)?),
        DataType::Date32 => ScalarValue::Date32(Some(time::parse_date(text)?)),
        DataType::Time64(unit) => {
            let value = of_unit(i128::from(time::parse_time(text.trim())?), *unit);
            match unit {
                TimeUnit::Nanosecond => ScalarValue::Time64Nanosecond(value),
                _ => ScalarValue::Time64Microsecond(value),
            }
        }
        DataType::Timestamp(unit, zone) => {
            let value = Some(of_unit(time::parse_timestamp(text)?, *unit)?);
            match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(value, zone.clone()),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone.clone()),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone.clone()),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone.clone()),
            }
        }
        // Integers and decimals: an integer if it is one, else a decimal just
        // as wide as it must be, so that the common type overflows never.
        _ => {
            let scale = decimal_scale(text)?;
            let value = parse_decimal(text, scale)?;
            match i64::try_from(value) {
                Ok(whole) if scale == 0 => ScalarValue::from(whole),
                _ => {
                    let digits = value.unsigned_abs().to_string().len();
                    let precision = u8::try_from(digits).ok()?.max(u8::try_from(scale).ok()?);
                    if precision > 38 {
                        return None;
                    }
                    ScalarValue::Decimal128(Some(value), precision, i8::try_from(scale).ok()?)
                }
            }
        }
    })
}

/// A condition on texts that stand for numbers, GUIDs or moments.
fn by_meaning(field: &Field, filter: &Filter) -> Result<Expr, RunError> {
    let is_part = filter.comparison == Comparison::Contains;
    let (reading, what) = match field.meaning {
        Meaning::Guid => (Reading::Guid, "a GUID, such as 01234567-89ab-cdef-0123-456789abcdef"),
        Meaning::Moment => (Reading::Moment, "a timestamp"),
        Meaning::Number | Meaning::Own => (Reading::Number, "a decimal number"),
    };
    let mut values = Vec::with_capacity(filter.values.len());
    for value in &filter.values {
        let value_is_right = match reading {
            Reading::Guid => is_part || is_guid(value.trim()),
            Reading::Moment => time::parse_timestamp(value).is_some(),
            Reading::Number | Reading::Json => is_decimal(value.trim()),
        };
        if !value_is_right {
            return Err(not_a(filter, value, what));
        }
        values.push(match reading {
            Reading::Guid => value.trim().to_ascii_lowercase(),
            Reading::Number | Reading::Moment | Reading::Json => value.trim().to_owned(),
        });
    }
    Ok(condition(field, filter, reading, values))
}

/// The error of a filter whose value is none of the field's.
fn not_a(filter: &Filter, value: &str, what: &str) -> RunError {
    RunError::Task(format!(
        "The value {:?} of the filter {} on the field {} is not {what}",
        shortened(value),
        filter.comparison.as_str(),
        filter.field,
    ))
}

/// 32 hexadecimal digits in five groups.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A condition that reads texts in a way of its own.
fn condition(field: &Field, filter: &Filter, reading: Reading, values: Vec<String>) -> Expr {
    let kernel = TextCondition { reading, is_json: field.is_json, comparison: filter.comparison, values };
    kernel.of(vec![field.expr.clone()])
}

/// How texts are compared with a filter's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reading {
    /// As numbers where both sides are JSON numbers, else as texts.
    Json,
    /// As numbers; what is none (`NaN`) has no order.
    Number,
    /// Without regard to case; the values are in lower case.
    Guid,
    /// As points in time.
    Moment,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextCondition {
    reading: Reading,
    is_json: bool,
    comparison: Comparison,
    values: Vec<String>,
}

impl Kernel for TextCondition {
    fn name(&self) -> String {
        format!("{:?} {} {:?}", self.reading, self.comparison.as_str(), self.values)
    }

    fn output(&self) -> DataType {
        DataType::Boolean
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let cells = Cells::new(&inputs[0], self.is_json, false)?;
        let mut results = BooleanBuilder::with_capacity(cells.len());
        let mut buffer = Vec::new();
        for row in 0..cells.len() {
            if cells.is_null(row) {
                results.append_null();
                continue;
            }
            buffer.clear();
            cells.write(row, &mut buffer);
            if self.reading == Reading::Guid {
                buffer.make_ascii_lowercase();
            }
            let text = std::str::from_utf8(&buffer).expect("text forms are UTF-8");
            let is_number = cells.borrowed(row).is_some_and(|raw| !raw.starts_with('"'));
            results.append_value(self.holds(text, is_number));
        }
        Ok(ColumnarValue::Array(Arc::new(results.finish())))
    }
}

impl TextCondition {
    fn order(&self, text: &str, is_number: bool, value: &str) -> Option<Ordering> {
        match self.reading {
            Reading::Number => compare_decimals(text, value),
            Reading::Moment => Some(time::parse_timestamp(text)?.cmp(&time::parse_timestamp(value)?)),
            Reading::Json if is_number => {
                Some(compare_numbers(text, value).unwrap_or_else(|| text.cmp(value)))
            }
            Reading::Json | Reading::Guid => Some(text.cmp(value)),
        }
    }

    fn holds(&self, text: &str, is_number: bool) -> bool {
        let fulfils = |value: &String, accepts: fn(Ordering) -> bool| {
            self.order(text, is_number, value).is_some_and(accepts)
        };
        let any = |accepts| self.values.iter().any(|value| fulfils(value, accepts));
        match self.comparison {
            Comparison::Equal => any(Ordering::is_eq),
            Comparison::NotEqual => !any(Ordering::is_eq),
            Comparison::Less => any(Ordering::is_lt),
            Comparison::LessOrEqual => any(Ordering::is_le),
            Comparison::Greater => any(Ordering::is_gt),
            Comparison::GreaterOrEqual => any(Ordering::is_ge),
            Comparison::Contains => self.values.iter().any(|value| text.contains(value.as_str())),
            Comparison::Between => match self.values.as_slice() {
                [low, high] => fulfils(low, Ordering::is_ge) && fulfils(high, Ordering::is_le),
                _ => false,
            },
        }
    }
}
