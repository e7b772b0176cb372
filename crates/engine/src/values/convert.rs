//! Text into a type: what DATA_TYPE, SOURCE_DATA_TYPE and
//! DESTINATION_DATA_TYPE do, as one scalar function.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int32Builder, Int64Builder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
    TimestampNanosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, Expr};

use super::cells::Cells;
use super::kernel::Kernel;
use super::{json, time};
use crate::error::{RunError, shortened};

/// What becomes of a value that does not convert or compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BadValue {
    /// It ends the run; the error shows it unless it is to be masked.
    Ends { reveal: bool },
    /// It becomes null.
    IsNull,
}

/// The values of a field, as a conversion takes them.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub expr: Expr,
    /// For the error's text.
    pub field: String,
    /// Its texts are JSON values.
    pub is_json: bool,
    /// Its decimals show no more zeros than they need.
    pub trim: bool,
}

/// An empty text is no value of any type but text, and becomes null.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Convert {
    field: String,
    is_json: bool,
    trim: bool,
    target: DataType,
    bad: BadValue,
}

/// Values converted to a type.
pub(crate) fn convert(values: Values, target: &DataType, bad: BadValue) -> Expr {
    let kernel = Convert {
        field: values.field,
        is_json: values.is_json,
        trim: values.trim,
        target: target.clone(),
        bad,
    };
    kernel.of(vec![values.expr])
}

/// How an error tells a conversion that fails.
pub(crate) fn not_converted(shown: &str, field: &str, target: &DataType) -> String {
    format!("The value{shown} of the field {field} cannot be converted to {}", type_name(target))
}

impl Kernel for Convert {
    fn name(&self) -> String {
        format!("convert to {} of {}", self.target, self.field)
    }

    fn output(&self) -> DataType {
        self.target.clone()
    }

    fn run(&self, inputs: &[ArrayRef], _: usize) -> PlanResult<ColumnarValue> {
        let cells = Cells::new(&inputs[0], self.is_json, self.trim)?;
        let (converted, failed) = parse_column(&cells, &self.target)?;
        match (failed, self.bad) {
            (Some(value), BadValue::Ends { reveal }) => {
                let shown = if reveal { format!(" {:?}", shortened(&value)) } else { String::new() };
                Err(RunError::Task(not_converted(&shown, &self.field, &self.target)).into())
            }
            _ => Ok(ColumnarValue::Array(converted)),
        }
    }
}

/// A type's name for people.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "text".to_owned(),
        DataType::Int32 => "a 32-bit integer".to_owned(),
        DataType::Int64 => "a 64-bit integer".to_owned(),
        DataType::Float32 | DataType::Float64 => "a floating-point number".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::Boolean => "a boolean".to_owned(),
        DataType::Date32 => "a date".to_owned(),
        DataType::Time64(_) => "a time".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            "a Parquet timestamp of nanoseconds, which ends in the year 2262; map the field to the type string"
                .to_owned()
        }
        DataType::Timestamp(..) => "a timestamp".to_owned(),
        DataType::Binary => "binary data (base64)".to_owned(),
        other => other.to_string(),
    }
}

/// Parses every value; those that do not convert are null, and the first of
/// them is told.
fn parse_column(cells: &Cells, target: &DataType) -> Result<(ArrayRef, Option<String>), RunError> {
    macro_rules! column {
        ($builder:expr, $parse:expr) => {{
            let mut builder = $builder;
            let mut failed = None;
            cells.for_each_text(|text| match text.filter(|text| !text.is_empty()) {
                None => builder.append_null(),
                Some(text) => match $parse(text) {
                    Some(value) => builder.append_value(value),
                    None => {
                        failed.get_or_insert_with(|| text.to_owned());
                        builder.append_null();
                    }
                },
            });
            Ok((Arc::new(builder.finish()) as ArrayRef, failed))
        }};
    }
    let rows = cells.len();
    match target {
        DataType::Utf8 => Ok((Arc::new(cells.to_text()), None)),
        DataType::Boolean => column!(BooleanBuilder::with_capacity(rows), parse_boolean),
        DataType::Int32 => column!(Int32Builder::with_capacity(rows), |text| {
            parse_integer(text).and_then(|value| i32::try_from(value).ok())
        }),
        DataType::Int64 => column!(Int64Builder::with_capacity(rows), parse_integer),
        DataType::Float32 => column!(Float32Builder::with_capacity(rows), |text| {
            parse_float(text).map(|value| value as f32)
        }),
        DataType::Float64 => column!(Float64Builder::with_capacity(rows), parse_float),
        DataType::Decimal128(precision, scale) => {
            let builder = Decimal128Builder::with_capacity(rows).with_data_type(target.clone());
            column!(builder, |text| {
                parse_decimal(text, u32::from(scale.unsigned_abs()))
                    .filter(|value| value.unsigned_abs() < 10_u128.pow(u32::from(*precision)))
            })
        }
        DataType::Date32 => column!(Date32Builder::with_capacity(rows), time::parse_date),
        DataType::Time64(TimeUnit::Microsecond) => {
            column!(Time64MicrosecondBuilder::with_capacity(rows), |text: &str| {
                let nanos = time::parse_time(text.trim())?;
                (nanos % 1_000 == 0).then_some(nanos / 1_000)
            })
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let builder = TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(target.clone());
            column!(builder, |text| i64::try_from(time::parse_timestamp(text)?.div_euclid(1_000)).ok())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let builder = TimestampNanosecondBuilder::with_capacity(rows).with_data_type(target.clone());
            column!(builder, |text| i64::try_from(time::parse_timestamp(text)?).ok())
        }
        DataType::Binary => {
            column!(BinaryBuilder::with_capacity(rows, rows.saturating_mul(16)), |text: &str| {
                STANDARD.decode(text.trim()).ok()
            })
        }
        other => Err(RunError::Internal(format!("{other} is no type to convert to"))),
    }
}

/// `true`, `false`, `1` or `0`, in any case.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A floating-point number; `NaN` and the infinities by the names that JSON
/// people, OData and XML use.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    match text.trim() {
        "INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

/// A whole number, in whichever way a decimal writes it.
fn parse_integer(text: &str) -> Option<i64> {
    let is_plain = matches!(text.len(), 1..=18) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain {
        // Nearly all are, and no 18 digits are too many.
        return Some(text.bytes().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')));
    }
    parse_decimal(text, 0).and_then(|value| i64::try_from(value).ok())
}

/// An exact decimal as an integer of units of `10^-scale`; `None` when it is
/// no number, too large, or finer than the scale.
pub(crate) fn parse_decimal(text: &str, scale: u32) -> Option<i128> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, bare) = match mantissa.strip_prefix('-') {
        Some(bare) => (true, bare),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0_i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    // How many places the units still have to move.
    let mut places = i64::from(scale) + i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
    while places > 0 && value != 0 {
        value = value.checked_mul(10)?;
        places -= 1;
    }
    while places < 0 && value != 0 {
        if value % 10 != 0 {
            return None;
        }
        value /= 10;
        places += 1;
    }
    Some(if negative { -value } else { value })
}

/// Digits after the point of a plain decimal, such as 2 for `1.25`; `None`
/// when the text is no decimal of at most 38 digits.
pub(crate) fn decimal_scale(text: &str) -> Option<u32> {
    (0..=38).find(|scale| parse_decimal(text, *scale).is_some())
}

/// A decimal of any length, as its digits and the place of its point.
struct Digits<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// How many digits stand before the point when zeros in front are left
    /// out and the exponent is applied.
    point: i64,
}

impl<'a> Digits<'a> {
    /// `None` when the text is no decimal number.
    fn parse(text: &'a str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // Exponents beyond these only order numbers that no text could hold.
                const FAR: i64 = i64::MAX / 4;
                let far = if exponent.starts_with('-') { -FAR } else { FAR };
                (mantissa, exponent.parse::<i64>().map_or(far, |exponent| exponent.clamp(-FAR, FAR)))
            }
            None => (text, 0),
        };
        let (negative, bare) = match mantissa.strip_prefix('-') {
            Some(bare) => (true, bare),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
        let zeros = whole.iter().chain(fraction).take_while(|byte| **byte == b'0').count();
        let point = whole.len() as i64 - zeros as i64 + exponent;
        Some(Self { negative, whole, fraction, point })
    }

    /// The digits without the zeros in front; none for zero.
    fn significant(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied().skip_while(|byte| *byte == b'0')
    }

    fn sign(&self) -> i8 {
        match (self.significant().next().is_some(), self.negative) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => -1,
        }
    }

    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let sign = self.sign();
        if sign != other.sign() || sign == 0 {
            return sign.cmp(&other.sign());
        }
        let (mut left, mut right) = (self.significant(), other.significant());
        let mut order = self.point.cmp(&other.point);
        while order.is_eq() {
            // Zeros at the end make no difference.
            order = match (left.next(), right.next()) {
                (None, None) => break,
                (left, right) => left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')),
            };
        }
        if sign < 0 { order.reverse() } else { order }
    }
}

/// Whether a text is a decimal number of any length.
pub(crate) fn is_decimal(text: &str) -> bool {
    Digits::parse(text).is_some()
}

/// Compares two decimals of any length, exactly; `None` when one is no number.
pub(crate) fn compare_decimals(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    Some(Digits::parse(left)?.compare(&Digits::parse(right)?))
}

/// Compares two texts as numbers, exactly, if JSON would call both numbers.
pub(crate) fn compare_numbers(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    if !json::is_number(left) || !json::is_number(right) {
        return None;
    }
    compare_decimals(left, right)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use datafusion::arrow::array::{Array, StringArray};

    use super::*;

    fn parsed(text: &str, target: &DataType) -> Result<Option<String>, String> {
        let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let (column, failed) = parse_column(&Cells::new(&array, false, false).unwrap(), target).unwrap();
        assert_eq!(column.is_null(0), failed.is_some() || text.is_empty() && target != &DataType::Utf8);
        failed.map_or(Ok(()), Err)?;
        assert_eq!(column.data_type(), target);
        let texts = Cells::new(&column, false, false).unwrap().to_text();
        Ok((!texts.is_null(0)).then(|| texts.value(0).to_owned()))
    }

    #[test]
    fn texts_convert_or_say_that_they_do_not() {
        let stamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let money = DataType::Decimal128(6, 2);
        let cases = [
            (" 42 ", &DataType::Int32, Some("42")),
            ("007", &DataType::Int64, Some("7")),
            ("999999999999999999", &DataType::Int64, Some("999999999999999999")),
            ("9223372036854775807", &DataType::Int64, Some("9223372036854775807")),
            ("9223372036854775808", &DataType::Int64, None),
            ("1/2", &DataType::Int64, None),
            ("42.0", &DataType::Int64, Some("42")),
            ("42.5", &DataType::Int64, None),
            ("4e2", &DataType::Int64, Some("400")),
            ("2147483648", &DataType::Int32, None),
            ("-9223372036854775808", &DataType::Int64, Some("-9223372036854775808")),
            ("x", &DataType::Int32, None),
            ("1.5", &DataType::Float64, Some("1.5")),
            ("INF", &DataType::Float64, Some("Infinity")),
            ("1.1", &DataType::Float32, Some("1.1")),
            ("TRUE", &DataType::Boolean, Some("true")),
            ("0", &DataType::Boolean, Some("false")),
            ("yes", &DataType::Boolean, None),
            ("9999.99", &money, Some("9999.99")),
            ("10000", &money, None),
            ("1.234", &money, None),
            ("1.2300", &money, Some("1.23")),
            (".5", &money, Some("0.50")),
            (".", &money, None),
            ("1e999999999", &money, None),
            ("0e999999999", &money, Some("0.00")),
            ("2023-01-01", &DataType::Date32, Some("2023-01-01")),
            ("1672531200000", &DataType::Date32, Some("2023-01-01")),
            ("2023-01-01T00:00:00.123456Z", &stamp, Some("2023-01-01T00:00:00.123456Z")),
            ("12:30", &DataType::Time64(TimeUnit::Microsecond), Some("12:30:00")),
            ("12:30:00.0000001", &DataType::Time64(TimeUnit::Microsecond), None),
            ("AP8=", &DataType::Binary, Some("AP8=")),
            ("*", &DataType::Binary, None),
        ];
        for (text, target, expected) in cases {
            let expected = expected.map(|text| Some(text.to_owned())).ok_or(text.to_owned());
            assert_eq!(parsed(text, target), expected, "{text} as {target}");
        }
        assert_eq!(parsed("", &DataType::Int32), Ok(None));
        assert_eq!(parsed("", &DataType::Utf8), Ok(Some(String::new())));
    }

    #[test]
    fn numbers_compare_exactly() {
        let cases = [
            ("5", "5.0", Some(Ordering::Equal)),
            ("12345678901234567890.1", "12345678901234567890.2", Some(Ordering::Less)),
            ("1e400", "1", Some(Ordering::Greater)),
            ("-1", "1e-3", Some(Ordering::Less)),
            ("5", "five", None),
            ("0", "-0.00e7", Some(Ordering::Equal)),
            ("-2", "-1", Some(Ordering::Less)),
            ("0.10", "1e-1", Some(Ordering::Equal)),
            ("100", "1e2", Some(Ordering::Equal)),
            ("0.009", "0.01", Some(Ordering::Less)),
            ("1e99999999999999999999", "1e400", Some(Ordering::Greater)),
            (
                "1234567890123456789012345678901234567890.1",
                "1234567890123456789012345678901234567890.2",
                Some(Ordering::Less),
            ),
            (
                "-1234567890123456789012345678901234567891",
                "-1234567890123456789012345678901234567890",
                Some(Ordering::Less),
            ),
        ];
        for (left, right, expected) in cases {
            assert_eq!(compare_numbers(left, right), expected, "{left} {right}");
            let turned = expected.map(Ordering::reverse);
            assert_eq!(compare_numbers(right, left), turned, "{right} {left}");
        }
    }
}
