//! The ticks that one run stands for.

use serde::{Deserialize, Serialize};

/// How many ticks a run's record names one by one. Further ones are counted,
/// and lie between the last one named and [`DueTicks::last_ms`].
pub const LISTED_TICKS: usize = 1_000;

/// One or more ticks that one run answers: a tick that came while the run
/// before was still busy, or those missed while the server was down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueTicks {
    /// Epoch milliseconds of the first one.
    pub first_ms: i64,
    /// Epoch milliseconds of the last one: the time Tn of the run's window.
    pub last_ms: i64,
    /// How many they are.
    pub count: u64,
    /// The first [`LISTED_TICKS`] of them, in order.
    pub listed: Vec<i64>,
}

impl DueTicks {
    /// A single tick.
    pub fn one(tick_ms: i64) -> Self {
        Self { first_ms: tick_ms, last_ms: tick_ms, count: 1, listed: vec![tick_ms] }
    }

    /// Takes in ticks that became due while this run was waiting: those of
    /// [`super::Timetable::due`] after [`Self::last_ms`]. Ticks that are
    /// reported again, and named in `later`, are not counted twice.
    pub fn join(&mut self, later: &Self) {
        if later.last_ms <= self.last_ms {
            return;
        }
        let known = later.listed.iter().filter(|tick| **tick <= self.last_ms).count();
        let room = LISTED_TICKS.saturating_sub(self.listed.len());
        self.listed.extend(later.listed.iter().skip(known).take(room));
        self.count += later.count - known as u64;
        self.last_ms = later.last_ms;
    }
}
