//! Points in time as the protocol writes them: epoch seconds with fractions.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};
use tidegate_core::civil::{civil_from_days, days_from_civil};

const MILLIS_PER_DAY: i64 = 86_400_000;
/// 0001-01-01T00:00:00Z.
const MIN_MILLIS: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z.
const MAX_MILLIS: i64 = 253_402_300_799_999;

/// A point in time with millisecond precision.
///
/// On input it is a JSON number of epoch seconds (whole, with a fraction or with an exponent) or an ISO 8601 string with
/// a date, or a date, a time and an offset. On output it is a JSON number with at most three decimals. Digits are moved,
/// never computed in floating point, so a time comes back as it was sent; digits beyond the millisecond are cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no time, or one outside the years 1 to 9999. The text is left out, because it comes from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time: epoch seconds or ISO 8601 in the years 1 to 9999 are expected")]
pub struct TimestampError;

impl Timestamp {
    /// The time that many milliseconds after 1970-01-01T00:00:00Z, moved into the years 1 to 9999.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < MIN_MILLIS {
            return Self(MIN_MILLIS);
        }
        if millis > MAX_MILLIS {
            return Self(MAX_MILLIS);
        }
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time a JSON value stands for: a number of epoch seconds, or an ISO 8601 string.
    ///
    /// # Errors
    /// [`TimestampError`] for anything else.
    pub fn from_json(value: &Value) -> Result<Self, TimestampError> {
        match value {
            Value::Number(number) => epoch_seconds(&number.to_string()),
            Value::String(text) => text.parse(),
            _ => Err(TimestampError),
        }
    }

    /// Epoch seconds as the protocol writes them, such as `1700000000.123` or `1700000000`.
    pub fn epoch_text(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (seconds, millis) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        if millis == 0 {
            return format!("{sign}{seconds}");
        }
        let text = format!("{sign}{seconds}.{millis:03}");
        text.trim_end_matches('0').to_owned()
    }

    const fn checked(millis: i64) -> Result<Self, TimestampError> {
        if millis < MIN_MILLIS || millis > MAX_MILLIS {
            return Err(TimestampError);
        }
        Ok(Self(millis))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC, with milliseconds when there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(MILLIS_PER_DAY), self.0.rem_euclid(MILLIS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let (seconds, millis) = (rest / 1000, rest % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if millis != 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads ISO 8601: `2026-01-31`, or `2026-01-31T10:00:00` with a fraction if need be and `Z` or an offset.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        iso(text).ok_or(TimestampError).and_then(Self::checked)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: Number = self.epoch_text().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(D::Error::custom)
    }
}

/// Reads a JSON number of seconds by moving its decimal point three digits.
fn epoch_seconds(text: &str) -> Result<Timestamp, TimestampError> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| TimestampError)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(TimestampError);
    }
    // Digits that count milliseconds; zeros are added when the number has fewer.
    let wanted = i64::from(exponent) + 3 + i64::try_from(whole.len()).map_err(|_| TimestampError)?;
    let mut millis: i64 = 0;
    for at in 0..wanted.max(0) {
        let digit = usize::try_from(at).ok().and_then(|at| digits.get(at)).map_or(0, |digit| digit - b'0');
        if millis == 0 && digit == 0 && usize::try_from(at).is_ok_and(|at| at >= digits.len()) {
            break;
        }
        millis = millis
            .checked_mul(10)
            .and_then(|millis| millis.checked_add(i64::from(digit)))
            .ok_or(TimestampError)?;
    }
    Timestamp::checked(if negative { -millis } else { millis })
}

fn iso(text: &str) -> Option<i64> {
    let mut input = Digits { rest: text };
    let year = input.number(4)?;
    input.expect("-")?;
    let month = input.number(2)?;
    input.expect("-")?;
    let day = input.number(2)?;
    let days = days_of(year, month, day)?;
    if input.rest.is_empty() {
        return Some(days * MILLIS_PER_DAY);
    }
    input.expect("T").or_else(|| input.expect("t")).or_else(|| input.expect(" "))?;
    let hour = input.number(2)?;
    input.expect(":")?;
    let minute = input.number(2)?;
    let mut millis = 0;
    let mut second = 0;
    if input.expect(":").is_some() {
        second = input.number(2)?;
        if input.expect(".").is_some() {
            millis = input.fraction()?;
        }
    }
    // A leap second counts as the second before it, which every later use can represent.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = input.offset()?;
    if !input.rest.is_empty() {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second.min(59) - offset * 60;
    Some(days * MILLIS_PER_DAY + seconds * 1000 + millis)
}

struct Digits<'a> {
    rest: &'a str,
}

impl Digits<'_> {
    fn number(&mut self, width: usize) -> Option<i64> {
        let digits = self.rest.get(..width).filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
        let value = digits.parse().ok()?;
        self.rest = &self.rest[width..];
        Some(value)
    }

    fn expect(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// Milliseconds of a fraction; further digits are cut off.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let mut millis = 0;
        for at in 0..3 {
            millis = millis * 10 + digits.as_bytes().get(at).map_or(0, |digit| i64::from(digit - b'0'));
        }
        (length > 0).then_some(millis)
    }

    /// Minutes east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.expect("Z").or_else(|| self.expect("z")).is_some() {
            return Some(0);
        }
        let sign = if self.expect("+").is_some() {
            1
        } else {
            self.expect("-")?;
            -1
        };
        let hours = self.number(2)?;
        let _ = self.expect(":");
        let minutes = self.number(2)?;
        (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
    }
}

/// The day of a date in the years 1 to 9999.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let (month, day) = (u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    days_from_civil(year, month, day).filter(|_| (1..=9999).contains(&year))
}
