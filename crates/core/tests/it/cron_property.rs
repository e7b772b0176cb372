//! Generated cron expressions against a reference that looks at every minute.

use proptest::prelude::*;
use tidegate_core::civil::{civil_from_days, days_from_civil};
use tidegate_core::schedule::{CronExpression, ScheduleExpression};

use crate::text;

const MINUTE_MS: i64 = 60_000;

/// A part of a field, as a user may write it.
#[derive(Clone, Debug)]
enum Part {
    All(Option<u16>),
    From(u16, Option<u16>),
    Range(u16, u16, Option<u16>),
    /// `L` of the month, or Saturday.
    Last,
    LastWeekday,
    Nearest(u16),
    LastOf(u16),
    Nth(u16, u16),
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A date, with what the day fields ask about it.
#[derive(Clone, Copy)]
struct Day {
    year: i64,
    month: u32,
    day: u16,
    length: u16,
    /// 1 = Sunday.
    weekday: u16,
}

impl Day {
    fn of(days: i64) -> Self {
        let (year, month, day) = civil_from_days(days);
        let mut length = 28;
        while days_from_civil(year, month, length + 1).is_some() {
            length += 1;
        }
        // Day 0, 1 January 1970, was a Thursday.
        let weekday = u16::try_from((days + 4).rem_euclid(7)).expect("small") + 1;
        let short = |number: u32| u16::try_from(number).expect("small");
        Self { year, month, day: short(day), length: short(length), weekday }
    }

    /// Where the weekday closest to a day of this month is, by trying out.
    fn nearest(self, day: u16) -> Option<u16> {
        if day > self.length {
            return None;
        }
        let first = days_from_civil(self.year, self.month, 1).expect("a month");
        let works = |day: i64| {
            (1..=i64::from(self.length)).contains(&day)
                && (2..=6).contains(&Self::of(first + day - 1).weekday)
        };
        let day = i64::from(day);
        let found = [day, day - 1, day + 1, day - 2, day + 2].into_iter().find(|day| works(*day));
        u16::try_from(found?).ok()
    }
}

impl Part {
    fn write(&self, names: &[&str], lower: bool) -> String {
        let number = |number: &u16| match names.get(usize::from(*number).wrapping_sub(1)) {
            Some(name) if lower => name.to_lowercase(),
            Some(name) => (*name).to_owned(),
            None => number.to_string(),
        };
        let step = |step: &Option<u16>| step.map_or_else(String::new, |step| format!("/{step}"));
        match self {
            Self::All(every) => format!("*{}", step(every)),
            Self::From(first, every) => format!("{}{}", number(first), step(every)),
            Self::Range(first, last, every) => format!("{}-{}{}", number(first), number(last), step(every)),
            Self::Last => "L".to_owned(),
            Self::LastWeekday => "LW".to_owned(),
            Self::Nearest(day) => format!("{day}W"),
            Self::LastOf(weekday) => format!("{}L", number(weekday)),
            Self::Nth(weekday, nth) => format!("{}#{nth}", number(weekday)),
        }
    }

    /// Whether a plain number is meant, by counting as a person would.
    fn has(&self, low: u16, high: u16, number: u16) -> bool {
        let (first, last, every) = match *self {
            Self::All(every) => (low, high, every.unwrap_or(1)),
            Self::From(first, Some(every)) => (first, high, every),
            Self::From(only, None) => (only, only, 1),
            Self::Range(first, last, every) => (first, last, every.unwrap_or(1)),
            _ => return false,
        };
        let (mut at, mut steps) = (first, 0);
        loop {
            if at == number && steps % every == 0 {
                return true;
            }
            if at == last {
                return false;
            }
            at = if at == high { low } else { at + 1 };
            steps += 1;
        }
    }

    fn has_day_of_month(&self, day: Day) -> bool {
        match *self {
            Self::Last => day.day == day.length,
            Self::LastWeekday => {
                let last = (1..=day.length).rev().find(|at| day.nearest(*at) == Some(*at));
                last == Some(day.day)
            }
            Self::Nearest(wanted) => day.nearest(wanted) == Some(day.day),
            _ => self.has(1, 31, day.day),
        }
    }

    fn has_day_of_week(&self, day: Day) -> bool {
        match *self {
            Self::Last => day.weekday == 7,
            Self::LastOf(weekday) => day.weekday == weekday && day.day + 7 > day.length,
            Self::Nth(weekday, nth) => day.weekday == weekday && (day.day - 1) / 7 + 1 == nth,
            _ => self.has(1, 7, day.weekday),
        }
    }
}

#[derive(Clone, Debug)]
struct Fields {
    minutes: Vec<Part>,
    hours: Vec<Part>,
    by_month: bool,
    days: Vec<Part>,
    months: Vec<Part>,
    years: Vec<Part>,
    names: bool,
    lower: bool,
}

impl Fields {
    fn write(&self) -> String {
        let list = |parts: &[Part], names: &[&str]| {
            let names = if self.names { names } else { &[] };
            parts.iter().map(|part| part.write(names, self.lower)).collect::<Vec<_>>().join(",")
        };
        let days = list(&self.days, if self.by_month { &[] } else { &WEEKDAYS });
        let (day, weekday) = if self.by_month { (days.as_str(), "?") } else { ("?", days.as_str()) };
        format!(
            "cron({} {} {day} {} {weekday} {})",
            list(&self.minutes, &[]),
            list(&self.hours, &[]),
            list(&self.months, &MONTHS),
            list(&self.years, &[])
        )
    }

    fn has_day(&self, day: Day) -> bool {
        let any = |parts: &[Part], test: &dyn Fn(&Part) -> bool| parts.iter().any(test);
        let year = u16::try_from(day.year).unwrap_or(0);
        let month = u16::try_from(day.month).unwrap_or(0);
        any(&self.years, &|part| part.has(1970, 2199, year))
            && any(&self.months, &|part| part.has(1, 12, month))
            && any(&self.days, &|part| {
                if self.by_month { part.has_day_of_month(day) } else { part.has_day_of_week(day) }
            })
    }

    fn has_minute(&self, minute_of_day: i64) -> bool {
        let minute = u16::try_from(minute_of_day % 60).expect("small");
        let hour = u16::try_from(minute_of_day / 60).expect("small");
        self.minutes.iter().any(|part| part.has(0, 59, minute))
            && self.hours.iter().any(|part| part.has(0, 23, hour))
    }
}

fn plain(low: u16, high: u16, wraps: bool) -> impl Strategy<Value = Part> {
    let step = || prop::option::of(1..=high);
    prop_oneof![
        step().prop_map(Part::All),
        (low..=high, step()).prop_map(|(first, every)| Part::From(first, every)),
        (low..=high, low..=high, step()).prop_map(move |(first, last, every)| {
            let swapped = first > last && !wraps;
            if swapped { Part::Range(last, first, every) } else { Part::Range(first, last, every) }
        }),
    ]
}

fn list(low: u16, high: u16) -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(plain(low, high, true), 1..4)
}

fn days() -> impl Strategy<Value = (bool, Vec<Part>)> {
    let month = prop_oneof![
        3 => plain(1, 31, false),
        1 => Just(Part::Last),
        2 => (1_u16..=31).prop_map(Part::Nearest),
    ];
    let week = prop_oneof![
        3 => plain(1, 7, true),
        1 => Just(Part::Last),
        1 => (1_u16..=7).prop_map(Part::LastOf),
    ];
    let nth = (1_u16..=7, 1_u16..=5).prop_map(|(weekday, nth)| vec![Part::Nth(weekday, nth)]);
    prop_oneof![
        4 => prop::collection::vec(month, 1..4).prop_map(|parts| (true, parts)),
        1 => Just((true, vec![Part::LastWeekday])),
        4 => prop::collection::vec(week, 1..4).prop_map(|parts| (false, parts)),
        2 => nth.prop_map(|parts| (false, parts)),
    ]
}

fn years() -> impl Strategy<Value = Vec<Part>> {
    prop_oneof![
        3 => Just(vec![Part::All(None)]),
        1 => (2020_u16..2030).prop_map(|year| vec![Part::From(year, None)]),
        1 => (1970_u16..2030, 1_u16..5).prop_map(|(year, every)| vec![Part::From(year, Some(every))]),
        1 => (1990_u16..2025, 2022_u16..2100).prop_map(|(first, last)| vec![Part::Range(first.min(last), last.max(first), None)]),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    (list(0, 59), list(0, 23), days(), list(1, 12), years(), any::<(bool, bool)>()).prop_map(
        |(minutes, hours, (by_month, days), months, years, (names, lower))| Fields {
            minutes,
            hours,
            by_month,
            days,
            months,
            years,
            names,
            lower,
        },
    )
}

fn parse(text: &str) -> CronExpression {
    match ScheduleExpression::parse(text) {
        Ok(ScheduleExpression::Cron(cron)) => *cron,
        other => panic!("{text}: {other:?}"),
    }
}

/// The first minute after `after` that matches, found by looking at each one
/// of `days` days; `None` when none of them does.
fn reference(fields: &Fields, after: i64, days: i64) -> Option<i64> {
    let first = after.div_euclid(MINUTE_MS) + 1;
    let (mut day, mut matches) = (i64::MIN, false);
    (first..first + days * 1_440)
        .find(|minute| {
            if minute.div_euclid(1_440) != day {
                day = minute.div_euclid(1_440);
                matches = fields.has_day(Day::of(day));
            }
            matches && fields.has_minute(minute.rem_euclid(1_440))
        })
        .map(|minute| minute * MINUTE_MS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_next_time_is_the_first_minute_that_matches(
        fields in fields(),
        // From 2020 to 2030.
        after in 1_577_836_800_000_i64..1_893_456_000_000,
    ) {
        const DAYS: i64 = 3 * 366;
        let written = fields.write();
        let cron = parse(&written);
        let mut at = after;
        for _ in 0..4 {
            let expected = reference(&fields, at, DAYS);
            // What lies further away than the reference looks is not compared.
            let horizon = (at.div_euclid(MINUTE_MS) + DAYS * 1_440) * MINUTE_MS;
            let found = cron.next(at).filter(|next| *next <= horizon);
            prop_assert_eq!(found.map(text), expected.map(text), "{} after {}", written, text(at));
            let Some(next) = expected else { break };
            at = next;
        }
    }
}
