//! What the server does without being asked: runs flows, cleans up.

pub mod clean;
pub mod rotate;
pub mod worker;
