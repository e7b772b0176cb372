//! What a user writes as `scheduleExpression`.

use std::fmt;

use jiff::civil::DateTime;

use super::cron::CronExpression;
use super::error::ScheduleError;
use super::rate::{Rate, RateUnit};
use super::{epoch_ms, utc};

/// The API's limit for `scheduleExpression`, in characters.
pub const MAX_EXPRESSION_LENGTH: usize = 256;

/// When a flow is due. Every time is UTC: AppFlow's `timezone` is a label that
/// moves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleExpression {
    /// `rate(5minutes)`: every so often from an anchor.
    Rate(Rate),
    /// `cron(0 10 * * ? *)`: at the times of the calendar that match.
    Cron(Box<CronExpression>),
    /// `at(2026-03-01T10:00:00)`: once, at this time in epoch milliseconds.
    At(i64),
}

/// How often a schedule may come round, in AppFlow's words
/// (`supportedSchedulingFrequencies`); finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the model's")]
pub enum Frequency {
    ByMinute,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Once,
}

impl Frequency {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByMinute => "BYMINUTE",
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Once => "ONCE",
        }
    }
}

impl ScheduleExpression {
    /// Reads an expression. Blanks around it, before the parenthesis and
    /// between its parts, and the case of its words do not count.
    ///
    /// # Errors
    /// Anything that is none of the three forms; the text shows how to write it.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let length = text.chars().count();
        if length > MAX_EXPRESSION_LENGTH {
            return Err(ScheduleError::TooLong(length));
        }
        let form = || ScheduleError::Form(text.to_owned());
        let (word, rest) = text.split_once('(').ok_or_else(form)?;
        let inside = rest.strip_suffix(')').ok_or_else(form)?.trim();
        match word.trim_end().to_ascii_lowercase().as_str() {
            "rate" => parse_rate(text, inside).map(Self::Rate),
            "cron" => CronExpression::parse(text, inside).map(|cron| Self::Cron(Box::new(cron))),
            "at" => parse_at(inside).map(Self::At).ok_or_else(|| ScheduleError::At(text.to_owned())),
            _ => Err(form()),
        }
    }

    /// How often this may come round, to compare with what a connector
    /// supports. For cron it is the finest field that takes more than one
    /// value: two minutes an hour are [`Frequency::ByMinute`].
    pub fn frequency(&self) -> Frequency {
        match self {
            Self::Rate(rate) => match rate.unit() {
                RateUnit::Minute => Frequency::ByMinute,
                RateUnit::Hour => Frequency::Hourly,
                RateUnit::Day => Frequency::Daily,
                RateUnit::Week => Frequency::Weekly,
                RateUnit::Month => Frequency::Monthly,
            },
            Self::Cron(cron) => cron.frequency(),
            Self::At(_) => Frequency::Once,
        }
    }
}

/// The expression in its plainest spelling: `rate(5minutes)` for `rate(5 minute)`.
impl fmt::Display for ScheduleExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "rate({}{})", rate.value(), rate.unit().plural()),
            Self::Cron(cron) => write!(f, "cron({})", cron.as_str()),
            Self::At(ms) => match utc(*ms) {
                Some(time) => write!(f, "at({})", time.strftime("%Y-%m-%dT%H:%M:%S")),
                None => write!(f, "at({ms})"),
            },
        }
    }
}

fn parse_rate(text: &str, inside: &str) -> Result<Rate, ScheduleError> {
    let wrong = |reason: String| ScheduleError::Rate { text: text.to_owned(), reason };
    let digits = inside.find(|c: char| !c.is_ascii_digit()).unwrap_or(inside.len());
    let (number, unit) = (&inside[..digits], inside[digits..].trim_start());
    if number.is_empty() {
        return Err(wrong("it does not begin with a whole number".to_owned()));
    }
    let value = number.parse().map_err(|_| wrong(format!("the number {number} is too large")))?;
    let unit = RateUnit::parse(unit).ok_or_else(|| {
        wrong(if unit.is_empty() { "the unit is missing".to_owned() } else { format!("'{unit}' is no unit") })
    })?;
    Rate::new(value, unit).ok_or_else(|| wrong("the number must be at least 1".to_owned()))
}

/// `yyyy-mm-ddThh:mm:ss` and nothing else: other spellings of the same time
/// would be read by people as carrying a zone.
fn parse_at(inside: &str) -> Option<i64> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let shaped = inside.len() == SHAPE.len()
        && inside
            .bytes()
            .zip(SHAPE)
            .all(|(byte, shape)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == *shape });
    // A leap second does not exist in epoch time, and the calendar library
    // would quietly take it for the second before.
    if !shaped || inside.ends_with(":60") {
        return None;
    }
    epoch_ms(inside.parse::<DateTime>().ok()?)
}
