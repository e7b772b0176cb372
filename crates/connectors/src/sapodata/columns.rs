//! How the types of EDM become Arrow types.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, TimeUnit};
use tidegate_core::connector::{
    EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, MOMENT_TEXT, NUMBER_TEXT, TEXT_MEANING,
};

use super::metadata::{Metadata, Property, Scale, Version};

/// Field metadata: the type in EDM's words, such as `Edm.DateTimeOffset`.
pub const EDM_TYPE: &str = "edm.type";
/// Field metadata: the precision that the service declares, in digits.
pub const EDM_PRECISION: &str = "edm.precision";

/// What the values of a column are, and so how they are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text as it is: strings and durations.
    Text,
    /// A decimal that is kept as the text of a JSON number because its digits
    /// are not bounded.
    FreeDecimal,
    /// `Edm.Guid`
    Guid,
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.Byte`, `Edm.SByte`, `Edm.Int16`, `Edm.Int32`
    Int32,
    /// `Edm.Int64`
    Int64,
    /// `Edm.Single`
    Float32,
    /// `Edm.Double`
    Float64,
    /// A decimal of at most 38 digits: precision and scale.
    Decimal128(u8, i8),
    /// A decimal of at most 76 digits: precision and scale.
    Decimal256(u8, i8),
    /// A day: `Edm.Date`, or `Edm.DateTime` that SAP marks as a date.
    Date,
    /// A time of day, in microseconds or nanoseconds.
    Time(TimeUnit),
    /// A point in time (UTC), in milliseconds or microseconds; in nanoseconds
    /// it is a text, since 64 bits of them end in the year 2262 and SAP's
    /// "forever" is the end of 9999.
    Timestamp(TimeUnit),
    /// `Edm.Binary`
    Binary,
    /// Anything structured, as the JSON text that the service sent.
    Json,
}

/// The kind of a property; `None` for a stream, which no page holds.
pub fn kind_of(metadata: &Metadata, property: &Property) -> Option<Kind> {
    Some(match metadata.underlying(&property.edm_type) {
        "Edm.Stream" => return None,
        "Edm.String" | "Edm.Duration" => Kind::Text,
        "Edm.Guid" => Kind::Guid,
        "Edm.Boolean" => Kind::Boolean,
        "Edm.Byte" | "Edm.SByte" | "Edm.Int16" | "Edm.Int32" => Kind::Int32,
        "Edm.Int64" => Kind::Int64,
        "Edm.Single" => Kind::Float32,
        "Edm.Double" => Kind::Float64,
        "Edm.Decimal" => decimal(property),
        "Edm.Date" => Kind::Date,
        "Edm.DateTime" if property.display_format.as_deref() == Some("Date") => Kind::Date,
        "Edm.Time" | "Edm.TimeOfDay" => match property.precision {
            Some(digits) if digits > 6 => Kind::Time(TimeUnit::Nanosecond),
            _ => Kind::Time(TimeUnit::Microsecond),
        },
        // V2 counts milliseconds in JSON, whatever precision it declares.
        "Edm.DateTime" | "Edm.DateTimeOffset" if metadata.version == Version::V2 => {
            Kind::Timestamp(TimeUnit::Millisecond)
        }
        "Edm.DateTime" | "Edm.DateTimeOffset" => match property.precision {
            Some(0..=3) => Kind::Timestamp(TimeUnit::Millisecond),
            // V4 says that none means zero; services are seen that send more.
            Some(4..=6) | None => Kind::Timestamp(TimeUnit::Microsecond),
            Some(_) => Kind::Timestamp(TimeUnit::Nanosecond),
        },
        "Edm.Binary" => Kind::Binary,
        _ => Kind::Json,
    })
}

/// A decimal keeps every digit: with precision and a fixed scale it is an Arrow
/// decimal; otherwise nothing bounds its digits, and it stays the text it is.
fn decimal(property: &Property) -> Kind {
    let scale = match property.scale {
        None => 0,
        Some(Scale::Fixed(digits)) => digits,
        Some(Scale::Variable) => return Kind::FreeDecimal,
    };
    match (property.precision, i8::try_from(scale)) {
        (Some(precision @ 1..=38), Ok(scale)) if i64::from(scale) <= i64::from(precision) => {
            Kind::Decimal128(u8::try_from(precision).expect("at most 38"), scale)
        }
        (Some(precision @ 39..=76), Ok(scale)) if i64::from(scale) <= i64::from(precision) => {
            Kind::Decimal256(u8::try_from(precision).expect("at most 76"), scale)
        }
        _ => Kind::FreeDecimal,
    }
}

impl Kind {
    /// The Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::FreeDecimal | Self::Guid | Self::Json => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal128(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Decimal256(precision, scale) => DataType::Decimal256(precision, scale),
            Self::Date => DataType::Date32,
            Self::Time(unit) => DataType::Time64(unit),
            Self::Timestamp(TimeUnit::Nanosecond) => DataType::Utf8,
            Self::Timestamp(unit) => DataType::Timestamp(unit, Some("UTC".into())),
            Self::Binary => DataType::Binary,
        }
    }
}

impl Kind {
    /// What its values are, for people.
    pub fn in_words(self) -> String {
        let places = |unit: TimeUnit| match unit {
            TimeUnit::Second => 0,
            TimeUnit::Millisecond => 3,
            TimeUnit::Microsecond => 6,
            TimeUnit::Nanosecond => 9,
        };
        match self {
            Self::Text => "a text".to_owned(),
            Self::FreeDecimal => "a decimal number".to_owned(),
            Self::Guid => "a GUID".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Int32 => "an integer of 32 bits".to_owned(),
            Self::Int64 => "an integer of 64 bits".to_owned(),
            Self::Float32 | Self::Float64 => "a floating-point number".to_owned(),
            Self::Decimal128(precision, scale) | Self::Decimal256(precision, scale) => {
                format!("a decimal number of at most {precision} digits, {scale} of them after the point")
            }
            Self::Date => "a date".to_owned(),
            Self::Time(unit) => {
                format!("a time of day with at most {} digits of a second's fraction", places(unit))
            }
            Self::Timestamp(unit) => {
                format!("a point in time with at most {} digits of a second's fraction", places(unit))
            }
            Self::Binary => "binary data in base64".to_owned(),
            Self::Json => "JSON".to_owned(),
        }
    }
}

/// One column of a scan.
#[derive(Clone, Debug)]
pub struct Column {
    /// The property's name.
    pub name: String,
    /// How its values are read.
    pub kind: Kind,
}

/// The column of a property with its Arrow field. Every column is nullable: a
/// service may leave a value out whatever its metadata promise.
pub fn column(metadata: &Metadata, property: &Property) -> Option<(Column, Field)> {
    let kind = kind_of(metadata, property)?;
    let mut facts = HashMap::from([(EDM_TYPE.to_owned(), property.edm_type.clone())]);
    if let Some(precision) = property.precision {
        facts.insert(EDM_PRECISION.to_owned(), precision.to_string());
    }
    Some(finish(&property.name, kind, facts))
}

/// The column of an expanded navigation property.
pub fn navigation_column(name: &str) -> (Column, Field) {
    finish(name, Kind::Json, HashMap::new())
}

/// A column of texts that the service does not have.
pub fn text_column(name: &str) -> (Column, Field) {
    finish(name, Kind::Text, HashMap::new())
}

fn finish(name: &str, kind: Kind, mut facts: HashMap<String, String>) -> (Column, Field) {
    if matches!(kind, Kind::Json | Kind::FreeDecimal) {
        facts.insert(EXTENSION_NAME.to_owned(), JSON_EXTENSION.to_owned());
    }
    let meaning = match kind {
        Kind::FreeDecimal => Some(NUMBER_TEXT),
        Kind::Guid => Some(GUID_TEXT),
        Kind::Timestamp(TimeUnit::Nanosecond) => Some(MOMENT_TEXT),
        _ => None,
    };
    if let Some(meaning) = meaning {
        facts.insert(TEXT_MEANING.to_owned(), meaning.to_owned());
    }
    let field = Field::new(name, kind.data_type(), true).with_metadata(facts);
    (Column { name: name.to_owned(), kind }, field)
}
