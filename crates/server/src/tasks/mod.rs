//! What the server does without being asked: schedules and runs flows, cleans up.

pub mod clean;
mod pull;
pub mod rotate;
pub mod schedule;
pub mod worker;

pub use pull::window_of;
