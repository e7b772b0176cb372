//! Dates and times as text: ISO 8601 out, ISO 8601 or epoch milliseconds in.

use datafusion::arrow::datatypes::TimeUnit;
use tidegate_core::civil::{civil_from_days, days_from_civil};

const DAY_SECONDS: i64 = 86_400;
const NANOS: i128 = 1_000_000_000;

/// Units in a second.
pub(crate) const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn two(out: &mut Vec<u8>, value: u32) {
    out.extend([b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]);
}

/// Writes `YYYY-MM-DD`.
pub(crate) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9_999).contains(&year) {
        two(out, (year / 100) as u32);
        two(out, (year % 100) as u32);
    } else {
        // ISO 8601 asks for a sign on years of more than four digits.
        out.extend(format!("{year:+05}").bytes());
    }
    out.push(b'-');
    two(out, month);
    out.push(b'-');
    two(out, day);
}

/// Writes `HH:MM:SS` and the fraction in groups of three digits, without
/// those that are zero.
pub(crate) fn write_time(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let per_second = per_second(unit);
    let seconds = value.div_euclid(per_second);
    two(out, (seconds / 3_600) as u32);
    out.push(b':');
    two(out, (seconds / 60 % 60) as u32);
    out.push(b':');
    two(out, (seconds % 60) as u32);
    let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    if nanos != 0 {
        let digits = if nanos % 1_000_000 == 0 {
            format!(".{:03}", nanos / 1_000_000)
        } else if nanos % 1_000 == 0 {
            format!(".{:06}", nanos / 1_000)
        } else {
            format!(".{nanos:09}")
        };
        out.extend(digits.bytes());
    }
}

/// Writes a moment as `YYYY-MM-DDTHH:MM:SS[.fff]Z`.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let per_day = DAY_SECONDS * per_second(unit);
    write_date(out, value.div_euclid(per_day));
    out.push(b'T');
    write_time(out, value.rem_euclid(per_day), unit);
    out.push(b'Z');
}

fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// Epoch milliseconds: nothing but digits, with a sign perhaps.
fn epoch_ms(text: &str) -> Option<i64> {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    (!bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Splits `YYYY-MM-DD` off a text.
fn split_date(text: &str) -> Option<(i64, &str)> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' || !text.is_char_boundary(10) {
        return None;
    }
    let days =
        days_from_civil(i64::from(digits(&bytes[..4])?), digits(&bytes[5..7])?, digits(&bytes[8..10])?)?;
    Some((days, &text[10..]))
}

/// Reads `HH:MM[:SS[.fraction]]` as nanoseconds; more than nine digits of a
/// fraction are refused, because they would be lost.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (parts.next()?, parts.next()?);
    let seconds = parts.next();
    if parts.next().is_some() || (fraction.is_some() && seconds.is_none()) {
        return None;
    }
    let number = |text: &str, limit: u32| {
        (text.len() == 2).then(|| digits(text.as_bytes())).flatten().filter(|value| *value < limit)
    };
    let total = number(hours, 24)? * 3_600 + number(minutes, 60)? * 60 + number(seconds.unwrap_or("00"), 60)?;
    let nanos = match fraction {
        None => 0,
        Some(fraction) => digits(fraction.as_bytes())? * 10_u32.pow(9 - fraction.len() as u32),
    };
    Some(i64::from(total) * 1_000_000_000 + i64::from(nanos))
}

/// Reads a zone: nothing or `Z` is UTC, else `±HH:MM`, `±HHMM` or `±HH`;
/// the offset is in seconds.
fn parse_zone(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let bare = rest.replace(':', "");
    let (hours, minutes) = match bare.len() {
        2 => (digits(bare.as_bytes())?, 0),
        4 => (digits(&bare.as_bytes()[..2])?, digits(&bare.as_bytes()[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

/// Reads a moment as nanoseconds since 1970 UTC: ISO 8601 (a date alone is its
/// midnight, a time without zone is UTC) or epoch milliseconds.
pub(crate) fn parse_timestamp(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Some(milliseconds) = epoch_ms(text) {
        return Some(i128::from(milliseconds) * 1_000_000);
    }
    let (days, rest) = split_date(text)?;
    let midnight = i128::from(days * DAY_SECONDS) * NANOS;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let clock_end =
        rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let offset = parse_zone(zone.trim_start())?;
    Some(midnight + i128::from(parse_time(clock)?) - i128::from(offset) * NANOS)
}

/// Reads a date as a day number: an ISO 8601 date, or the day in UTC of
/// anything that [`parse_timestamp`] reads.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let nanos = parse_timestamp(text)?;
    i32::try_from(nanos.div_euclid(i128::from(DAY_SECONDS) * NANOS)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(value: i64, unit: TimeUnit) -> String {
        let mut out = Vec::new();
        write_timestamp(&mut out, value, unit);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn moments_are_written_with_their_own_precision() {
        let cases = [
            (1_672_549_200, TimeUnit::Second, "2023-01-01T05:00:00Z"),
            (1_672_549_200_123, TimeUnit::Millisecond, "2023-01-01T05:00:00.123Z"),
            (1_672_549_200_000_000, TimeUnit::Microsecond, "2023-01-01T05:00:00Z"),
            (1_672_549_200_120_000, TimeUnit::Microsecond, "2023-01-01T05:00:00.120Z"),
            (1_672_549_200_000_001, TimeUnit::Microsecond, "2023-01-01T05:00:00.000001Z"),
            (-1, TimeUnit::Nanosecond, "1969-12-31T23:59:59.999999999Z"),
            (-62_135_596_800, TimeUnit::Second, "0001-01-01T00:00:00Z"),
            (253_402_300_799_999, TimeUnit::Millisecond, "9999-12-31T23:59:59.999Z"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(stamp(value, unit), expected);
            let nanos = parse_timestamp(expected).unwrap();
            assert_eq!(nanos, i128::from(value) * (NANOS / i128::from(per_second(unit))), "{expected}");
        }
    }

    #[test]
    fn what_people_write_is_read() {
        let day = 1_672_531_200_000_000_000_i128;
        let cases = [
            ("2023-01-01", Some(day)),
            ("1672531200000", Some(day)),
            ("-1", Some(-1_000_000)),
            ("2023-01-01 01:00", Some(day + 3_600 * NANOS)),
            ("2023-01-01T00:30:00+00:30", Some(day)),
            ("2022-12-31T22:00:00.5-0200", Some(day + NANOS / 2)),
            ("2023-02-29", None),
            ("2024-02-29", Some(1_709_164_800 * NANOS)),
            ("2023-13-01", None),
            ("2023-01-01T24:00:00", None),
            ("2023-01-01T1:00:00", None),
            ("yesterday", None),
            ("", None),
            ("ééééé", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_timestamp(text), expected, "{text}");
        }
        assert_eq!(parse_date("2023-01-01T23:00:00-02:00"), Some(19_359));
    }
}
