//! The stretch of time whose records a run pulls.
//!
//! A record belongs to a window when `start <= t < end`, where `t` is the
//! value of the flow's timestamp field. The end of one window is the start of
//! the next, so between two runs no record is lost and none is pulled twice. A
//! source whose own filter compares otherwise is asked for too much rather
//! than too little, and [`PullWindow::contains`] decides on each record.

use serde::{Deserialize, Serialize};

use super::error::WindowError;
use super::rate::Rate;

/// How far the first window reaches back, unless `firstExecutionFrom` says otherwise.
pub const FIRST_WINDOW_DAYS: i64 = 30;

/// The most runs into which one window is split.
pub const MAX_SPLIT_WINDOWS: usize = 10_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A half-open window in epoch milliseconds: `dataPullStartTime` belongs to
/// it, `dataPullEndTime` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullWindow {
    /// The first instant inside.
    pub start_ms: i64,
    /// The first instant that is no longer inside.
    pub end_ms: i64,
}

impl PullWindow {
    /// A window that somebody asked for. Without an end it reaches up to `now_ms`.
    ///
    /// # Errors
    /// A window without a start, or one in which nothing lies.
    pub fn explicit(from_ms: Option<i64>, to_ms: Option<i64>, now_ms: i64) -> Result<Self, WindowError> {
        let start_ms = from_ms.ok_or(WindowError::NoStart)?;
        let window = Self { start_ms, end_ms: to_ms.unwrap_or(now_ms) };
        if window.is_empty() { Err(WindowError::Empty) } else { Ok(window) }
    }

    /// Whether a record with this timestamp belongs to the window.
    pub const fn contains(&self, time_ms: i64) -> bool {
        self.start_ms <= time_ms && time_ms < self.end_ms
    }

    /// Whether nothing can lie in it: the run need not ask the source at all.
    pub const fn is_empty(&self) -> bool {
        self.end_ms <= self.start_ms
    }

    /// The window in parts of one period each (the last may be shorter), in
    /// order and without gap or overlap: a backfill makes a run of each.
    ///
    /// # Errors
    /// More than [`MAX_SPLIT_WINDOWS`] parts.
    pub fn split(&self, step: Rate) -> Result<Vec<Self>, WindowError> {
        let mut parts = Vec::new();
        let mut start_ms = self.start_ms;
        while start_ms < self.end_ms {
            if parts.len() == MAX_SPLIT_WINDOWS {
                return Err(WindowError::TooManyParts);
            }
            // Counted from the window's start, so that months keep its day.
            let next = i64::try_from(parts.len() + 1).ok().and_then(|index| step.tick(self.start_ms, index));
            let end_ms = next.unwrap_or(self.end_ms).min(self.end_ms);
            parts.push(Self { start_ms, end_ms });
            start_ms = end_ms;
        }
        Ok(parts)
    }
}

/// The window of an incremental run at `tick_ms`.
///
/// It begins where the last *successful* run's window ended
/// (`previous_end_ms`), so that the next run covers what a failed one left
/// open; the first one begins at `firstExecutionFrom`, or 30 days before the
/// tick. It ends `offset_seconds` before the tick. An end that would lie before
/// the start (a longer offset, a first execution in the future, a clock that
/// was set back) leaves the window empty at its start: the cursor never goes
/// back, so nothing is pulled twice.
///
/// Compute it when the run begins, not when it is queued: only then is it
/// known whether the run before was successful.
pub fn incremental_window(
    tick_ms: i64,
    offset_seconds: u32,
    first_execution_from_ms: Option<i64>,
    previous_end_ms: Option<i64>,
) -> PullWindow {
    let start_ms = previous_end_ms
        .or(first_execution_from_ms)
        .unwrap_or_else(|| tick_ms.saturating_sub(FIRST_WINDOW_DAYS * DAY_MS));
    let end_ms = tick_ms.saturating_sub(i64::from(offset_seconds) * 1_000);
    PullWindow { start_ms, end_ms: end_ms.max(start_ms) }
}
