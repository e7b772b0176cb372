//! Extensions for flows: runs with wishes of their own, and their history.

pub mod list_runs;
pub mod start_run;
