//! A flow's schedule, and the ticks it has once the flow is active.

use serde::{Deserialize, Serialize};

use super::due::{DueTicks, LISTED_TICKS};
use super::error::ScheduleError;
use super::expression::ScheduleExpression;

/// The API's limit for `scheduleOffset`.
pub const MAX_OFFSET_SECONDS: u32 = 36_000;

/// The API's limit for `flowErrorDeactivationThreshold`.
pub const MAX_ERROR_THRESHOLD: u32 = 100;

/// 2199-12-31T23:59:59.999Z: the year field of AWS's cron ends there, and so
/// does every schedule.
pub const LAST_TICK_MS: i64 = 7_258_118_399_999;

/// `dataPullMode`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PullMode {
    /// Each run pulls what changed since the last one that was successful.
    Incremental,
    /// Each run pulls everything. Taken when the mode is absent: it can pull
    /// too much, and never too little.
    #[default]
    Complete,
}

impl PullMode {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "Incremental",
            Self::Complete => "Complete",
        }
    }

    /// Reads the wire's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Incremental, Self::Complete].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// `triggerProperties.Scheduled`. Times are epoch milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// `scheduleExpression`
    pub expression: ScheduleExpression,
    /// `scheduleStartTime`: no tick before it; the anchor of a rate.
    pub start_ms: Option<i64>,
    /// `scheduleEndTime`: no tick after it; one exactly at it still counts.
    pub end_ms: Option<i64>,
    /// `scheduleOffset`: how long before a tick its window ends, so that the
    /// source has time to show late records.
    pub offset_seconds: u32,
    /// `firstExecutionFrom`: where the first window begins.
    pub first_execution_from_ms: Option<i64>,
    /// `dataPullMode`
    pub pull_mode: PullMode,
    /// `flowErrorDeactivationThreshold`: how many failures in a row deactivate the flow.
    pub error_threshold: Option<u32>,
    /// `timezone`: a label that moves nothing.
    pub timezone_label: Option<String>,
}

impl Schedule {
    /// A schedule of which only the expression is given.
    pub const fn new(expression: ScheduleExpression) -> Self {
        Self {
            expression,
            start_ms: None,
            end_ms: None,
            offset_seconds: 0,
            first_execution_from_ms: None,
            pull_mode: PullMode::Complete,
            error_threshold: None,
            timezone_label: None,
        }
    }

    /// Checks what the parts say together.
    ///
    /// # Errors
    /// An end before the start, an offset or a threshold outside the API's range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        if self.start_ms.zip(self.end_ms).is_some_and(|(start, end)| end < start) {
            return Err(ScheduleError::EndBeforeStart);
        }
        if self.offset_seconds > MAX_OFFSET_SECONDS {
            return Err(ScheduleError::Offset(i64::from(self.offset_seconds)));
        }
        match self.error_threshold {
            Some(threshold) if threshold == 0 || threshold > MAX_ERROR_THRESHOLD => {
                Err(ScheduleError::ErrorThreshold(i64::from(threshold)))
            }
            _ => Ok(()),
        }
    }

    /// The ticks of a flow that was activated at a time.
    ///
    /// `activated_ms` is the last StartFlow, or the later change of the
    /// trigger of an active flow; a restart of the server does not move it, so
    /// what was missed meanwhile is still found.
    pub const fn timetable(&self, activated_ms: i64) -> Timetable<'_> {
        Timetable { schedule: self, activated_ms }
    }
}

/// The ticks of an active flow.
#[derive(Clone, Copy, Debug)]
pub struct Timetable<'a> {
    schedule: &'a Schedule,
    activated_ms: i64,
}

impl<'a> Timetable<'a> {
    /// The first tick that is later than `after_ms`; `None` when there is none
    /// any more. A rate without a start has its first tick at the activation
    /// itself: ask for the one after the millisecond before.
    pub fn next_tick(&self, after_ms: i64) -> Option<i64> {
        let after = self.lower(after_ms);
        let tick = match &self.schedule.expression {
            ScheduleExpression::Rate(rate) => {
                let anchor = self.anchor();
                rate.tick(anchor, rate.index_after(anchor, after)?)?
            }
            ScheduleExpression::Cron(cron) => cron.next(after)?,
            ScheduleExpression::At(time) => Some(*time).filter(|time| *time > after)?,
        };
        (tick <= self.upper(tick)).then_some(tick)
    }

    /// The ticks in `(from_exclusive, to_inclusive]`, in order, computed one
    /// by one.
    pub const fn ticks_between(self, from_exclusive: i64, to_inclusive: i64) -> Ticks<'a> {
        Ticks { timetable: self, after_ms: from_exclusive, until_ms: to_inclusive }
    }

    /// The ticks in `(from_exclusive, to_inclusive]` as one run takes them;
    /// `None` when there is none. Cheap also after a long down time: only the
    /// ticks that are named are computed one by one.
    pub fn due(&self, from_exclusive: i64, to_inclusive: i64) -> Option<DueTicks> {
        let mut ticks = self.ticks_between(from_exclusive, to_inclusive);
        let listed: Vec<i64> = ticks.by_ref().take(LISTED_TICKS).collect();
        let (first_ms, last_listed) = (*listed.first()?, *listed.last()?);
        let until = self.upper(to_inclusive);
        let (more, last_ms) = match &self.schedule.expression {
            _ if listed.len() < LISTED_TICKS => (0, last_listed),
            ScheduleExpression::Rate(rate) => {
                let anchor = self.anchor();
                let (from, to) = (rate.index_after(anchor, last_listed)?, rate.index_after(anchor, until)?);
                (u64::try_from(to - from).unwrap_or(0), rate.tick(anchor, to - 1)?)
            }
            ScheduleExpression::Cron(cron) => (cron.count(last_listed, until), cron.last_until(until)?),
            ScheduleExpression::At(_) => (0, last_listed),
        };
        Some(DueTicks { first_ms, last_ms, count: listed.len() as u64 + more, listed })
    }

    /// What a rate counts from. A start in the past is moved forward by whole
    /// periods simply because no tick comes before the activation.
    const fn anchor(&self) -> i64 {
        match self.schedule.start_ms {
            Some(start) => start,
            None => self.activated_ms,
        }
    }

    /// The time after which to look: nothing comes before the activation or the start.
    fn lower(&self, after_ms: i64) -> i64 {
        let first = self.schedule.start_ms.map_or(self.activated_ms, |start| start.max(self.activated_ms));
        after_ms.max(first.saturating_sub(1))
    }

    /// The time up to which to look: nothing comes after the end.
    fn upper(&self, until_ms: i64) -> i64 {
        until_ms.min(self.schedule.end_ms.unwrap_or(LAST_TICK_MS)).min(LAST_TICK_MS)
    }
}

/// Ticks in order; see [`Timetable::ticks_between`].
#[derive(Clone, Debug)]
pub struct Ticks<'a> {
    timetable: Timetable<'a>,
    after_ms: i64,
    until_ms: i64,
}

impl Iterator for Ticks<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let tick = self.timetable.next_tick(self.after_ms).filter(|tick| *tick <= self.until_ms)?;
        self.after_ms = tick;
        Some(tick)
    }
}
