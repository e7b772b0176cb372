//! Makes valid examples of a shape from the validation tables.

use serde_json::{Map, Value, json};
use tidegate_wire::schema::{Bounds, Kind, Pattern, Shape};

/// Texts of which one satisfies each pattern of the model.
const TEXTS: [&str; 11] = [
    "Abc",
    "ab",
    "123",
    "https://host.example/path",
    "arn:aws:appflow:us-east-1:000000000000:flow/f",
    "arn:aws:iam::000000000000:role/r",
    "arn:aws:kms:us-east-1:000000000000:key/k",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:s",
    "upsolver-appflow-bucket",
    "com.amazonaws.vpce.us-east-1.vpce-svc-1",
    "a-b.c.d",
];

/// Which members an example has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The required ones.
    Minimal,
    /// All.
    Maximal,
}

/// A valid value of the shape.
pub fn example(shape: &'static Shape, size: Size) -> Value {
    match &shape.kind {
        Kind::String { length, pattern, values } => {
            let text = values.first().copied().unwrap_or_else(|| text(shape.name, *length, *pattern));
            json!(text)
        }
        Kind::Integer(range) | Kind::Long(range) => json!(range.max.or(range.min).unwrap_or(7)),
        Kind::Double => json!(1.5),
        Kind::Boolean => json!(false),
        Kind::Timestamp => "1700000000.123".parse::<serde_json::Number>().map(Value::Number).unwrap(),
        Kind::List { element, .. } if size == Size::Maximal => json!([example(element, size)]),
        Kind::List { .. } => json!([]),
        Kind::Map { key, value, .. } if size == Size::Maximal => {
            let key = example(key, size).as_str().unwrap().to_owned();
            Value::Object(Map::from_iter([(key, example(value, size))]))
        }
        Kind::Map { .. } => json!({}),
        Kind::Structure(members) => members
            .iter()
            .filter(|member| member.required || size == Size::Maximal)
            .map(|member| (member.name.to_owned(), example(member.shape, size)))
            .collect(),
    }
}

fn text(name: &str, length: Bounds, pattern: Option<&'static Pattern>) -> &'static str {
    TEXTS
        .into_iter()
        .find(|text| {
            let count = text.chars().count() as i64;
            pattern.is_none_or(|pattern| pattern.matches(text))
                && length.min.is_none_or(|min| count >= min)
                && length.max.is_none_or(|max| count <= max)
        })
        .unwrap_or_else(|| panic!("no example fits {name}; add one to TEXTS"))
}
