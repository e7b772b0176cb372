//! Runs the flows that have a schedule: queues a run whenever a tick is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tidegate_core::schedule::Schedule;
use tidegate_store::{Activation, ScheduledFlow, Store, StoreError, TickRun};
use tidegate_wire as wire;

use crate::app::App;
use crate::convert::{now_ms, schedule};
use crate::server::explain;

/// The longest time without a look at the clock on the wall: it may be set, and
/// a sleep goes by another one.
const LOOK: Duration = Duration::from_secs(1);

/// Flows that are queued in one transaction. Each of them waits for the commit
/// of runs under way, so many flows that are due at once take few of them.
const BATCH: u32 = 2_500;

/// How much further into the past than a flow's schedule the clock must have
/// been set for ticks to be counted anew. After less, the flow waits until the
/// clock has reached the time at which it last ran.
const SET_BACK_MS: i64 = 24 * 60 * 60 * 1000;

/// Schedules until the server stops.
pub async fn run(app: Arc<App>) {
    let mut clock = Clock::new();
    // The clock may have been set while the server was down.
    let mut was_set_back = true;
    while !app.stopping.is_cancelled() {
        // Made before the flows are looked at, so that no change slips between.
        let changed = app.store.scheduler().changed();
        let result = async {
            if was_set_back {
                count_anew(&app.store, now_ms()).await?;
            }
            enqueue_due(&app.store, now_ms()).await?;
            app.store.scheduler().next_due().await
        };
        let wait = match result.await {
            Ok(next) => {
                was_set_back = false;
                next.map_or(LOOK, |next| until(next, now_ms()))
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = explain(&error), "Due flows could not be queued; trying again.");
                LOOK
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = changed => {}
            () = app.stopping.cancelled() => {}
        }
        was_set_back |= clock.was_set_back(now_ms(), Instant::now());
    }
}

/// How long to sleep until a time: a little at most, and a little at least.
fn until(due_ms: i64, now_ms: i64) -> Duration {
    let millis = due_ms.saturating_sub(now_ms).max(1).unsigned_abs();
    Duration::from_millis(millis).min(LOOK)
}

/// The clock on the wall, watched by the other one.
struct Clock {
    wall_ms: i64,
    at: Instant,
}

impl Clock {
    fn new() -> Self {
        Self { wall_ms: now_ms(), at: Instant::now() }
    }

    /// Whether the clock was set back by more than a second since the last look.
    fn was_set_back(&mut self, wall_ms: i64, at: Instant) -> bool {
        let passed = i64::try_from(at.duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        let expected = self.wall_ms.saturating_add(passed);
        *self = Self { wall_ms, at };
        wall_ms < expected.saturating_sub(1_000)
    }
}

/// The part of a definition that says when the flow runs; the rest is not read.
#[derive(Deserialize)]
struct Triggered {
    #[serde(rename = "triggerConfig")]
    trigger_config: wire::TriggerConfig,
}

fn schedule_of(flow: &ScheduledFlow) -> Result<Schedule, String> {
    let triggered: Triggered = serde_json::from_str(&flow.definition)
        .map_err(|_| "The flow's definition cannot be understood any more.".to_owned())?;
    match schedule::schedule(&triggered.trigger_config) {
        Ok(Some(schedule)) => Ok(schedule),
        Ok(None) => Err("The flow has no schedule, and was active as if it had one.".to_owned()),
        Err(findings) => Err(format!("The flow's schedule cannot be carried out: {}", findings.join("; "))),
    }
}

/// Queues runs for all ticks up to a time; gives how many runs are new. What
/// was missed is in them: all ticks of a flow that are due become one run.
pub async fn enqueue_due(store: &Store, now_ms: i64) -> Result<usize, StoreError> {
    let scheduler = store.scheduler();
    let mut added = 0;
    loop {
        let due = scheduler.due(now_ms, BATCH).await?;
        let is_last = due.len() < BATCH as usize;
        let mut ticks = Vec::with_capacity(due.len());
        for flow in due {
            match tick_run(flow, now_ms) {
                Ok(run) => ticks.push(run),
                Err((flow, message)) => {
                    tracing::error!(flow = %flow.flow, message, "A flow's schedule ends, because it cannot be read.");
                    scheduler.fail(&flow, &message).await?;
                }
            }
        }
        for run in ticks.iter().filter(|run| run.ticks.count > 1) {
            tracing::info!(flow = %run.flow.flow, ticks = run.ticks.count, "Ticks were missed; one run stands for them.");
        }
        added += scheduler.enqueue(ticks).await?;
        if is_last {
            return Ok(added);
        }
    }
}

fn tick_run(flow: ScheduledFlow, now_ms: i64) -> Result<TickRun, (ScheduledFlow, String)> {
    let schedule = match schedule_of(&flow) {
        Ok(schedule) => schedule,
        Err(message) => return Err((flow, message)),
    };
    let timetable = schedule.timetable(flow.activated_at_ms);
    let ticks = timetable.due(flow.next_due_ms.saturating_sub(1), now_ms);
    let next_due_ms = timetable.next_tick(now_ms);
    match ticks {
        Some(ticks) => Ok(TickRun { flow, ticks, next_due_ms }),
        None => Err((flow, "The flow's next tick is none of its schedule's.".to_owned())),
    }
}

/// Brings back ticks that lie far in the future because the clock was ahead
/// when they were computed. A tick that has its run already gets no other one.
async fn count_anew(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    let scheduler = store.scheduler();
    for flow in scheduler.due_after(now_ms.saturating_add(SET_BACK_MS)).await? {
        let Ok(schedule) = schedule_of(&flow) else { continue };
        // An activation in the future was made by the clock that was ahead.
        let activated_at_ms = flow.activated_at_ms.min(now_ms);
        let next_due_ms = schedule.timetable(activated_at_ms).next_tick(now_ms);
        let is_far = next_due_ms.is_some_and(|next| next.saturating_add(SET_BACK_MS) < flow.next_due_ms);
        if is_far && scheduler.postpone(&flow, Activation { activated_at_ms, next_due_ms }).await? {
            tracing::warn!(flow = %flow.flow, "The clock was set back; the flow's ticks are counted from now on.");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
