//! A column of any supported type, ready to be written value by value.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array,
    Int64Array, PrimitiveArray, StringArray, UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};

use super::{json, time};
use crate::error::RunError;

/// How JSON writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    /// As it is: a number or a truth value.
    Bare,
    /// Between quotes.
    Quoted,
    /// It is JSON already.
    Raw,
}

/// The values of one column; [`Cells::write`] gives their text form.
pub(crate) enum Cells {
    Null(usize),
    Text(StringArray),
    Json(StringArray),
    Bool(BooleanArray),
    Int(Int64Array),
    UInt(UInt64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal { values: Decimal128Array, scale: u32, trim: bool },
    Date(PrimitiveArray<Date32Type>),
    Time(Int64Array, TimeUnit),
    Timestamp(Int64Array, TimeUnit),
    Binary(BinaryArray),
}

impl Cells {
    /// Opens a column. `is_json` says that its texts are JSON values, `trim`
    /// that a decimal shows no zeros beyond those it needs.
    pub(crate) fn new(array: &ArrayRef, is_json: bool, trim: bool) -> Result<Self, RunError> {
        let as_type = |target: &DataType| cast(array, target).map_err(RunError::from);
        let unit_of = |unit: TimeUnit| match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().reinterpret_cast(),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().reinterpret_cast(),
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().reinterpret_cast(),
            TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().reinterpret_cast(),
        };
        Ok(match array.data_type() {
            DataType::Null => Self::Null(array.len()),
            DataType::Utf8 if is_json => Self::Json(array.as_string().clone()),
            DataType::Utf8 => Self::Text(array.as_string().clone()),
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                return Self::new(&as_type(&DataType::Utf8)?, is_json, trim);
            }
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>().clone()),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Self::Int(as_type(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => Self::UInt(array.as_primitive::<UInt64Type>().clone()),
            DataType::Float16 => {
                Self::Float32(as_type(&DataType::Float32)?.as_primitive::<Float32Type>().clone())
            }
            DataType::Float32 => Self::Float32(array.as_primitive::<Float32Type>().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(_, scale) if *scale >= 0 => Self::Decimal {
                values: array.as_primitive::<Decimal128Type>().clone(),
                scale: u32::from(scale.unsigned_abs()),
                trim,
            },
            // Numbers of more digits than fit into 128 bits, as the JSON numbers that they are.
            DataType::Decimal256(..) => {
                let values = array.as_primitive::<Decimal256Type>();
                let text = |row| values.is_valid(row).then(|| values.value_as_string(row));
                Self::Json((0..values.len()).map(text).collect())
            }
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Date64 => {
                let stamps = as_type(&DataType::Timestamp(TimeUnit::Millisecond, None))?;
                Self::Timestamp(
                    stamps.as_primitive::<TimestampMillisecondType>().reinterpret_cast(),
                    TimeUnit::Millisecond,
                )
            }
            DataType::Time32(_) => {
                return Self::new(&as_type(&DataType::Time64(TimeUnit::Microsecond))?, is_json, trim);
            }
            DataType::Time64(TimeUnit::Nanosecond) => Self::Time(
                array.as_primitive::<Time64NanosecondType>().reinterpret_cast(),
                TimeUnit::Nanosecond,
            ),
            DataType::Time64(_) => Self::Time(
                array.as_primitive::<Time64MicrosecondType>().reinterpret_cast(),
                TimeUnit::Microsecond,
            ),
            DataType::Timestamp(unit, _) => Self::Timestamp(unit_of(*unit), *unit),
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary(as_type(&DataType::Binary)?.as_binary().clone())
            }
            other => return Err(RunError::Internal(format!("no text form is known for the type {other}"))),
        })
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Null(len) => *len,
            _ => self.array().len(),
        }
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Null(_) => unreachable!("a column of nulls is asked for nothing but nulls"),
            Self::Text(values) | Self::Json(values) => values,
            Self::Bool(values) => values,
            Self::Int(values) | Self::Time(values, _) | Self::Timestamp(values, _) => values,
            Self::UInt(values) => values,
            Self::Float32(values) => values,
            Self::Float64(values) => values,
            Self::Decimal { values, .. } => values,
            Self::Date(values) => values,
            Self::Binary(values) => values,
        }
    }

    /// Whether a value is missing; JSON's own `null` counts as missing.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Null(_) => true,
            Self::Json(values) => values.is_null(row) || values.value(row) == "null",
            _ => self.array().is_null(row),
        }
    }

    /// How JSON writes a value of this column.
    pub(crate) fn json_kind(&self, row: usize) -> JsonKind {
        match self {
            Self::Json(_) => JsonKind::Raw,
            Self::Bool(_) | Self::Int(_) | Self::UInt(_) | Self::Decimal { .. } => JsonKind::Bare,
            // JSON has no number for these.
            Self::Float32(values) if !values.value(row).is_finite() => JsonKind::Quoted,
            Self::Float64(values) if !values.value(row).is_finite() => JsonKind::Quoted,
            Self::Float32(_) | Self::Float64(_) => JsonKind::Bare,
            _ => JsonKind::Quoted,
        }
    }

    /// The bytes of a text that needs no writing: texts themselves.
    pub(crate) fn borrowed(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(values) | Self::Json(values) => Some(values.value(row)),
            _ => None,
        }
    }

    /// Writes the text form of a value that is not missing.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null(_) => {}
            Self::Text(values) => out.extend(values.value(row).as_bytes()),
            Self::Json(values) => out.extend(json::text_form(values.value(row)).as_bytes()),
            Self::Bool(values) => out.extend(if values.value(row) { &b"true"[..] } else { b"false" }),
            Self::Int(values) => display(out, values.value(row)),
            Self::UInt(values) => display(out, values.value(row)),
            // The shortest text that reads back as the same number.
            Self::Float32(values) => {
                write_float(out, f64::from(values.value(row)), || format!("{:?}", values.value(row)))
            }
            Self::Float64(values) => {
                write_float(out, values.value(row), || format!("{:?}", values.value(row)));
            }
            Self::Decimal { values, scale, trim } => write_decimal(out, values.value(row), *scale, *trim),
            Self::Date(values) => time::write_date(out, i64::from(values.value(row))),
            Self::Time(values, unit) => time::write_time(out, values.value(row), *unit),
            Self::Timestamp(values, unit) => time::write_timestamp(out, values.value(row), *unit),
            Self::Binary(values) => out.extend(STANDARD.encode(values.value(row)).as_bytes()),
        }
    }

    /// Hands each value's text form to a function, with one buffer for all.
    pub(crate) fn for_each_text(&self, mut take: impl FnMut(Option<&str>)) {
        if let Self::Text(values) = self {
            return values.iter().for_each(take);
        }
        let mut buffer = Vec::new();
        for row in 0..self.len() {
            if self.is_null(row) {
                take(None);
                continue;
            }
            buffer.clear();
            self.write(row, &mut buffer);
            take(Some(std::str::from_utf8(&buffer).expect("text forms are UTF-8")));
        }
    }

    /// The text forms as a column of their own.
    pub(crate) fn to_text(&self) -> StringArray {
        if let Self::Text(values) = self {
            return values.clone();
        }
        let mut texts =
            datafusion::arrow::array::StringBuilder::with_capacity(self.len(), self.len().saturating_mul(12));
        self.for_each_text(|text| texts.append_option(text));
        texts.finish()
    }
}

fn display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to memory does not fail");
}

fn write_float(out: &mut Vec<u8>, value: f64, shortest: impl Fn() -> String) {
    if value.is_nan() {
        out.extend(b"NaN");
    } else if value.is_infinite() {
        out.extend(if value > 0.0 { &b"Infinity"[..] } else { b"-Infinity" });
    } else {
        out.extend(shortest().as_bytes());
    }
}

fn write_decimal(out: &mut Vec<u8>, value: i128, scale: u32, trim: bool) {
    if value < 0 {
        out.push(b'-');
    }
    let digits = value.unsigned_abs();
    let unit = 10_u128.pow(scale);
    display(out, digits / unit);
    let mut fraction = digits % unit;
    let mut width = scale as usize;
    if trim {
        while width > 0 && fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
    }
    if width > 0 {
        write!(out, ".{fraction:0width$}").expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn texts(array: ArrayRef, trim: bool) -> Vec<Option<String>> {
        let cells = Cells::new(&array, false, trim).unwrap();
        cells.to_text().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|&text| Some(text.to_owned())).collect()
    }

    #[test]
    fn decimals_are_exact() {
        let values = vec![0, 1, -5, 1_234_500, i128::pow(10, 38) - 1];
        let array = |scale| -> ArrayRef {
            Arc::new(Decimal128Array::from(values.clone()).with_precision_and_scale(38, scale).unwrap())
        };
        assert_eq!(
            texts(array(4), false),
            some(&["0.0000", "0.0001", "-0.0005", "123.4500", "9999999999999999999999999999999999.9999"])
        );
        assert_eq!(texts(array(4), true)[..4], some(&["0", "0.0001", "-0.0005", "123.45"]));
        assert_eq!(texts(array(0), false)[3], Some("1234500".to_owned()));
    }

    #[test]
    fn floats_are_the_shortest_text_that_reads_back() {
        let array: ArrayRef =
            Arc::new(Float64Array::from(vec![0.1, 1.0, 1e300, -2.5e-8, f64::NAN, f64::NEG_INFINITY]));
        assert_eq!(texts(array, false), some(&["0.1", "1.0", "1e300", "-2.5e-8", "NaN", "-Infinity"]));
        let array: ArrayRef = Arc::new(Float32Array::from(vec![0.1]));
        assert_eq!(texts(array, false), some(&["0.1"]));
    }

    #[test]
    fn small_types_and_missing_values_have_text_forms() {
        let array: ArrayRef = Arc::new(datafusion::arrow::array::Int16Array::from(vec![Some(-3), None]));
        assert_eq!(texts(array, false), [Some("-3".to_owned()), None]);
        let array: ArrayRef = Arc::new(datafusion::arrow::array::NullArray::new(2));
        assert_eq!(texts(array, false), [None, None]);
        let array: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"]));
        assert_eq!(texts(array, false), some(&["AP8="]));
        let array: ArrayRef = Arc::new(StringArray::from(vec!["null", "\"x\""]));
        let cells = Cells::new(&array, true, false).unwrap();
        assert_eq!(cells.to_text().iter().collect::<Vec<_>>(), [None, Some("x")]);
    }
}
