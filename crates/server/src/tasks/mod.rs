//! What the server does without being asked: schedules and runs flows, tries events again, cleans up.

pub mod clean;
pub mod events;
mod pull;
pub mod rotate;
pub mod schedule;
pub mod worker;

pub use pull::window_of;
