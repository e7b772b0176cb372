//! Data types by the names that connectors and tasks use for them.

use arrow_schema::{DataType, TimeUnit};

/// The Arrow type that a name of `DATA_TYPE`, `SOURCE_DATA_TYPE` or
/// `DESTINATION_DATA_TYPE` stands for; `None` for a name that says nothing
/// about a type (`CSV` is seen in the wild), which converts nothing.
///
/// Known are the names of the AppFlow console and CDK, of the custom connector
/// SDK and of EDM, without regard to case.
pub fn arrow_type(name: &str) -> Option<DataType> {
    let lower = name.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("edm.").unwrap_or(&lower);
    if let Some(arguments) = bare.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')')) {
        let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
        let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        let fits = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
        return fits.then_some(DataType::Decimal128(precision, scale));
    }
    Some(match bare {
        "string" | "id" | "reference" | "picklist" | "multipicklist" | "textarea" | "phone" | "url"
        | "email" | "address" | "guid" | "combobox" | "encryptedstring" | "text" | "varchar" | "char" => {
            DataType::Utf8
        }
        "byte" | "sbyte" | "short" | "int16" | "smallint" | "integer" | "int" | "int32" => DataType::Int32,
        "long" | "int64" | "bigint" => DataType::Int64,
        "float" | "single" | "real" => DataType::Float32,
        "double" | "number" | "percent" => DataType::Float64,
        "decimal" | "bigdecimal" | "currency" | "numeric" => DataType::Decimal128(38, 10),
        "biginteger" => DataType::Decimal128(38, 0),
        "boolean" | "bool" => DataType::Boolean,
        "date" => DataType::Date32,
        "time" | "timeofday" => DataType::Time64(TimeUnit::Microsecond),
        "datetime" | "datetimeoffset" | "timestamp" => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        "binary" | "base64" | "bytearray" => DataType::Binary,
        _ => return None,
    })
}

/// Whether a name stands for a decimal without saying its scale. Its values
/// are then exact to ten places, and a text shows no more zeros than it needs.
pub fn is_unsized_decimal(name: &str) -> bool {
    matches!(arrow_type(name), Some(DataType::Decimal128(38, 10))) && !name.contains('(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_family_are_known() {
        let cases = [
            ("string", Some(DataType::Utf8)),
            ("Edm.Int64", Some(DataType::Int64)),
            ("DateTime", Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))),
            ("Decimal(15, 4)", Some(DataType::Decimal128(15, 4))),
            ("BigInteger", Some(DataType::Decimal128(38, 0))),
            ("CSV", None),
            ("decimal(39,0)", None),
            ("decimal(4,5)", None),
        ];
        for (name, expected) in cases {
            assert_eq!(arrow_type(name), expected, "{name}");
        }
    }
}
