//! The types of Parquet columns: what a column of one file is to the engine,
//! and what columns of several files are together.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray as _, StringBuilder, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use datafusion::parquet::schema::types::Type;
use tidegate_core::connector::{EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, TEXT_MEANING};

use super::nested;
use crate::error::RunError;
use crate::values::cells::Cells;

/// What the texts of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    Json,
    Guid,
}

/// A column, as the engine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    pub data_type: DataType,
    pub text: Text,
}

impl Column {
    /// A column of a file.
    pub(super) fn of(field: &Field, parquet: &Type) -> Self {
        let (data_type, text) = natural(field.data_type(), parquet);
        Self { name: field.name().clone(), data_type, text }
    }

    /// A column of nothing.
    pub(super) fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), data_type: DataType::Null, text: Text::Plain }
    }

    /// Why a column cannot be read; `None` for one that can.
    pub(super) fn unreadable(&self) -> Option<String> {
        let text = format!(
            "the column {} is of the type {}, which is not read; leave it out with a projection",
            self.name, self.data_type
        );
        has_no_text(&self.data_type).then_some(text)
    }

    /// What holds the values of both.
    pub(super) fn join(&mut self, other: &Self) {
        let text = if self.text == other.text { self.text } else { Text::Plain };
        self.data_type = match (&self.data_type, &other.data_type) {
            (DataType::Null, _) => {
                self.text = other.text;
                self.data_type = other.data_type.clone();
                return;
            }
            (_, DataType::Null) => return,
            (one, two) => common(one, two).unwrap_or(DataType::Utf8),
        };
        self.text = if self.data_type == DataType::Utf8 { text } else { Text::Plain };
    }

    /// The field of the source's schema. A column without any value is text.
    pub(super) fn field(&self) -> Field {
        let data_type =
            if self.data_type == DataType::Null { DataType::Utf8 } else { self.data_type.clone() };
        let mark = match self.text {
            Text::Plain => None,
            Text::Json => Some((EXTENSION_NAME.to_owned(), JSON_EXTENSION.to_owned())),
            Text::Guid => Some((TEXT_MEANING.to_owned(), GUID_TEXT.to_owned())),
        };
        Field::new(&self.name, data_type, true).with_metadata(mark.into_iter().collect())
    }
}

/// The type under which a column is opened: texts stay where they were decoded,
/// so that a long one that a thousand rows share is there once; and `INT96`, a
/// time of old files, reaches further in microseconds.
pub(super) fn opened_as(data_type: &DataType, parquet: &Type) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::Timestamp(..)
            if parquet.is_primitive() && parquet.get_physical_type() == PhysicalType::INT96 =>
        {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        other => other.clone(),
    }
}

fn natural(data_type: &DataType, parquet: &Type) -> (DataType, Text) {
    let info = parquet.get_basic_info();
    let is_json =
        info.logical_type_ref() == Some(&LogicalType::Json) || info.converted_type() == ConvertedType::JSON;
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_json => (DataType::Utf8, Text::Json),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (DataType::Utf8, Text::Plain),
        DataType::FixedSizeBinary(16) if info.logical_type_ref() == Some(&LogicalType::Uuid) => {
            (DataType::Utf8, Text::Guid)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            (DataType::Binary, Text::Plain)
        }
        other if other.is_nested() && !has_no_text(other) => (DataType::Utf8, Text::Json),
        DataType::Float16 => (DataType::Float32, Text::Plain),
        DataType::Time32(_) => (DataType::Time64(TimeUnit::Microsecond), Text::Plain),
        // A time without a zone is one in UTC, as everywhere.
        DataType::Timestamp(unit, _) => (DataType::Timestamp(*unit, Some("UTC".into())), Text::Plain),
        other => (other.clone(), Text::Plain),
    }
}

/// Whether there are values in it that have no text form here.
fn has_no_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) | DataType::Union(..) | DataType::RunEndEncoded(..) => {
            true
        }
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_no_text(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_no_text(field.data_type())),
        _ => false,
    }
}

/// The type that holds the values of two exactly; `None` for text.
fn common(one: &DataType, two: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Float32, Float64, Time64, Timestamp};
    if one == two {
        return Some(one.clone());
    }
    if let (Some(one), Some(two)) = (integer(one), integer(two)) {
        return Some(of_integers(one, two));
    }
    if let (Some((digits, scale)), Some((other, scale_of_other))) = (decimal(one), decimal(two)) {
        let scale = scale.max(scale_of_other);
        let digits = digits.max(other) + scale;
        return match u8::try_from(digits).ok()? {
            digits @ ..=38 => Some(Decimal128(digits, i8::try_from(scale).ok()?)),
            digits @ ..=76 => Some(DataType::Decimal256(digits, i8::try_from(scale).ok()?)),
            _ => None,
        };
    }
    match (one, two) {
        (Float32, Float64) | (Float64, Float32) => Some(Float64),
        // A double has 53 bits for digits: every integer of 32 bits fits.
        (Float64 | Float32, whole) | (whole, Float64 | Float32) => {
            integer(whole).filter(|(_, bits)| *bits <= 32).map(|_| Float64)
        }
        (Timestamp(one, zone), Timestamp(two, _)) => Some(Timestamp(finer(*one, *two), zone.clone())),
        (Time64(one), Time64(two)) => Some(Time64(finer(*one, *two))),
        _ => None,
    }
}

fn finer(one: TimeUnit, two: TimeUnit) -> TimeUnit {
    one.max(two)
}

/// Whether an integer type has a sign, and its bits.
fn integer(data_type: &DataType) -> Option<(bool, u8)> {
    Some(match data_type {
        DataType::Int8 => (true, 8),
        DataType::Int16 => (true, 16),
        DataType::Int32 => (true, 32),
        DataType::Int64 => (true, 64),
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        _ => return None,
    })
}

fn of_integers((signed, bits): (bool, u8), (other_signed, other_bits): (bool, u8)) -> DataType {
    let needed = if signed == other_signed {
        bits.max(other_bits)
    } else {
        // The one without a sign needs a bit more to have one.
        let (with, without) = if signed { (bits, other_bits) } else { (other_bits, bits) };
        with.max(without.saturating_mul(2))
    };
    match (signed || other_signed, needed) {
        (true, 8) => DataType::Int8,
        (true, 16) => DataType::Int16,
        (true, 32) => DataType::Int32,
        (true, 64) => DataType::Int64,
        (false, 8) => DataType::UInt8,
        (false, 16) => DataType::UInt16,
        (false, 32) => DataType::UInt32,
        (false, 64) => DataType::UInt64,
        _ => DataType::Decimal128(20, 0),
    }
}

/// Digits before and after the point of an exact number.
fn decimal(data_type: &DataType) -> Option<(u32, u32)> {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            let scale = u32::from(u8::try_from(*scale).ok()?);
            Some((u32::from(*precision).checked_sub(scale)?, scale))
        }
        other => integer(other).map(|(_, bits)| match bits {
            8 => (3, 0),
            16 => (5, 0),
            32 => (10, 0),
            _ => (20, 0),
        }),
    }
}

/// The values of a file's column as those of the source's column.
pub(super) fn converted(array: &ArrayRef, own: &Column, target: &Column) -> Result<ArrayRef, RunError> {
    let array = match own.text {
        Text::Guid => Arc::new(guids(array)) as ArrayRef,
        Text::Json if array.data_type().is_nested() => Arc::new(nested::texts(array)?),
        _ => exactly(array, &own.data_type)?,
    };
    let wanted = target.field();
    if target.text == Text::Plain && own.text == Text::Json && *wanted.data_type() == DataType::Utf8 {
        return Ok(Arc::new(Cells::new(&array, true, false)?.to_text()));
    }
    if *wanted.data_type() == DataType::Utf8
        && own.data_type != DataType::Utf8
        && own.data_type != DataType::Null
    {
        return Ok(Arc::new(Cells::new(&array, false, false)?.to_text()));
    }
    exactly(&array, wanted.data_type())
}

/// Nulls for a column that a file does not have.
pub(super) fn absent(target: &Column, rows: usize) -> ArrayRef {
    new_null_array(target.field().data_type(), rows)
}

/// A cast that fails where a value would be lost.
fn exactly(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, RunError> {
    if array.data_type() == data_type {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, data_type, &options)?)
}

fn guids(array: &ArrayRef) -> datafusion::arrow::array::StringArray {
    let values = array.as_fixed_size_binary();
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 36);
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        let mut text = String::with_capacity(36);
        for (at, byte) in values.value(row).iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        texts.append_value(text);
    }
    texts.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: DataType) -> Column {
        Column { name: "x".to_owned(), data_type, text: Text::Plain }
    }

    #[test]
    fn types_of_several_files_hold_the_values_of_all() {
        use DataType::*;
        let utc = |unit| Timestamp(unit, Some("UTC".into()));
        let cases = [
            (Int8, Int32, Int32),
            (UInt8, Int8, Int16),
            (UInt32, Int8, Int64),
            (UInt64, Int64, Decimal128(20, 0)),
            (UInt8, UInt64, UInt64),
            (Float32, Float64, Float64),
            (Int32, Float64, Float64),
            (Int64, Float64, Utf8),
            (UInt32, Float32, Float64),
            (Decimal128(10, 2), Decimal128(8, 4), Decimal128(12, 4)),
            (Decimal128(10, 2), Int32, Decimal128(12, 2)),
            (Decimal128(38, 10), Decimal128(38, 0), Decimal256(48, 10)),
            (Decimal128(38, 10), Int64, Decimal128(38, 10)),
            (Decimal256(76, 0), Decimal128(38, 38), Utf8),
            (Decimal128(10, 2), Float64, Utf8),
            (utc(TimeUnit::Millisecond), utc(TimeUnit::Nanosecond), utc(TimeUnit::Nanosecond)),
            (Time64(TimeUnit::Microsecond), Time64(TimeUnit::Nanosecond), Time64(TimeUnit::Nanosecond)),
            (Date32, utc(TimeUnit::Millisecond), Utf8),
            (Boolean, Int32, Utf8),
            (Utf8, Int32, Utf8),
            (Null, Boolean, Boolean),
            (Binary, Utf8, Utf8),
        ];
        for (one, two, expected) in cases {
            for (one, two) in [(&one, &two), (&two, &one)] {
                let mut both = column(one.clone());
                both.join(&column(two.clone()));
                assert_eq!(both, column(expected.clone()), "{one} and {two}");
            }
        }
        let mut both = Column { text: Text::Json, ..column(Utf8) };
        both.join(&Column { text: Text::Json, ..column(Utf8) });
        assert_eq!(both.text, Text::Json);
        both.join(&column(Null));
        assert_eq!(both.text, Text::Json);
        both.join(&column(Utf8));
        assert_eq!(both.text, Text::Plain);
    }
}
