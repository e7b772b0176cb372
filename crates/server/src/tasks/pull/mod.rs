//! Which part of its source a run reads: everything, a window of time, what
//! changed since the last run, or the events that were delivered.
//!
//! A window over a field is two more filters of the run: whatever the source
//! does not evaluate, the engine does.

use tidegate_core::connector::{MOMENT_TEXT, Scan, TEXT_MEANING};
use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::plan::{Comparison, Filter, ReadRequest};
use tidegate_core::run::{FlowCursor, RunOptions, RunTrigger};
use tidegate_core::schedule::{PullMode, PullWindow, Schedule, incremental_window};
use tidegate_core::task::Task;
use tidegate_engine::read_request;
use tidegate_store::ClaimedRun;
use tidegate_wire as wire;

use crate::convert::flow::{self, Findings};
use crate::convert::schedule::{self, Newness};

/// A run, understood.
pub struct Plan {
    /// The flow as this run carries it out.
    pub spec: FlowSpec,
    /// What is read.
    pub pull: Pull,
}

/// What a run reads of its source.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull {
    /// Everything.
    Everything,
    /// What lies in a window.
    Window {
        /// The window.
        window: PullWindow,
        /// The field that the window is about; `None` for the time of objects.
        field: Option<String>,
        /// Whether the flow's cursor moves to the window's end.
        moves: bool,
    },
    /// What changed since a cursor of the source's; `None` begins with everything.
    Changes(Option<String>),
    /// What was delivered to the flow, up to the event of this number.
    Events(i64),
}

impl Plan {
    /// Understands a run that was claimed.
    ///
    /// # Errors
    /// What is wrong with the flow or with what was asked of the run, for the
    /// run's record.
    pub fn new(claimed: &ClaimedRun) -> Result<Self, String> {
        let mut definition: wire::CreateFlowRequest = serde_json::from_value(claimed.definition.clone())
            .map_err(|_| "The flow's definition cannot be understood any more.".to_owned())?;
        definition.tags = Some(claimed.tags.clone().into_iter().collect());
        let cannot = |findings: Findings| format!("The flow cannot run: {}.", findings.join("; "));
        let spec = flow::spec_with(&definition, claimed.schema_version, &claimed.run.options.filters)
            .map_err(cannot)?;
        // A change of the trigger does not stop runs that were asked for before it.
        let schedule = schedule::schedule(&definition.trigger_config).map_err(cannot)?;
        let newness = schedule::newness(&definition.source_flow_config);
        let pull = pull(claimed, schedule.as_ref(), newness).map_err(cannot)?;
        let mut plan = Self { spec, pull };
        plan.narrow();
        Ok(plan)
    }

    /// Puts the window into the flow.
    fn narrow(&mut self) {
        let Pull::Window { window, field, .. } = &self.pull else { return };
        match (field, &mut self.spec.source) {
            (None, SourceSpec::S3(source)) => source.changed = Some(*window),
            (None, SourceSpec::Connection { .. } | SourceSpec::Events { .. }) => {}
            (Some(field), _) => {
                let bound = |comparison, millis: i64| {
                    Task::Filter(Filter {
                        field: field.clone(),
                        comparison,
                        data_type: None,
                        values: vec![millis.to_string()],
                    })
                };
                self.spec.tasks.push(bound(Comparison::GreaterOrEqual, window.start_ms));
                self.spec.tasks.push(bound(Comparison::Less, window.end_ms));
            }
        }
    }

    /// What to ask of the source's connection.
    pub fn request(&self) -> ReadRequest {
        let mut request = read_request(&self.spec);
        if let Pull::Changes(cursor) = &self.pull {
            request.track_changes = true;
            request.cursor.clone_from(cursor);
        }
        request
    }

    /// The window that is pulled, if there is one.
    pub const fn window(&self) -> Option<PullWindow> {
        match &self.pull {
            Pull::Window { window, .. } => Some(*window),
            Pull::Everything | Pull::Changes(_) | Pull::Events(_) => None,
        }
    }

    /// Whether nothing can be in it, so that the source need not be asked.
    pub fn is_empty(&self) -> bool {
        self.window().is_some_and(|window| window.is_empty())
    }

    /// Milliseconds to wait before objects are listed. An endpoint tells the
    /// time of an object in whole seconds: one of the window's last second may
    /// still be on its way.
    pub fn wait_for_objects_ms(&self, now_ms: i64) -> u64 {
        const SECOND_MS: i64 = 1_100;
        match &self.pull {
            Pull::Window { window, field: None, .. } if !window.is_empty() => {
                u64::try_from(window.end_ms.saturating_add(SECOND_MS).saturating_sub(now_ms))
                    .unwrap_or(0)
                    .min(SECOND_MS.unsigned_abs())
            }
            _ => 0,
        }
    }

    /// Checks that what came has the window's field, and as a point in time:
    /// texts and numbers would be compared as such, and quietly wrong.
    ///
    /// # Errors
    /// The field is missing or of another type.
    pub fn check(&self, scan: &Scan) -> Result<(), String> {
        let Pull::Window { field: Some(field), .. } = &self.pull else { return Ok(()) };
        let Ok(column) = scan.schema.field_with_name(field) else {
            return Err(format!("The timestamp field {field} does not exist in the source."));
        };
        let is_moment = column.metadata().get(TEXT_MEANING).is_some_and(|meaning| meaning == MOMENT_TEXT);
        if column.data_type().is_temporal() || is_moment {
            return Ok(());
        }
        Err(format!(
            "The timestamp field {field} has the type {}, and a window needs a date or a point in time.",
            column.data_type()
        ))
    }

    /// The cursor that the flow has after this run, if the run moves it.
    /// `next` is what the source has told.
    pub fn cursor(&self, next: Option<&str>) -> Option<FlowCursor> {
        match &self.pull {
            Pull::Window { window, moves: true, .. } => {
                Some(FlowCursor { window_end_ms: Some(window.end_ms), ..FlowCursor::default() })
            }
            Pull::Changes(_) => {
                next.map(|next| FlowCursor { delta_link: Some(next.to_owned()), ..FlowCursor::default() })
            }
            // What was published of an inbox is gone, which is cursor enough.
            Pull::Everything | Pull::Window { .. } | Pull::Events(_) => None,
        }
    }
}

/// The window that a run pulls, if it has one and can be understood.
pub fn window_of(claimed: &ClaimedRun) -> Option<PullWindow> {
    Plan::new(claimed).ok()?.window()
}

fn pull(
    claimed: &ClaimedRun,
    schedule: Option<&Schedule>,
    newness: Result<Newness, Findings>,
) -> Result<Pull, Findings> {
    let run = &claimed.run;
    if let Some(mark) = run.event_mark {
        if run.options != RunOptions::default() {
            // It was asked for before the flow got this trigger.
            let finding =
                "a run of a flow that is started by events takes all that wait, and has no wishes of its own";
            return Err(vec![finding.to_owned()]);
        }
        return Ok(Pull::Events(mark));
    }
    let field = |newness| match newness {
        Newness::Field(field) => Ok(Some(field)),
        Newness::Objects => Ok(None),
        Newness::Changes => Err(vec![
            "a window needs the timestamp field to go by: set incrementalPullConfig.datetimeTypeFieldName"
                .to_owned(),
        ]),
    };
    if let Some(window) = run.options.window {
        return Ok(Pull::Window { window, field: field(newness?)?, moves: false });
    }
    // A run with filters of its own leaves out what the flow itself would have
    // read, so nothing goes on from there.
    let is_whole = run.options.filters.is_empty();
    let of_schedule = schedule.map_or(PullMode::Complete, |schedule| schedule.pull_mode);
    let mode = match (run.options.mode, run.trigger) {
        (Some(mode), _) => mode,
        (None, RunTrigger::Scheduled) => of_schedule,
        (None, RunTrigger::OnDemand | RunTrigger::Event) => PullMode::Complete,
    };
    match (mode, newness) {
        (PullMode::Incremental, newness) => match newness? {
            Newness::Changes if !is_whole => Err(vec![schedule::NO_FILTERED_CHANGES.to_owned()]),
            Newness::Changes => Ok(Pull::Changes(claimed.cursor.delta_link.clone())),
            newness => {
                // A run that the schedule did not ask for goes up to when it was asked for.
                let tick_ms = run.ticks.as_ref().map_or(run.started_at_ms, |ticks| ticks.last_ms);
                let window = incremental_window(
                    tick_ms,
                    schedule.map_or(0, |schedule| schedule.offset_seconds),
                    schedule.and_then(|schedule| schedule.first_execution_from_ms),
                    claimed.cursor.window_end_ms,
                );
                Ok(Pull::Window { window, field: field(newness)?, moves: is_whole })
            }
        },
        // A full load of a flow that follows changes begins to follow them anew.
        (PullMode::Complete, Ok(Newness::Changes))
            if is_whole
                && (of_schedule == PullMode::Incremental || claimed.cursor.delta_link.is_some())
                && run.options.mode == Some(PullMode::Complete) =>
        {
            Ok(Pull::Changes(None))
        }
        (PullMode::Complete, _) => Ok(Pull::Everything),
    }
}

#[cfg(test)]
mod tests;
