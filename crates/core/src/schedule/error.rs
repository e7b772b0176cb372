//! What is wrong with a schedule or a window, and how to write it instead.

use super::expression::MAX_EXPRESSION_LENGTH;
use super::timetable::{MAX_ERROR_THRESHOLD, MAX_OFFSET_SECONDS};
use super::window::MAX_SPLIT_WINDOWS;

/// Why a schedule is not accepted. The text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression is none of the three forms.
    #[error(
        "The schedule expression '{0}' is not valid. Write a rate, such as rate(5minutes), six cron fields \
         in UTC, such as cron(0 10 * * ? *), or one time in UTC, such as at(2026-03-01T10:00:00)."
    )]
    Form(String),
    /// The expression is longer than the API allows.
    #[error("The schedule expression has {0} characters; at most {MAX_EXPRESSION_LENGTH} are allowed.")]
    TooLong(usize),
    /// The inside of `rate(...)` is wrong.
    #[error(
        "The schedule expression '{text}' is not valid: {reason}. A rate is a whole number from 1 and a unit \
         (minutes, hours, days, weeks or months), such as rate(5minutes) or rate(1 day)."
    )]
    Rate {
        /// The expression as it was sent.
        text: String,
        /// What is wrong, without a full stop.
        reason: String,
    },
    /// The inside of `at(...)` is no time.
    #[error(
        "The schedule expression '{0}' is not valid: the time must exist and be written as \
         at(yyyy-mm-ddThh:mm:ss), in UTC and without a zone, such as at(2026-03-01T10:00:00)."
    )]
    At(String),
    /// `cron(...)` has not six fields.
    #[error(
        "The schedule expression '{text}' is not valid: it has {found} fields, and a cron expression has six: \
         minutes, hours, day of month, month, day of week, year, such as cron(0 10 * * ? *)."
    )]
    CronFieldCount {
        /// The expression as it was sent.
        text: String,
        /// How many fields it has.
        found: usize,
    },
    /// One field of `cron(...)` is wrong.
    #[error("The schedule expression '{text}' is not valid: the field {field} is '{value}', {reason}.")]
    CronField {
        /// The expression as it was sent.
        text: String,
        /// The field's name.
        field: &'static str,
        /// The field as it was sent.
        value: String,
        /// What is wrong, without a full stop.
        reason: String,
    },
    /// Not exactly one of the day fields is `?`.
    #[error(
        "The schedule expression '{0}' is not valid: exactly one of the fields day of month and day of week \
         must be '?', as in cron(0 10 * * ? *) or cron(0 18 ? * MON-FRI *)."
    )]
    CronDays(String),
    /// The window is empty.
    #[error("The schedule's end time lies before its start time.")]
    EndBeforeStart,
    /// The offset is outside the API's range.
    #[error("The schedule offset is {0} seconds; it must be between 0 and {MAX_OFFSET_SECONDS}.")]
    Offset(i64),
    /// The threshold is outside the API's range.
    #[error("The flow error deactivation threshold is {0}; it must be between 1 and {MAX_ERROR_THRESHOLD}.")]
    ErrorThreshold(i64),
}

/// Why a window that somebody asked for is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// An end without a start.
    #[error("A window needs a start: give the time from which records are pulled.")]
    NoStart,
    /// Nothing lies between the bounds.
    #[error("The window is empty: its start must lie before its end.")]
    Empty,
    /// Too many parts.
    #[error("The window would be split into more than {MAX_SPLIT_WINDOWS} runs; choose a longer step.")]
    TooManyParts,
}
