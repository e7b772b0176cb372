//! Delivers events to a flow that is started by them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_core::FlowName;
use tidegate_store::NewEvent;

use crate::error::ApiError;
use crate::events;
use crate::ops::Call;

/// The most events of one delivery. Its bytes are bounded by those of a request.
const MOST: usize = 1000;

/// The longest identifier, in characters.
const LONGEST_ID: usize = 256;

/// What is delivered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    flow_name: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    id: Option<String>,
    record: Map<String, Value>,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Events that are stored now.
    accepted: u64,
    /// Events that had been delivered before.
    duplicates: u64,
}

/// Stores events for a flow's next run.
pub async fn run(call: Call, input: Delivery) -> Result<Answer, ApiError> {
    let flow = FlowName::new(&input.flow_name);
    let delivered = events::deliver(&call.app, &flow, checked(input.events)?).await?;
    Ok(Answer { accepted: delivered.accepted, duplicates: delivered.duplicates })
}

fn checked(events: Vec<Event>) -> Result<Vec<NewEvent>, ApiError> {
    if !(1..=MOST).contains(&events.len()) {
        return Err(ApiError::validation(format!(
            "events must hold 1 to {MOST} events, and holds {}.",
            events.len()
        )));
    }
    let event = |(index, Event { id, record }): (usize, Event)| {
        let length = id.as_ref().map(|id| id.chars().count());
        if length.is_some_and(|length| !(1..=LONGEST_ID).contains(&length)) {
            return Err(ApiError::validation(format!(
                "events[{index}].id must have 1 to {LONGEST_ID} characters; leave it out if the event has none."
            )));
        }
        if record.is_empty() {
            return Err(ApiError::validation(format!(
                "events[{index}].record must have at least one field."
            )));
        }
        Ok(NewEvent { id, record: Value::Object(record).to_string() })
    };
    events.into_iter().enumerate().map(event).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(events: Value) -> Result<Vec<(Option<String>, String)>, String> {
        let delivery: Delivery = serde_json::from_value(json!({"flowName": "f", "events": events}))
            .map_err(|error| error.to_string())?;
        let events = checked(delivery.events).map_err(|error| error.message)?;
        Ok(events.into_iter().map(|event| (event.id, event.record)).collect())
    }

    #[test]
    fn a_record_stays_as_it_is() {
        let text = r#"[{"id":"7","record":{"z":12345678901234567890.10,"a":{"b":[1,null]},"s":"a\nb"}},{"record":{"x":1e3}}]"#;
        let events = read(serde_json::from_str(text).expect("JSON")).expect("good");
        let record = r#"{"z":12345678901234567890.10,"a":{"b":[1,null]},"s":"a\nb"}"#;
        assert_eq!(events[0], (Some("7".to_owned()), record.to_owned()));
        assert_eq!(events[1].0, None);
    }

    #[test]
    fn what_is_no_delivery_is_told() {
        let many: Vec<Value> = (0..=MOST).map(|i| json!({"record": {"i": i}})).collect();
        for (events, says) in [
            (json!([]), "1 to 1000"),
            (json!(many), "holds 1001"),
            (json!([{"record": {"a": 1}}, {"id": "", "record": {"a": 1}}]), "events[1].id"),
            (json!([{"id": "x".repeat(257), "record": {"a": 1}}]), "256 characters"),
            (json!([{"record": {}}]), "at least one field"),
            (json!([{"id": "a"}]), "missing field"),
            (json!([{"record": [1]}]), "invalid type"),
            (json!([{"record": {"a": 1}, "key": 1}]), "unknown field"),
        ] {
            let error = read(events).expect_err("refused");
            assert!(error.contains(says), "{error}");
        }
    }
}
