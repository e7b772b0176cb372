//! Pull windows: consecutive runs neither lose nor double a record.

use proptest::prelude::*;
use serde::Deserialize;
use tidegate_core::schedule::{
    MAX_SPLIT_WINDOWS, PullWindow, Rate, RateUnit, Schedule, ScheduleExpression, WindowError,
    incremental_window,
};

use crate::{ms, read, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    tick: String,
    #[serde(default)]
    offset: u32,
    first: Option<String>,
    previous: Option<String>,
    window: (String, String),
}

#[test]
fn windows_are_those_of_the_data_file() {
    for case in read::<Case>(include_str!("../data/windows.yaml")) {
        let (first, previous) = (case.first.as_deref().map(ms), case.previous.as_deref().map(ms));
        let window = incremental_window(ms(&case.tick), case.offset, first, previous);
        let found = (text(window.start_ms), text(window.end_ms));
        assert_eq!(found, case.window, "{}", case.name);
    }
}

#[test]
fn the_start_belongs_to_a_window_and_the_end_does_not() {
    let window = PullWindow { start_ms: 10, end_ms: 20 };
    assert_eq!([9, 10, 19, 20].map(|time| window.contains(time)), [false, true, true, false]);
    assert!(!window.is_empty() && PullWindow { start_ms: 5, end_ms: 5 }.is_empty());
}

#[test]
fn a_window_that_somebody_asks_for_has_a_start_and_room() {
    let now = 1_000;
    assert_eq!(PullWindow::explicit(Some(1), Some(5), now), Ok(PullWindow { start_ms: 1, end_ms: 5 }));
    assert_eq!(PullWindow::explicit(Some(1), None, now), Ok(PullWindow { start_ms: 1, end_ms: 1_000 }));
    assert_eq!(PullWindow::explicit(None, Some(5), now), Err(WindowError::NoStart));
    assert_eq!(PullWindow::explicit(Some(5), Some(5), now), Err(WindowError::Empty));
    assert_eq!(PullWindow::explicit(Some(2_000), None, now), Err(WindowError::Empty));
}

#[test]
fn a_backfill_is_split_by_the_calendar() {
    let window = PullWindow { start_ms: ms("2026-01-31T00:00:00Z"), end_ms: ms("2026-04-15T00:00:00Z") };
    let month = Rate::new(1, RateUnit::Month).expect("a period");
    let parts = window.split(month).expect("three parts");
    let bounds: Vec<String> = parts.iter().map(|part| text(part.end_ms)).collect();
    assert_eq!(bounds, ["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z", "2026-04-15T00:00:00Z"]);
    let minute = Rate::new(1, RateUnit::Minute).expect("a period");
    assert_eq!(window.split(minute), Err(WindowError::TooManyParts));
    let limit = i64::try_from(MAX_SPLIT_WINDOWS).expect("small") * 60_000;
    let longest = PullWindow { start_ms: 0, end_ms: limit };
    assert_eq!(longest.split(minute).map(|parts| parts.len()), Ok(MAX_SPLIT_WINDOWS));
    assert_eq!(Rate::new(0, RateUnit::Day), None);
}

proptest! {
    /// Runs fail, the server is down for a while, the offset is changed: every
    /// record between the first start and the last end is in exactly one
    /// successful run.
    #[test]
    fn every_record_is_in_exactly_one_successful_run(
        runs in prop::collection::vec((1_i64..100_000_000, 0_u32..=36_000, any::<bool>()), 1..30),
        first in prop::option::of(-3_000_000_000_i64..300_000_000),
        probes in prop::collection::vec(0.0_f64..1.0, 20),
    ) {
        let schedule = Schedule::new(ScheduleExpression::parse("rate(5minutes)").expect("valid"));
        let (mut now, mut cursor, mut done) = (0, None, Vec::new());
        for (gap, offset, successful) in runs {
            now += gap;
            let due = schedule.timetable(0).due(now - gap, now);
            let Some(due) = due else { continue };
            let window = incremental_window(due.last_ms, offset, first, cursor);
            prop_assert!(window.start_ms <= window.end_ms);
            prop_assert!(window.is_empty() || window.end_ms <= now);
            if successful {
                cursor = Some(window.end_ms);
                done.push(window);
            }
        }
        let (Some(first), Some(last)) = (done.first(), done.last()) else { return Ok(()) };
        let mut times: Vec<i64> = done.iter().flat_map(|window| [window.start_ms, window.end_ms - 1]).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any time will do")]
        times.extend(probes.iter().map(|share| first.start_ms + ((last.end_ms - first.start_ms) as f64 * share) as i64));
        for time in times.into_iter().filter(|time| (first.start_ms..last.end_ms).contains(time)) {
            prop_assert_eq!(done.iter().filter(|window| window.contains(time)).count(), 1, "{}", text(time));
        }
    }

    /// The parts of a backfill lie end to end and cover the whole.
    #[test]
    fn parts_of_a_backfill_cover_the_whole(
        start in -10_000_000_000_i64..2_000_000_000_000,
        length in 1_i64..10_000_000_000,
        value in 1_u32..50,
        unit in prop::sample::select(vec![RateUnit::Hour, RateUnit::Day, RateUnit::Week, RateUnit::Month]),
    ) {
        let window = PullWindow { start_ms: start, end_ms: start + length };
        let parts = window.split(Rate::new(value, unit).expect("a period")).expect("few parts");
        prop_assert_eq!(parts.first().map(|part| part.start_ms), Some(window.start_ms));
        prop_assert_eq!(parts.last().map(|part| part.end_ms), Some(window.end_ms));
        prop_assert!(parts.iter().all(|part| !part.is_empty()));
        prop_assert!(parts.windows(2).all(|pair| pair[0].end_ms == pair[1].start_ms));
    }
}
