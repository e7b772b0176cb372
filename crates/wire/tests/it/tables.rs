//! The validation tables say what the model says, but for the patches.

use serde_json::Value;
use tidegate_wire::schema::{Bounds, Kind, Location, SHAPES, Shape, shape};

#[test]
fn every_shape_has_the_models_constraints() {
    let model = crate::model();
    let shapes = model["shapes"].as_object().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/patches.json");
    let patches: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (name, row) in shapes {
        // Exceptions and their message are no part of inputs and outputs.
        if row["exception"] == true || name == "ErrorMessage" {
            continue;
        }
        let found = shape(name).unwrap_or_else(|| panic!("{name} is missing"));
        compare(found, row, &patches);
    }
    assert!(SHAPES.is_sorted_by_key(|shape| shape.name));
    assert!(shape("NoSuchShape").is_none());
}

fn compare(shape: &'static Shape, row: &Value, patches: &Value) {
    let name = shape.name;
    match &shape.kind {
        Kind::String { length, pattern, values } => {
            assert_eq!(row["type"], "string", "{name}");
            check_bounds(name, *length, row);
            let listed = row["enum"].as_array().cloned().unwrap_or_default();
            assert_eq!(Value::from(values.to_vec()), Value::from(listed), "{name}");
            let ours = patches["patterns"].as_array().unwrap().iter().find(|patch| patch["shape"] == name);
            let expected = ours.unwrap_or(row)["pattern"].as_str();
            assert_eq!(pattern.map(|pattern| pattern.shown), expected, "{name}");
        }
        Kind::Integer(range) | Kind::Long(range) => {
            let kind = if matches!(shape.kind, Kind::Long(_)) { "long" } else { "integer" };
            assert_eq!(row["type"], kind, "{name}");
            check_bounds(name, *range, row);
        }
        Kind::Double => assert_eq!(row["type"], "double", "{name}"),
        Kind::Boolean => assert_eq!(row["type"], "boolean", "{name}"),
        Kind::Timestamp => assert_eq!(row["type"], "timestamp", "{name}"),
        Kind::List { length, element } => {
            assert_eq!(row["member"]["shape"], element.name, "{name}");
            check_bounds(name, *length, row);
        }
        Kind::Map { length, key, value } => {
            assert_eq!(row["key"]["shape"], key.name, "{name}");
            assert_eq!(row["value"]["shape"], value.name, "{name}");
            check_bounds(name, *length, row);
        }
        Kind::Structure(members) => {
            let listed = row["members"].as_object().unwrap();
            assert_eq!(listed.len(), members.len(), "{name}");
            for (member, (wire, use_of)) in members.iter().zip(listed) {
                assert_eq!(member.name, wire, "{name}");
                assert_eq!(member.shape.name, use_of["shape"], "{name}${wire}");
                let required = row["required"]
                    .as_array()
                    .is_some_and(|required| required.contains(&wire.as_str().into()));
                assert_eq!(member.required, required, "{name}${wire}");
                let location = match member.location {
                    Location::Body => Value::Null,
                    Location::Uri(_) => "uri".into(),
                    Location::Query(_) => "querystring".into(),
                };
                assert_eq!(use_of.get("location").cloned().unwrap_or_default(), location, "{name}${wire}");
            }
        }
    }
    if row["sensitive"] == true {
        assert!(shape.sensitive, "{name} lost its flag");
    }
}

/// A length of at least 0 is the same as none.
fn check_bounds(name: &str, bounds: Bounds, row: &Value) {
    assert_eq!(bounds.max, row["max"].as_i64(), "{name}");
    assert_eq!(bounds.min.unwrap_or(0), row["min"].as_i64().unwrap_or(0), "{name}");
}
