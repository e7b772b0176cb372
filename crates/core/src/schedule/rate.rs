//! `rate(...)`: every so many minutes, hours, days, weeks or months from an
//! anchor.

use jiff::Span;

use super::{epoch_ms, utc};

const MINUTE_MS: i64 = 60_000;

/// The unit of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours: the calendar is UTC, whose days are all equally long.
    Day,
    /// Seven days.
    Week,
    /// A month of the calendar; see [`Rate::tick`].
    Month,
}

impl RateUnit {
    /// Reads the unit's name in the singular or the plural, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "minute" | "minutes" => Some(Self::Minute),
            "hour" | "hours" => Some(Self::Hour),
            "day" | "days" => Some(Self::Day),
            "week" | "weeks" => Some(Self::Week),
            "month" | "months" => Some(Self::Month),
            _ => None,
        }
    }

    /// The name in the plural, as AppFlow documents its rates.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Minute => "minutes",
            Self::Hour => "hours",
            Self::Day => "days",
            Self::Week => "weeks",
            Self::Month => "months",
        }
    }

    /// The length in milliseconds; `None` for the month, which has no fixed one.
    const fn fixed_ms(self) -> Option<i64> {
        match self {
            Self::Minute => Some(MINUTE_MS),
            Self::Hour => Some(60 * MINUTE_MS),
            Self::Day => Some(24 * 60 * MINUTE_MS),
            Self::Week => Some(7 * 24 * 60 * MINUTE_MS),
            Self::Month => None,
        }
    }
}

/// A period: so many units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    value: u32,
    unit: RateUnit,
}

impl Rate {
    /// A period of `value` units; `None` for zero.
    pub const fn new(value: u32, unit: RateUnit) -> Option<Self> {
        if value == 0 { None } else { Some(Self { value, unit }) }
    }

    /// How many units.
    pub const fn value(self) -> u32 {
        self.value
    }

    /// The unit.
    pub const fn unit(self) -> RateUnit {
        self.unit
    }

    /// The time of the `index`-th tick (from 0, which is the anchor itself).
    ///
    /// Months are counted from the anchor and keep its day; where a month is
    /// too short, its last day stands in: 31 January, 28 February, 31 March.
    /// `None` when the time lies outside what can be represented.
    pub fn tick(self, anchor_ms: i64, index: i64) -> Option<i64> {
        let units = index.checked_mul(i64::from(self.value))?;
        if let Some(length) = self.unit.fixed_ms() {
            return anchor_ms.checked_add(units.checked_mul(length)?);
        }
        let moved = utc(anchor_ms)?.checked_add(Span::new().try_months(units).ok()?).ok()?;
        Some(epoch_ms(moved)? + anchor_ms.rem_euclid(1_000))
    }

    /// The number of the first tick that is later than `after_ms`.
    pub fn index_after(self, anchor_ms: i64, after_ms: i64) -> Option<i64> {
        if after_ms < anchor_ms {
            return Some(0);
        }
        if let Some(length) = self.unit.fixed_ms() {
            let period = length.checked_mul(i64::from(self.value))?;
            return Some(after_ms.checked_sub(anchor_ms)? / period + 1);
        }
        let (anchor, after) = (utc(anchor_ms)?, utc(after_ms)?);
        let months = (i64::from(after.year()) - i64::from(anchor.year())) * 12
            + i64::from(after.month() - anchor.month());
        // The tick of the month in question may lie on either side of `after_ms`.
        let mut index = months / i64::from(self.value);
        while self.tick(anchor_ms, index)? <= after_ms {
            index += 1;
        }
        Some(index)
    }
}
