//! AWS's `cron(...)`, translated for the crate `croner` and evaluated by it.
//!
//! The two dialects differ: AWS counts the days of the week from 1 = Sunday,
//! has no seconds, demands `?` in exactly one day field, reads `L` alone in the
//! day of week as Saturday, and `N/S` as "from N". So the fields are read here
//! by AWS's rules, and croner gets nothing but plain lists of numbers and the
//! days that depend on the month, in its own numbers.

use std::collections::BTreeSet;
use std::fmt;

use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;

use super::cron_fields::{
    DAY_OF_MONTH, DAY_OF_WEEK, Days, Field, HOURS, MINUTES, MONTH, Special, YEAR, days_of_month, days_of_week,
};
use super::error::ScheduleError;
use super::expression::Frequency;
use super::{epoch_ms, utc};

/// Six cron fields in UTC.
///
/// It holds a table of some kilobytes; whoever keeps thousands of schedules
/// should keep the text and the next tick, and parse when the tick has come.
#[derive(Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    evaluator: croner::Cron,
    frequency: Frequency,
}

impl fmt::Debug for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CronExpression").field(&self.text).finish()
    }
}

impl CronExpression {
    /// Reads the six fields. `whole` is the expression for the error's text.
    pub(super) fn parse(whole: &str, inside: &str) -> Result<Self, ScheduleError> {
        let parts: Vec<&str> = inside.split_whitespace().collect();
        let [minute, hour, day, month, weekday, year] = parts[..] else {
            return Err(ScheduleError::CronFieldCount { text: whole.to_owned(), found: parts.len() });
        };
        if (day == "?") == (weekday == "?") {
            return Err(ScheduleError::CronDays(whole.to_owned()));
        }
        let wrong = |field: &Field, value: &str, reason: String| ScheduleError::CronField {
            text: whole.to_owned(),
            field: field.name,
            value: value.to_owned(),
            reason,
        };
        let numbers =
            |field: &Field, value: &str| field.numbers(value).map_err(|reason| wrong(field, value, reason));
        let (minutes, hours) = (numbers(&MINUTES, minute)?, numbers(&HOURS, hour)?);
        let (months, years) = (numbers(&MONTH, month)?, numbers(&YEAR, year)?);
        let by_month = day != "?";
        let days = if by_month {
            days_of_month(day).map_err(|reason| wrong(&DAY_OF_MONTH, day, reason))?
        } else {
            days_of_week(weekday).map_err(|reason| wrong(&DAY_OF_WEEK, weekday, reason))?
        };
        let days_text = days_text(&days, by_month);
        let (day_text, weekday_text) =
            if by_month { (days_text.as_str(), "*") } else { ("*", days_text.as_str()) };
        let pattern = format!(
            "0 {} {} {day_text} {} {weekday_text} {}",
            list(&minutes),
            list(&hours),
            list(&months),
            list(&years)
        );
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
        let evaluator = parser
            .parse(&pattern)
            .map_err(|error| wrong(&DAY_OF_MONTH, inside, format!("which cannot be evaluated ({error})")))?;
        let frequency = frequency(&minutes, &hours, &days, by_month);
        Ok(Self { text: parts.join(" "), evaluator, frequency })
    }

    /// The six fields as they were written, one blank between them.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern that croner evaluates: seconds first, Sunday = 0.
    pub fn translated(&self) -> &str {
        self.evaluator.pattern.as_str()
    }

    pub(super) const fn frequency(&self) -> Frequency {
        self.frequency
    }

    /// The first time that matches and is later than `after_ms`; `None` when
    /// there is none up to the end of the year 2199.
    pub fn next(&self, after_ms: i64) -> Option<i64> {
        epoch_ms(self.evaluator.find_next_occurrence(&utc(after_ms)?, false).ok()?)
    }

    /// The last time that matches and is not later than `until_ms`.
    pub(super) fn last_until(&self, until_ms: i64) -> Option<i64> {
        epoch_ms(self.evaluator.find_previous_occurrence(&utc(until_ms)?, true).ok()?)
    }

    /// How many times in `(after_ms, until_ms]` match. All days that match
    /// have equally many, so only the days at the edges are counted one by
    /// one: a year of minutes costs hundreds of steps, not half a million.
    pub(super) fn count(&self, after_ms: i64, until_ms: i64) -> u64 {
        let (mut count, mut after, mut a_day) = (0, after_ms, None);
        while let Some(tick) = self.next(after).filter(|tick| *tick <= until_ms) {
            let day = utc(tick).and_then(|time| {
                let midnight = time.date().at(0, 0, 0, 0);
                Some((epoch_ms(midnight)?, epoch_ms(midnight.checked_add(1.day()).ok()?)? - 1))
            });
            match day {
                Some((first, last)) if after < first && last <= until_ms => {
                    count += *a_day.get_or_insert_with(|| self.count_one_by_one(first - 1, last));
                    after = last;
                }
                _ => {
                    count += 1;
                    after = tick;
                }
            }
        }
        count
    }

    fn count_one_by_one(&self, after_ms: i64, until_ms: i64) -> u64 {
        let next = |after: i64| self.next(after).filter(|tick| *tick <= until_ms);
        std::iter::successors(next(after_ms), |tick| next(*tick)).fold(0, |count, _| count + 1)
    }
}

/// Numbers as croner reads them: `0,15,30` and `8-17`.
fn list(numbers: &BTreeSet<u16>) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let texts = ranges
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    texts.collect::<Vec<_>>().join(",")
}

/// The day field in croner's numbers: its week begins with Sunday = 0.
fn days_text(days: &Days, by_month: bool) -> String {
    let plain = if by_month { days.plain.clone() } else { days.plain.iter().map(|day| day - 1).collect() };
    let special = days.special.iter().map(|special| match *special {
        Special::Last => "L".to_owned(),
        Special::LastWeekday => "LW".to_owned(),
        Special::NearestWeekday(day) => format!("{day}W"),
        Special::LastOf(weekday) => format!("{}L", weekday - 1),
        Special::NthOf(weekday, nth) => format!("{}#{nth}", weekday - 1),
    });
    let plain = Some(list(&plain)).filter(|text| !text.is_empty());
    plain.into_iter().chain(special).collect::<Vec<_>>().join(",")
}

fn frequency(minutes: &BTreeSet<u16>, hours: &BTreeSet<u16>, days: &Days, by_month: bool) -> Frequency {
    if minutes.len() > 1 {
        Frequency::ByMinute
    } else if hours.len() > 1 {
        Frequency::Hourly
    } else if days.plain.len() + days.special.len() > 1 {
        Frequency::Daily
    } else if by_month || days.plain.is_empty() {
        Frequency::Monthly
    } else {
        Frequency::Weekly
    }
}
