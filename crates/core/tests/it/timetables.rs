//! The ticks of active flows, and the ones that a run after a down time takes.

use proptest::prelude::*;
use serde::Deserialize;
use tidegate_core::schedule::{DueTicks, LISTED_TICKS, Schedule, ScheduleError, ScheduleExpression};

use crate::{check_times, ms, read};

fn schedule(expression: &str) -> Schedule {
    Schedule::new(ScheduleExpression::parse(expression).expect("a valid expression"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    expression: String,
    start: Option<String>,
    end: Option<String>,
    timezone: Option<String>,
    activated: String,
    after: Option<String>,
    ticks: Vec<String>,
}

#[test]
fn ticks_are_those_of_the_data_file() {
    for case in read::<Case>(include_str!("../data/timetables.yaml")) {
        let mut schedule = schedule(&case.expression);
        schedule.start_ms = case.start.as_deref().map(ms);
        schedule.end_ms = case.end.as_deref().map(ms);
        schedule.timezone_label = case.timezone;
        assert_eq!(schedule.check(), Ok(()), "{}", case.name);
        let timetable = schedule.timetable(ms(&case.activated));
        let after = case.after.as_deref().map_or_else(|| ms(&case.activated) - 1, ms);
        check_times(&case.name, after, &case.ticks, |after| timetable.next_tick(after));
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let valid = schedule("rate(1hour)");
    let check = |change: fn(&mut Schedule)| {
        let mut schedule = valid.clone();
        change(&mut schedule);
        schedule.check()
    };
    assert_eq!(check(|s| (s.start_ms, s.end_ms) = (Some(2), Some(1))), Err(ScheduleError::EndBeforeStart));
    assert_eq!(check(|s| (s.start_ms, s.end_ms) = (Some(2), Some(2))), Ok(()));
    assert_eq!(check(|s| s.offset_seconds = 36_000), Ok(()));
    assert_eq!(check(|s| s.offset_seconds = 36_001), Err(ScheduleError::Offset(36_001)));
    assert_eq!(check(|s| s.error_threshold = Some(0)), Err(ScheduleError::ErrorThreshold(0)));
    assert_eq!(check(|s| s.error_threshold = Some(1)), Ok(()));
    assert_eq!(check(|s| s.error_threshold = Some(100)), Ok(()));
    assert_eq!(check(|s| s.error_threshold = Some(101)), Err(ScheduleError::ErrorThreshold(101)));
}

#[test]
fn missed_ticks_are_named_one_by_one_and_then_counted() {
    let activated = ms("2026-01-01T00:00:00Z");
    let down = ms("2026-03-10T12:34:00Z");
    let up = ms("2026-04-07T11:22:33Z");
    for (expression, count, last) in [
        // 28 days less 72 minutes, 20 days of work less seven ticks, and so on.
        ("rate(1minute)", 40_248, "2026-04-07T11:22:00Z"),
        ("cron(* * * * ? *)", 40_248, "2026-04-07T11:22:00Z"),
        ("cron(0/10 8-17 ? * MON-FRI *)", 1_193, "2026-04-07T11:20:00Z"),
        ("cron(0 0 1 * ? *)", 1, "2026-04-01T00:00:00Z"),
        ("rate(1month)", 1, "2026-04-01T00:00:00Z"),
    ] {
        let schedule = schedule(expression);
        let timetable = schedule.timetable(activated);
        let due = timetable.due(down, up).expect("ticks were missed");
        let all: Vec<i64> = timetable.ticks_between(down, up).collect();
        assert_eq!(due.count, all.len() as u64, "{expression}");
        assert_eq!(due.count, count, "{expression}");
        assert_eq!((due.first_ms, due.last_ms), (all[0], ms(last)), "{expression}");
        assert_eq!(due.last_ms, all[all.len() - 1], "{expression}");
        assert_eq!(due.listed, all[..all.len().min(LISTED_TICKS)], "{expression}");
        assert_eq!(timetable.due(up, up), None, "{expression}");
    }
}

#[test]
fn years_of_missed_minutes_are_counted_quickly() {
    let begin = std::time::Instant::now();
    for expression in ["rate(1minute)", "cron(* * * * ? *)"] {
        let schedule = schedule(expression);
        let due = schedule.timetable(0).due(ms("2016-03-10T12:34:00Z"), ms("2026-03-09T11:22:33Z"));
        let due = due.expect("ticks were missed");
        // 3,651 days less 72 minutes.
        assert_eq!((due.count, due.last_ms), (5_257_368, ms("2026-03-09T11:22:00Z")), "{expression}");
    }
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

#[test]
fn ticks_that_come_while_a_run_waits_join_it() {
    let schedule = schedule("rate(1minute)");
    let timetable = schedule.timetable(0);
    let mut waiting = DueTicks::one(0);
    for minutes in [1, 3, 3, 2, 900, 1_500, 1_600] {
        let due = timetable.due(waiting.last_ms.min(minutes * 60_000 - 1), minutes * 60_000);
        waiting.join(&due.expect("a tick"));
    }
    // A poll that begins earlier reports ticks again.
    waiting.join(&timetable.due(1_500 * 60_000, 1_650 * 60_000).expect("ticks"));
    let mut few = timetable.due(-1, 180_000).expect("ticks");
    few.join(&timetable.due(60_000, 300_000).expect("ticks"));
    assert_eq!(few, timetable.due(-1, 300_000).expect("ticks"));
    let whole = timetable.due(-1, 1_650 * 60_000).expect("ticks");
    assert_eq!(waiting, whole);
    assert_eq!((whole.count, whole.listed.len()), (1_651, LISTED_TICKS));
}

proptest! {
    /// Asked in one piece or in many, the same ticks are due, each once.
    #[test]
    fn no_tick_is_lost_or_doubled_between_polls(
        expression in prop::sample::select(vec![
            "rate(7minutes)", "rate(5hours)", "rate(1month)", "rate(2months)", "cron(0/7 3-5 L * ? *)",
            "cron(13 * ? * 6#3 *)", "at(2026-05-05T05:05:05)",
        ]),
        start in prop::option::of(-200_i64..200),
        length in prop::option::of(0_i64..300),
        polls in prop::collection::vec(1_i64..4_000_000_000, 1..8),
    ) {
        const DAY: i64 = 86_400_000;
        let activated = ms("2026-01-30T23:59:59.321Z");
        let mut schedule = schedule(expression);
        schedule.start_ms = start.map(|days| activated + days * DAY + 12_345);
        schedule.end_ms = length.map(|days| schedule.start_ms.unwrap_or(activated) + days * DAY);
        let timetable = schedule.timetable(activated);
        let (mut at, mut pieces) = (activated - 1, Vec::new());
        for poll in polls {
            pieces.extend(timetable.ticks_between(at, at + poll));
            at += poll;
        }
        let whole: Vec<i64> = timetable.ticks_between(activated - 1, at).collect();
        prop_assert_eq!(&pieces, &whole);
        prop_assert!(whole.is_sorted_by(|a, b| a < b));
        let due = timetable.due(i64::MIN, at);
        prop_assert_eq!(due.as_ref().map_or(0, |due| due.count), whole.len() as u64);
        prop_assert_eq!(due.map(|due| due.last_ms), whole.last().copied());
        for tick in whole {
            prop_assert!(tick >= activated && schedule.start_ms.is_none_or(|start| tick >= start));
            prop_assert!(schedule.end_ms.is_none_or(|end| tick <= end));
        }
    }
}
