//! Between the wire and the domain, by hand: no domain type is ever serialised to the wire.

pub mod entity;
pub mod flow;
pub mod flow_change;
pub mod page;
pub mod profile;
pub mod run;
pub mod schedule;

use tidegate_wire::Timestamp;

/// Now, in epoch milliseconds.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A moment of the domain (epoch milliseconds) as the wire has it.
pub fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
