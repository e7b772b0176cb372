//! Dates and times as protocols write them.

pub use tidegate_core::civil::{civil_from_days, days_from_civil};

/// A date and time of day: seconds since the epoch and the nanoseconds beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Whole seconds since 1970-01-01T00:00:00, rounded down.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

impl Instant {
    /// An instant from epoch milliseconds.
    pub fn from_millis(millis: i64) -> Self {
        let nanos = u32::try_from(millis.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
        Self { seconds: millis.div_euclid(1000), nanos }
    }

    /// The day that it falls on (UTC), counted from 1970-01-01.
    pub fn day(self) -> i64 {
        self.seconds.div_euclid(86_400)
    }

    /// The time of its day, in seconds.
    pub fn second_of_day(self) -> i64 {
        self.seconds.rem_euclid(86_400)
    }

    /// `YYYY-MM-DDThh:mm:ss`, with as many decimals as are needed.
    pub fn iso(self) -> String {
        let (year, month, day) = civil_from_days(self.day());
        let time = self.second_of_day();
        let mut text = format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            time / 3600,
            time / 60 % 60,
            time % 60
        );
        text.push_str(&fraction(self.nanos));
        text
    }
}

/// `.5` for half a second; nothing for a whole one.
pub fn fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    format!(".{nanos:09}").trim_end_matches('0').to_owned()
}

fn digits(text: &[u8], from: usize, count: usize) -> Option<i64> {
    let slice = text.get(from..from + count)?;
    slice.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Reads `YYYY-MM-DD` (a longer or negative year too) as days since the epoch.
pub fn parse_date(text: &str) -> Option<i64> {
    let (sign, bare) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let bytes = bare.as_bytes();
    let year_len = bare.find('-').filter(|len| (4..=6).contains(len))?;
    if bytes.len() != year_len + 6 || bytes[year_len + 3] != b'-' {
        return None;
    }
    let month = u32::try_from(digits(bytes, year_len + 1, 2)?).ok()?;
    let day = u32::try_from(digits(bytes, year_len + 4, 2)?).ok()?;
    days_from_civil(sign * digits(bytes, 0, year_len)?, month, day)
}

/// Reads `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fraction` as seconds of the day and nanoseconds.
pub fn parse_time(text: &str) -> Option<(i64, u32)> {
    let bytes = text.as_bytes();
    let (hour, minute) = (digits(bytes, 0, 2)?, digits(bytes, 3, 2)?);
    if bytes[2] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    if bytes.len() == 5 {
        return Some((hour * 3600 + minute * 60, 0));
    }
    let second = digits(bytes, 6, 2)?;
    if bytes[5] != b':' || second > 59 {
        return None;
    }
    let nanos = match bytes.get(8..)? {
        [] => 0,
        [b'.', rest @ ..] => parse_fraction(rest)?,
        _ => return None,
    };
    Some((hour * 3600 + minute * 60 + second, nanos))
}

/// Reads the digits after a decimal point as nanoseconds; digits beyond the
/// ninth must be zero, since nothing here can hold them.
pub fn parse_fraction(rest: &[u8]) -> Option<u32> {
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0_u32;
    for at in 0..9 {
        let digit = rest.get(at).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        nanos = nanos * 10 + u32::from(digit - b'0');
    }
    rest.get(9..).unwrap_or_default().iter().all(|digit| *digit == b'0').then_some(nanos)
}

/// Reads an ISO 8601 date and time. Without an offset it is taken as UTC; a
/// bare date is its midnight.
pub fn parse_instant(text: &str) -> Option<Instant> {
    let Some((date, rest)) = text.split_once(['T', 't', ' ']) else {
        return Some(Instant { seconds: parse_date(text)? * 86_400, nanos: 0 });
    };
    let (time, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, ""),
    };
    let (second, nanos) = parse_time(time)?;
    let offset = match offset.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign, ..] => {
            let (hours, minutes) = match offset.len() {
                3 => (digits(offset.as_bytes(), 1, 2)?, 0),
                5 => (digits(offset.as_bytes(), 1, 2)?, digits(offset.as_bytes(), 3, 2)?),
                6 if offset.as_bytes()[3] == b':' => {
                    (digits(offset.as_bytes(), 1, 2)?, digits(offset.as_bytes(), 4, 2)?)
                }
                _ => return None,
            };
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
    };
    Some(Instant { seconds: parse_date(date)? * 86_400 + second - offset, nanos })
}

/// Reads the date of an HTTP header (`Sun, 06 Nov 1994 08:49:37 GMT`, RFC 9110
/// 5.6.7) as seconds since the epoch.
pub fn parse_http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = parts.next()?.parse().ok()?;
    let name = parts.next().filter(|name| name.len() == 3)?;
    let month = u32::try_from(MONTHS.find(name)? / 3 + 1).ok()?;
    let year = parts.next()?.parse().ok()?;
    let (second, _) = parse_time(parts.next()?)?;
    if parts.next() != Some("GMT") {
        return None;
    }
    Some(days_from_civil(year, month, day)? * 86_400 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in [-719_528, -1, 0, 59, 11_016, 19_782, 2_932_896] {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(parse_date("9999-12-31"), Some(2_932_896));
        assert_eq!(parse_date("2023-02-29"), None);
        assert_eq!(parse_date("2024-02-29"), Some(19_782));
    }

    #[test]
    fn instants_in_every_form() {
        let cases = [
            ("2024-02-29T23:59:59.1234567Z", 1_709_251_199, 123_456_700),
            ("2024-02-29T23:59:59", 1_709_251_199, 0),
            ("2024-03-01T01:59:59+02:00", 1_709_251_199, 0),
            ("2024-02-29T20:29:59-0330", 1_709_251_199, 0),
            ("1969-12-31T23:59:59.999Z", -1, 999_000_000),
            ("2024-02-29", 1_709_164_800, 0),
        ];
        for (text, seconds, nanos) in cases {
            assert_eq!(parse_instant(text), Some(Instant { seconds, nanos }), "{text}");
        }
        for bad in ["", "2024-02-30T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T1:00Z", "noon"] {
            assert_eq!(parse_instant(bad), None, "{bad}");
        }
        assert_eq!(Instant::from_millis(-1).iso(), "1969-12-31T23:59:59.999");
    }

    #[test]
    fn http_dates() {
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("120"), None);
    }
}
