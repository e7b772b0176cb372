//! The texts in which OData writes values, read without loss.

use std::borrow::Cow;

use crate::kit::civil::{self, Instant};

/// The text of a JSON value: a string without its quotes and escapes, anything
/// else as it stands.
pub fn unquote(raw: &str) -> Cow<'_, str> {
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    // The raw value has been through a JSON parser, which accepted it.
    serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// Reads a point in time: ISO 8601 (V4), or V2's `/Date(ticks)/` and
/// `/Date(ticks±minutes)/`, where the ticks are milliseconds of the local clock.
pub fn instant(text: &str) -> Option<Instant> {
    let Some(ticks) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) else {
        return civil::parse_instant(text);
    };
    // The sign of the ticks themselves may come first.
    let at = ticks.get(1..).and_then(|rest| rest.find(['+', '-'])).map(|at| at + 1);
    let (ticks, offset) = ticks.split_at(at.unwrap_or(ticks.len()));
    let minutes: i64 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    let ticks: i64 = ticks.parse().ok()?;
    Some(Instant::from_millis(ticks.checked_sub(minutes.checked_mul(60_000)?)?))
}

/// Reads a time of day: `hh:mm:ss.fff` (V4) or a duration such as `PT13H20M0.5S`
/// (V2), as seconds and nanoseconds.
pub fn time_of_day(text: &str) -> Option<(i64, u32)> {
    let Some(mut rest) = text.strip_prefix("PT") else { return civil::parse_time(text) };
    let (mut seconds, mut nanos) = (0_i64, 0);
    if rest.is_empty() {
        return None;
    }
    for (unit, worth) in [('H', 3600), ('M', 60)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds += number.parse::<u32>().map(i64::from).ok()? * worth;
            rest = after;
        }
    }
    if let Some(number) = rest.strip_suffix('S') {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        seconds += i64::from(whole.parse::<u32>().ok()?);
        nanos = civil::parse_fraction(fraction.as_bytes())?;
        rest = "";
    }
    (rest.is_empty() && seconds < 86_400).then_some((seconds, nanos))
}

/// Reads a day: a date, a point in time at its midnight or later (its day), or
/// V2's `/Date(ticks)/`.
pub fn day(text: &str) -> Option<i64> {
    civil::parse_date(text).or_else(|| instant(text).map(Instant::day))
}

/// A decimal number in its plain form: sign, digits before the point without
/// leading zeros, digits after it without trailing ones. `1.50E2` is `150`.
pub fn plain_decimal(text: &str) -> Option<(bool, String, String)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + part.len() == 0
        || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit())
        || exponent.unsigned_abs() > 400
    {
        return None;
    }
    let mut digits = format!("{whole}{part}");
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    while point < 0 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    let whole = digits[..point].trim_start_matches('0').to_owned();
    let part = digits[point..].trim_end_matches('0').to_owned();
    Some((negative, whole, part))
}

/// A decimal as a JSON number with every digit and the exponent that it has;
/// only what JSON does not allow is mended: a plus sign, zeros in front, a
/// point without digits on both sides.
pub fn json_number(text: &str) -> Option<Cow<'_, str>> {
    let (mantissa, exponent) = text.find(['e', 'E']).map_or((text, None), |at| {
        let (mantissa, exponent) = text.split_at(at);
        (mantissa, Some(exponent))
    });
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(exponent) = exponent {
        let digits = exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    }
    let (sign, bare) = match mantissa.strip_prefix('-') {
        Some(bare) => ("-", bare),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let is_json = (whole == "0" || !(whole.is_empty() || whole.starts_with('0')))
        && !mantissa.starts_with('+')
        && !mantissa.ends_with('.');
    if is_json {
        return Some(Cow::Borrowed(text));
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Cow::Owned(format!("{sign}{whole}{point}{fraction}{}", exponent.unwrap_or_default())))
}

/// The unscaled integer of a decimal as text: `-12.3` at scale 2 is `-1230`.
/// `None` when the number has more digits after the point, or more digits in
/// all, than it may: nothing is ever rounded.
pub fn unscaled(text: &str, precision: u8, scale: i8) -> Option<String> {
    let (negative, whole, mut part) = plain_decimal(text)?;
    let scale = usize::try_from(scale).ok()?;
    if part.len() > scale || whole.len() + scale > usize::from(precision) {
        return None;
    }
    while part.len() < scale {
        part.push('0');
    }
    let sign = if negative { "-" } else { "" };
    Some(format!("{sign}{whole}{part}")).map(|digits| match digits.as_str() {
        "" | "-" => "0".to_owned(),
        _ => digits,
    })
}

/// The same for the common case of at most 38 digits, without allocating.
pub fn unscaled_i128(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut value = 0_i128;
    let mut after_point = None;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                if let Some(count) = &mut after_point {
                    if *count == scale {
                        // Only zeros may follow the last digit that fits.
                        if *byte != b'0' {
                            return None;
                        }
                        continue;
                    }
                    *count += 1;
                }
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
            }
            b'.' if after_point.is_none() => after_point = Some(0),
            b'e' | b'E' => return unscaled(text, precision, scale)?.parse().ok(),
            _ => return None,
        }
    }
    if digits.is_empty() || (digits.len() == 1 && after_point.is_some()) {
        return None;
    }
    let missing = u32::try_from(scale - after_point.unwrap_or(0)).ok()?;
    let value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_dates_in_every_form() {
        let millis = |text: &str| instant(text).map(|i| i.seconds * 1000 + i64::from(i.nanos) / 1_000_000);
        let cases = [
            ("/Date(1709251199123)/", Some(1_709_251_199_123)),
            ("/Date(1709251199123+0000)/", Some(1_709_251_199_123)),
            ("/Date(1709251199123+0060)/", Some(1_709_247_599_123)),
            ("/Date(1709251199123-0060)/", Some(1_709_254_799_123)),
            ("/Date(-1)/", Some(-1)),
            ("/Date(-62135596800000)/", Some(-62_135_596_800_000)),
            ("/Date(253402300799000)/", Some(253_402_300_799_000)),
            ("/Date(x)/", None),
            ("/Date()/", None),
        ];
        for (text, expected) in cases {
            assert_eq!(millis(text), expected, "{text}");
        }
    }

    #[test]
    fn times_of_day_in_both_versions() {
        let cases = [
            ("PT23H59M59S", Some((86_399, 0))),
            ("PT00H00M00S", Some((0, 0))),
            ("PT5M", Some((300, 0))),
            ("PT1.5S", Some((1, 500_000_000))),
            ("23:59:59.1234567", Some((86_399, 123_456_700))),
            ("07:30", Some((27_000, 0))),
            ("PT25H", None),
            ("PT", None),
            ("P1D", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }

    #[test]
    fn unbounded_decimals_are_json_numbers_with_all_their_digits() {
        let cases = [
            ("10.50", Some("10.50")),
            ("1.2300E-7", Some("1.2300E-7")),
            ("-0.0", Some("-0.0")),
            ("+5", Some("5")),
            ("007.10", Some("7.10")),
            (".5", Some("0.5")),
            ("-5.", Some("-5")),
            ("00e+1", Some("0e+1")),
            (
                "1234567890123456789012345678901234567890.5",
                Some("1234567890123456789012345678901234567890.5"),
            ),
            ("", None),
            ("-", None),
            (".", None),
            ("1e", None),
            ("1.2.3", None),
            ("0x1", None),
            ("1e5e5", None),
        ];
        for (text, expected) in cases {
            assert_eq!(json_number(text).as_deref(), expected, "{text}");
            if let Some(number) = expected {
                assert!(serde_json::from_str::<serde_json::Number>(number).is_ok(), "{number}");
            }
        }
    }

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        let cases = [
            ("12345678901.2345", 15, 4, Some("123456789012345")),
            ("-0.0001", 15, 4, Some("-1")),
            ("1", 15, 4, Some("10000")),
            ("1.50000000", 15, 4, Some("15000")),
            ("1.5E2", 15, 4, Some("1500000")),
            ("15e-1", 15, 4, Some("15000")),
            ("0.00001", 15, 4, None),
            ("123456789012.0", 15, 4, None),
            ("99999999999999999999999999999999999999", 38, 0, Some("99999999999999999999999999999999999999")),
            ("1.", 5, 1, Some("10")),
            (".5", 5, 1, Some("5")),
            (".", 5, 1, None),
            ("", 5, 1, None),
            ("1.2.3", 5, 1, None),
            ("0x1", 5, 1, None),
        ];
        for (text, precision, scale, expected) in cases {
            let slow = unscaled(text, precision, scale).map(|digits| digits.parse::<i128>().unwrap());
            let expected = expected.map(|digits| digits.parse::<i128>().unwrap());
            assert_eq!(slow, expected, "{text} (general)");
            assert_eq!(unscaled_i128(text, precision, scale), expected, "{text} (fast)");
        }
    }
}
