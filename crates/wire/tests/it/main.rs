//! The protocol against the pinned model: operations, validation, round trips, times, secrets.

mod examples;
mod operations;
mod roundtrip;
mod secrets;
mod tables;
mod time;
mod validation;

use serde_json::Value;

/// The pinned model.
fn model() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/appflow-2020-08-23.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
