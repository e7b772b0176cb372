//! When a flow runs and what it pulls: pure rules. Time comes in as an
//! argument, in epoch milliseconds; nothing here reads a clock.
//!
//! [`ScheduleExpression`] reads what the user wrote, [`Timetable`] says at
//! which times (ticks) a flow that was activated at some time is due,
//! [`DueTicks`] names the ticks that one run stands for, and [`PullWindow`] is
//! the stretch of time whose records that run reads.

mod cron;
mod cron_fields;
mod due;
mod error;
mod expression;
mod rate;
mod timetable;
mod window;

pub use cron::CronExpression;
pub use due::{DueTicks, LISTED_TICKS};
pub use error::{ScheduleError, WindowError};
pub use expression::{Frequency, MAX_EXPRESSION_LENGTH, ScheduleExpression};
pub use rate::{Rate, RateUnit};
pub use timetable::{
    LAST_TICK_MS, MAX_ERROR_THRESHOLD, MAX_OFFSET_SECONDS, PullMode, Schedule, Ticks, Timetable,
};
pub use window::{FIRST_WINDOW_DAYS, MAX_SPLIT_WINDOWS, PullWindow, incremental_window};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The UTC calendar time of an instant, cut to the second. `None` outside the
/// years that the calendar library knows (-9999 to 9999).
fn utc(ms: i64) -> Option<DateTime> {
    let second = Timestamp::from_second(ms.div_euclid(1_000)).ok()?;
    Some(Offset::UTC.to_datetime(second))
}

/// Epoch milliseconds of a UTC calendar time.
fn epoch_ms(time: DateTime) -> Option<i64> {
    Some(Offset::UTC.to_timestamp(time).ok()?.as_millisecond())
}
