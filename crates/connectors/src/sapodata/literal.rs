//! Values as literals of `$filter`, in the spelling of each version.

use super::columns::Kind;
use super::metadata::Version;
use super::values::{day, instant, plain_decimal, time_of_day};
use crate::kit::civil::{Instant, civil_from_days, fraction};

/// The literal for a value of a flow's filter, or of a record's key; `None` when
/// the text is no value of the property's type. Times may be ISO 8601, epoch
/// milliseconds, or as V2 writes them.
pub fn literal(version: Version, edm_type: &str, kind: Kind, text: &str) -> Option<String> {
    let v2 = version == Version::V2;
    let suffixed = |number: String, suffix: &str| if v2 { format!("{number}{suffix}") } else { number };
    match kind {
        // A duration is a text only to us.
        Kind::Text if edm_type == "Edm.Duration" => None,
        Kind::Text => Some(quoted(text)),
        Kind::Guid => {
            let guid = text.trim().to_ascii_lowercase();
            is_guid(&guid).then(|| if v2 { format!("guid'{guid}'") } else { guid })
        }
        Kind::Boolean => {
            let lower = text.trim().to_ascii_lowercase();
            matches!(lower.as_str(), "true" | "false").then_some(lower)
        }
        Kind::Int32 => {
            let number: i32 = text.trim().parse().ok()?;
            let fits = match edm_type {
                "Edm.Byte" => u8::try_from(number).is_ok(),
                "Edm.SByte" => i8::try_from(number).is_ok(),
                "Edm.Int16" => i16::try_from(number).is_ok(),
                _ => true,
            };
            fits.then(|| number.to_string())
        }
        Kind::Int64 => Some(suffixed(text.trim().parse::<i64>().ok()?.to_string(), "L")),
        Kind::Float32 => Some(suffixed(finite(text)?, "f")),
        Kind::Float64 => Some(suffixed(finite(text)?, "d")),
        Kind::Decimal128(..) | Kind::Decimal256(..) | Kind::FreeDecimal => {
            let (negative, whole, part) = plain_decimal(text.trim())?;
            let sign = if negative && !(whole.is_empty() && part.is_empty()) { "-" } else { "" };
            let whole = if whole.is_empty() { "0" } else { &whole };
            let point = if part.is_empty() { "" } else { "." };
            Some(suffixed(format!("{sign}{whole}{point}{part}"), "M"))
        }
        Kind::Date => {
            let days = match moment(text.trim()) {
                Some(moment) => moment.day(),
                None => day(text.trim())?,
            };
            let (year, month, day) = civil_from_days(days);
            let date = format!("{year:04}-{month:02}-{day:02}");
            Some(if v2 { format!("datetime'{date}T00:00:00'") } else { date })
        }
        Kind::Time(_) => {
            let (seconds, nanos) = time_of_day(text.trim()).or_else(|| {
                let moment = moment(text.trim())?;
                Some((moment.second_of_day(), moment.nanos))
            })?;
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let part = fraction(nanos);
            Some(if v2 {
                format!("time'PT{hour:02}H{minute:02}M{second:02}{part}S'")
            } else {
                format!("{hour:02}:{minute:02}:{second:02}{part}")
            })
        }
        Kind::Timestamp(_) => {
            let moment = moment(text.trim())?;
            Some(match (v2, edm_type) {
                (false, _) => format!("{}Z", moment.iso()),
                (true, "Edm.DateTime") => format!("datetime'{}'", moment.iso()),
                (true, _) => format!("datetimeoffset'{}Z'", moment.iso()),
            })
        }
        Kind::Binary | Kind::Json => None,
    }
}

/// A text between quotes; a quote inside is doubled, in every version.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A point in time: epoch milliseconds, ISO 8601, or as V2 writes it.
pub(super) fn moment(text: &str) -> Option<Instant> {
    match text.parse::<i64>() {
        Ok(millis) => Some(Instant::from_millis(millis)),
        Err(_) => instant(text),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A number of everyday size, in the shortest plain spelling that reads back as
/// the same. Servers differ in the exponents that they read, so very large and
/// very small ones have no literal, and the engine compares them.
fn finite(text: &str) -> Option<String> {
    let number: f64 = text.trim().parse().ok()?;
    let everyday = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    everyday.then(|| number.to_string())
}
