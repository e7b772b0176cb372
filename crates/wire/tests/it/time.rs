//! Times come back as they were sent, to the millisecond.

use serde_json::{Value, json};
use tidegate_wire::{ScheduledTriggerProperties, Timestamp};

fn from_json(text: &str) -> Option<Timestamp> {
    Timestamp::from_json(&serde_json::from_str(text).unwrap()).ok()
}

#[test]
fn numbers_and_texts_are_read_exactly() {
    let cases = [
        ("0", 0),
        ("-0", 0),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.0", 1_700_000_000_000),
        ("1700000000.123", 1_700_000_000_123),
        ("1700000000.1239999", 1_700_000_000_123),
        ("1700000000.5", 1_700_000_000_500),
        ("1.700000000123E9", 1_700_000_000_123),
        ("17e8", 1_700_000_000_000),
        ("1e-3", 1),
        ("1e-999999999", 0),
        ("0e999999999", 0),
        ("-1.5", -1_500),
        ("253402300799.999", 253_402_300_799_999),
        (r#""2023-11-14T22:13:20Z""#, 1_700_000_000_000),
        (r#""2023-11-14T22:13:20.123Z""#, 1_700_000_000_123),
        (r#""2023-11-14T22:13:20.1+00:00""#, 1_700_000_000_100),
        (r#""2023-11-15T00:13:20+02:00""#, 1_700_000_000_000),
        (r#""2023-11-14T17:43:20-0430""#, 1_700_000_000_000),
        (r#""2023-11-14""#, 1_699_920_000_000),
        (r#""2024-02-29T00:00Z""#, 1_709_164_800_000),
        (r#""0001-01-01T00:00:00Z""#, -62_135_596_800_000),
        (r#""2016-12-31T23:59:60Z""#, 1_483_228_799_000),
    ];
    for (text, millis) in cases {
        assert_eq!(from_json(text).map(Timestamp::as_millis), Some(millis), "{text}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let cases = [
        "253402300800",
        "-62135596801",
        "1e99",
        "true",
        "[]",
        "{}",
        r#""""#,
        r#""now""#,
        r#""1700000000""#,
        r#""2023-11-14T22:13:20+19:00""#,
        r#""2023-02-29""#,
        r#""2023-13-01""#,
        r#""2023-11-14T24:00:00Z""#,
        r#""2023-11-14T22:13:20""#,
        r#""2023-11-14T22:13:20.Z""#,
        r#""2023-11-14T22:13:20Z[UTC]""#,
        r#""0000-01-01""#,
        r#""2023-11-1é""#,
    ];
    for text in cases {
        assert_eq!(from_json(text), None, "{text}");
    }
}

#[test]
fn output_is_a_number_with_at_most_three_decimals() {
    let cases = [
        (1_700_000_000_123, "1700000000.123", "2023-11-14T22:13:20.123Z"),
        (1_700_000_000_120, "1700000000.12", "2023-11-14T22:13:20.120Z"),
        (1_700_000_000_000, "1700000000", "2023-11-14T22:13:20Z"),
        (1, "0.001", "1970-01-01T00:00:00.001Z"),
        (0, "0", "1970-01-01T00:00:00Z"),
        (-1, "-0.001", "1969-12-31T23:59:59.999Z"),
        (-1_500, "-1.5", "1969-12-31T23:59:58.500Z"),
    ];
    for (millis, number, text) in cases {
        let time = Timestamp::from_millis(millis);
        assert_eq!(serde_json::to_string(&time).unwrap(), number);
        assert_eq!(time.to_string(), text);
        assert_eq!(from_json(number), Some(time));
        assert_eq!(text.parse(), Ok(time));
    }
    assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
}

#[test]
fn every_day_of_eight_centuries_comes_back() {
    for day in -146_097..146_097_i64 {
        let time = Timestamp::from_millis(day * 86_400_000 + 12_345);
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}

#[test]
fn a_schedule_keeps_its_start() {
    let sent = r#"{"scheduleExpression":"rate(5minutes)","scheduleStartTime":1700000000.123,"scheduleEndTime":1800000000}"#;
    let typed: ScheduledTriggerProperties = serde_json::from_str(sent).unwrap();
    assert_eq!(serde_json::to_string(&typed).unwrap(), sent);
    let value: Value = serde_json::from_str(sent).unwrap();
    let typed: ScheduledTriggerProperties = serde_json::from_value(value).unwrap();
    assert_eq!(serde_json::to_string(&typed).unwrap(), sent);
    let typed: Result<ScheduledTriggerProperties, _> =
        serde_json::from_value(json!({"scheduleExpression": "x", "scheduleStartTime": "soon"}));
    assert!(!typed.unwrap_err().to_string().contains("soon"));
}
