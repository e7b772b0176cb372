//! The cells of one column, from their JSON text into an Arrow builder.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
    Time64NanosecondBuilder, TimestampMicrosecondBuilder, TimestampMillisecondBuilder,
};
use arrow_array::types::{ArrowPrimitiveType, Decimal256Type};
use arrow_schema::TimeUnit;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::columns::Kind;
use super::super::values::{day, instant, json_number, time_of_day, unquote, unscaled, unscaled_i128};
use crate::kit::civil::Instant;

/// Services write both alphabets of base64, with padding and without.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A column that is being filled.
pub(super) enum Cells {
    Text(StringBuilder),
    Json(StringBuilder),
    Number(StringBuilder),
    Boolean(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Date(Date32Builder),
    TimeMicros(Time64MicrosecondBuilder),
    TimeNanos(Time64NanosecondBuilder),
    Millis(TimestampMillisecondBuilder),
    Micros(TimestampMicrosecondBuilder),
    Moment(StringBuilder),
    Binary(BinaryBuilder),
}

impl Cells {
    pub(super) fn new(kind: Kind, rows: usize) -> Self {
        let text = || StringBuilder::with_capacity(rows, rows * 16);
        match kind {
            Kind::Text | Kind::Guid => Self::Text(text()),
            Kind::FreeDecimal => Self::Number(text()),
            Kind::Json => Self::Json(text()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            Kind::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            Kind::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            Kind::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            Kind::Decimal128(precision, scale) => Self::Decimal128(
                Decimal128Builder::with_capacity(rows).with_data_type(kind.data_type()),
                precision,
                scale,
            ),
            Kind::Decimal256(precision, scale) => Self::Decimal256(
                Decimal256Builder::with_capacity(rows).with_data_type(kind.data_type()),
                precision,
                scale,
            ),
            Kind::Date => Self::Date(Date32Builder::with_capacity(rows)),
            Kind::Time(TimeUnit::Nanosecond) => Self::TimeNanos(Time64NanosecondBuilder::with_capacity(rows)),
            Kind::Time(_) => Self::TimeMicros(Time64MicrosecondBuilder::with_capacity(rows)),
            Kind::Timestamp(TimeUnit::Nanosecond) => Self::Moment(text()),
            Kind::Timestamp(TimeUnit::Microsecond) => Self::Micros(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(kind.data_type()),
            ),
            Kind::Timestamp(_) => Self::Millis(
                TimestampMillisecondBuilder::with_capacity(rows).with_data_type(kind.data_type()),
            ),
            Kind::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, rows * 16)),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Text(b) | Self::Json(b) | Self::Number(b) | Self::Moment(b) => b.append_null(),
            Self::Boolean(b) => b.append_null(),
            Self::Int32(b) => b.append_null(),
            Self::Int64(b) => b.append_null(),
            Self::Float32(b) => b.append_null(),
            Self::Float64(b) => b.append_null(),
            Self::Decimal128(b, ..) => b.append_null(),
            Self::Decimal256(b, ..) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::TimeMicros(b) => b.append_null(),
            Self::TimeNanos(b) => b.append_null(),
            Self::Millis(b) => b.append_null(),
            Self::Micros(b) => b.append_null(),
            Self::Binary(b) => b.append_null(),
        }
    }

    /// Appends a value from its JSON text; `None` when it is not of the
    /// column's type, or has more digits than that can hold.
    pub(super) fn append(&mut self, raw: &str) -> Option<()> {
        if raw == "null" {
            self.append_null();
            return Some(());
        }
        match self {
            Self::Text(b) => b.append_value(unquote(raw)),
            Self::Json(b) => b.append_value(expanded(raw)),
            Self::Number(b) => b.append_value(json_number(unquote(raw).trim())?),
            Self::Boolean(b) => b.append_value(unquote(raw).parse().ok()?),
            Self::Int32(b) => b.append_value(unquote(raw).parse().ok()?),
            Self::Int64(b) => b.append_value(unquote(raw).parse().ok()?),
            Self::Float32(b) => b.append_value(float(&unquote(raw))?),
            Self::Float64(b) => b.append_value(float(&unquote(raw))?),
            Self::Decimal128(b, precision, scale) => {
                b.append_value(unscaled_i128(unquote(raw).trim(), *precision, *scale)?);
            }
            Self::Decimal256(b, precision, scale) => {
                let digits = unscaled(unquote(raw).trim(), *precision, *scale)?;
                b.append_value(<Decimal256Type as ArrowPrimitiveType>::Native::from_string(&digits)?);
            }
            Self::Date(b) => b.append_value(i32::try_from(day(&unquote(raw))?).ok()?),
            Self::TimeMicros(b) => {
                let (seconds, nanos) = time_of_day(&unquote(raw))?;
                b.append_value(seconds * 1_000_000 + whole(nanos, 1_000)?);
            }
            Self::TimeNanos(b) => {
                let (seconds, nanos) = time_of_day(&unquote(raw))?;
                b.append_value(seconds * 1_000_000_000 + i64::from(nanos));
            }
            Self::Millis(b) => b.append_value(scaled(instant(&unquote(raw))?, 1_000)?),
            Self::Micros(b) => b.append_value(scaled(instant(&unquote(raw))?, 1_000_000)?),
            Self::Moment(b) => b.append_value(in_full(instant(&unquote(raw))?)),
            Self::Binary(b) => {
                let text = unquote(raw);
                let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
                b.append_value(engine.decode(text.as_bytes()).ok()?);
            }
        }
        Some(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) | Self::Json(b) | Self::Number(b) | Self::Moment(b) => Arc::new(b.finish()),
            Self::Boolean(b) => Arc::new(b.finish()),
            Self::Int32(b) => Arc::new(b.finish()),
            Self::Int64(b) => Arc::new(b.finish()),
            Self::Float32(b) => Arc::new(b.finish()),
            Self::Float64(b) => Arc::new(b.finish()),
            Self::Decimal128(b, ..) => Arc::new(b.finish()),
            Self::Decimal256(b, ..) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::TimeMicros(b) => Arc::new(b.finish()),
            Self::TimeNanos(b) => Arc::new(b.finish()),
            Self::Millis(b) => Arc::new(b.finish()),
            Self::Micros(b) => Arc::new(b.finish()),
            Self::Binary(b) => Arc::new(b.finish()),
        }
    }
}

/// A floating point number; V4 writes the special ones as `INF`, `-INF`, `NaN`.
fn float<F: std::str::FromStr>(text: &str) -> Option<F> {
    match text.trim() {
        "INF" => "inf".parse().ok(),
        "-INF" => "-inf".parse().ok(),
        number => number.parse().ok(),
    }
}

/// The nanoseconds in a coarser unit, if it can hold them.
fn whole(nanos: u32, per: u32) -> Option<i64> {
    nanos.is_multiple_of(per).then_some(i64::from(nanos / per))
}

/// A point in time in units of so many a second, if that can hold it.
fn scaled(instant: Instant, per_second: i64) -> Option<i64> {
    let nanos_per_unit = u32::try_from(1_000_000_000 / per_second).ok()?;
    let part = whole(instant.nanos, nanos_per_unit)?;
    // One by one, since the earliest seconds of a range fit only with their part.
    i64::try_from(i128::from(instant.seconds) * i128::from(per_second) + i128::from(part)).ok()
}

/// A point in time as the engine writes timestamps: a fraction of 3, 6 or 9
/// digits, or none.
fn in_full(instant: Instant) -> String {
    let seconds = Instant { seconds: instant.seconds, nanos: 0 }.iso();
    match instant.nanos {
        0 => format!("{seconds}Z"),
        nanos if nanos.is_multiple_of(1_000_000) => format!("{seconds}.{:03}Z", nanos / 1_000_000),
        nanos if nanos.is_multiple_of(1_000) => format!("{seconds}.{:06}Z", nanos / 1_000),
        nanos => format!("{seconds}.{nanos:09}Z"),
    }
}

/// What V2 wraps an expanded collection in is taken off, so that both versions
/// give the same: an array.
fn expanded(raw: &str) -> &str {
    let inner = || {
        let inner = raw.strip_prefix("{\"results\":")?.strip_suffix('}')?;
        let end = inner.trim_end().strip_suffix(']').map(|_| inner)?;
        (inner.starts_with('[') && serde_json::from_str::<&serde_json::value::RawValue>(end).is_ok())
            .then_some(end)
    };
    inner().unwrap_or(raw)
}
