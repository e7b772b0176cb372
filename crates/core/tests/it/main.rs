//! Tests of the domain through its public interface, as data where possible.

mod cron_property;
mod expressions;
mod timetables;
mod windows;

use jiff::Timestamp;

/// Epoch milliseconds of a text such as `2026-03-01T10:00:00Z`.
fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).as_millisecond()
}

/// The text of epoch milliseconds, for messages that people read.
fn text(ms: i64) -> String {
    Timestamp::from_millisecond(ms).expect("a time of this calendar").to_string()
}

fn read<T: serde::de::DeserializeOwned>(yaml: &str) -> Vec<T> {
    serde_yaml_ng::from_str(yaml).expect("the data file is well-formed")
}

/// Compares the times that follow `after` with a list that may end in "none".
fn check_times(name: &str, after: i64, expected: &[String], next: impl Fn(i64) -> Option<i64>) {
    let mut at = after;
    for expected in expected {
        let found = next(at);
        match expected.as_str() {
            "none" => assert_eq!(found.map(text), None, "{name}, after {}", text(at)),
            time => {
                assert_eq!(found.map(text), Some(text(ms(time))), "{name}, after {}", text(at));
                at = ms(time);
            }
        }
    }
}
