//! The six fields of AWS's `cron(...)`, read into sets of numbers.
//!
//! The grammar and the ranges are those of the cron tables of Amazon
//! EventBridge and EventBridge Scheduler. What they do not document is chosen
//! here and written down in `docs/schedules.md`.

use std::collections::BTreeSet;

/// One field's name and range.
pub(super) struct Field {
    pub(super) name: &'static str,
    low: u16,
    high: u16,
    names: &'static [&'static str],
    /// Whether a range may run past the end and begin again (`23-5`, `FRI-MON`).
    wraps: bool,
}

pub(super) const MINUTES: Field = Field { name: "minutes", low: 0, high: 59, names: &[], wraps: true };
pub(super) const HOURS: Field = Field { name: "hours", low: 0, high: 23, names: &[], wraps: true };
pub(super) const DAY_OF_MONTH: Field =
    Field { name: "day of month", low: 1, high: 31, names: &[], wraps: false };
pub(super) const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    wraps: true,
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    low: 1,
    high: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    wraps: true,
};
pub(super) const YEAR: Field = Field { name: "year", low: 1970, high: 2199, names: &[], wraps: false };

/// Days that are plain numbers, and days that depend on the month.
#[derive(Default)]
pub(super) struct Days {
    /// Days of the month (1 to 31) or of the week (1 = Sunday to 7).
    pub(super) plain: BTreeSet<u16>,
    /// `L`, `LW`, `15W` of the month; `6L`, `3#2` of the week, in AWS's numbers.
    pub(super) special: BTreeSet<Special>,
}

/// A day that depends on the month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Special {
    /// `L`: the last day of the month.
    Last,
    /// `LW`: the last weekday (Monday to Friday) of the month.
    LastWeekday,
    /// `15W`: the weekday closest to a day, within its month.
    NearestWeekday(u16),
    /// `6L`: the last such day of the week in the month.
    LastOf(u16),
    /// `3#2`: the n-th such day of the week in the month.
    NthOf(u16, u16),
}

impl Field {
    /// The numbers of a field without `?`, `L`, `W` and `#`; the error says
    /// what is wrong, to stand after "the field is '…',".
    pub(super) fn numbers(&self, text: &str) -> Result<BTreeSet<u16>, String> {
        let mut numbers = BTreeSet::new();
        for item in text.split(',') {
            self.item(item, &mut numbers)?;
        }
        Ok(numbers)
    }

    /// `*`, `5`, `MON`, `1-5`, each also with `/2` behind it.
    fn item(&self, item: &str, numbers: &mut BTreeSet<u16>) -> Result<(), String> {
        let (base, step) = match item.split_once('/') {
            Some((base, step)) => (base, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = if base == "*" {
            (self.low, self.high)
        } else if let Some((first, last)) = base.split_once('-') {
            (self.number(first)?, self.number(last)?)
        } else {
            let number = self.number(base)?;
            // `N/S` begins at N and goes on to the end of the field.
            (number, if step.is_some() { self.high } else { number })
        };
        let cycle = self.high - self.low + 1;
        let length = if last >= first {
            last - first
        } else if self.wraps {
            last + cycle - first
        } else {
            return Err(format!("and the range {base} ends before it begins"));
        };
        for distance in (0..=length).step_by(usize::from(step.unwrap_or(1))) {
            numbers.insert(self.low + (first - self.low + distance) % cycle);
        }
        Ok(())
    }

    fn step(&self, text: &str) -> Result<u16, String> {
        match digits(text) {
            Some(step) if step > 0 => Ok(step),
            _ => Err(format!("and the step '{text}' is no whole number from 1")),
        }
    }

    fn number(&self, text: &str) -> Result<u16, String> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.low + u16::try_from(index).unwrap_or(0));
        }
        let number = digits(text).filter(|number| (self.low..=self.high).contains(number));
        number.ok_or_else(|| {
            let names = match (self.names.first(), self.names.last()) {
                (Some(first), Some(last)) => format!(" or {first} to {last}"),
                _ => String::new(),
            };
            format!("and '{text}' is not one of {} to {}{names}", self.low, self.high)
        })
    }
}

/// The field day of month.
pub(super) fn days_of_month(text: &str) -> Result<Days, String> {
    let mut days = Days::default();
    for item in text.split(',') {
        let upper = item.to_ascii_uppercase();
        if upper == "L" {
            days.special.insert(Special::Last);
        } else if upper == "LW" || upper == "WL" {
            days.special.insert(Special::LastWeekday);
        } else if upper.starts_with("L-") {
            return Err("and days before the last one (L-3) are not supported".to_owned());
        } else if let Some(day) = upper.strip_suffix('W') {
            days.special.insert(Special::NearestWeekday(DAY_OF_MONTH.number(day)?));
        } else {
            DAY_OF_MONTH.item(item, &mut days.plain)?;
        }
    }
    // The evaluator keeps one flag for "last" and one for "weekday": both in
    // one list could not be told from LW alone.
    if days.special.contains(&Special::LastWeekday) && text.contains(',') {
        return Err("and LW must stand alone".to_owned());
    }
    Ok(days)
}

/// The field day of week, in AWS's numbers (1 = Sunday).
pub(super) fn days_of_week(text: &str) -> Result<Days, String> {
    let mut days = Days::default();
    for item in text.split(',') {
        if item.eq_ignore_ascii_case("L") {
            // Alone it is the last day of the week, which is Saturday.
            days.plain.insert(DAY_OF_WEEK.high);
        } else if let Some((day, nth)) = item.split_once('#') {
            if text.contains(',') {
                return Err("and only one day may be given where '#' is used".to_owned());
            }
            let nth = digits(nth).filter(|nth| (1..=5).contains(nth));
            let nth = nth.ok_or("and the number after '#' must be 1 to 5")?;
            days.special.insert(Special::NthOf(DAY_OF_WEEK.number(day)?, nth));
        } else if let Some(day) = item.strip_suffix(['L', 'l']) {
            days.special.insert(Special::LastOf(DAY_OF_WEEK.number(day)?));
        } else {
            DAY_OF_WEEK.item(item, &mut days.plain)?;
        }
    }
    Ok(days)
}

/// A number written in digits only; `parse` alone would also take `+5`.
fn digits(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
