//! Extensions for flows: events, runs with wishes of their own, and their history.

pub mod deliver_events;
pub mod list_runs;
pub mod start_run;
