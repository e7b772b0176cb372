//! Where the secrets of a document are, by the validation tables.

use serde_json::Value;

use crate::schema::{Kind, Shape};

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// Every secret text of a document of this shape, for scrubbing them out of other texts. Empty ones are left out.
pub fn secret_values<'v>(shape: &'static Shape, document: &'v Value) -> Vec<&'v str> {
    let mut found = Vec::new();
    collect(shape, false, document, &mut found);
    found
}

fn collect<'v>(shape: &'static Shape, secret: bool, value: &'v Value, found: &mut Vec<&'v str>) {
    let secret = secret || shape.sensitive;
    match (value, &shape.kind) {
        (Value::String(text), _) if secret && !text.is_empty() => found.push(text),
        (Value::Object(object), Kind::Structure(_)) => {
            for (name, value) in object {
                if let Some(member) = shape.member(name) {
                    collect(member.shape, secret || member.secret, value, found);
                }
            }
        }
        (Value::Object(object), Kind::Map { value: shape, .. }) => {
            object.values().for_each(|value| collect(shape, secret, value, found));
        }
        (Value::Array(items), Kind::List { element, .. }) => {
            items.iter().for_each(|item| collect(element, secret, item, found));
        }
        _ => {}
    }
}

/// A copy of a document of this shape with every secret replaced, for logs. Members the shape does not know are left out,
/// because a secret may hide behind a misspelt name.
pub fn redact(shape: &'static Shape, document: &Value) -> Value {
    copy(shape, false, document)
}

fn copy(shape: &'static Shape, secret: bool, value: &Value) -> Value {
    let secret = secret || shape.sensitive;
    match (value, &shape.kind) {
        (Value::Object(object), Kind::Structure(_)) => object
            .iter()
            .filter_map(|(name, value)| {
                let member = shape.member(name)?;
                Some((name.clone(), copy(member.shape, secret || member.secret, value)))
            })
            .collect(),
        (Value::Object(object), Kind::Map { key, value: shape, .. }) => {
            if key.sensitive {
                return Value::String(REDACTED.to_owned());
            }
            object.iter().map(|(key, value)| (key.clone(), copy(shape, secret, value))).collect()
        }
        (Value::Array(items), Kind::List { element, .. }) => {
            items.iter().map(|item| copy(element, secret, item)).collect()
        }
        (Value::Null, _) => Value::Null,
        _ if secret => Value::String(REDACTED.to_owned()),
        // A wrong JSON type where a structure or list belongs may hold anything.
        (_, Kind::Structure(_) | Kind::Map { .. } | Kind::List { .. }) => Value::String(REDACTED.to_owned()),
        (Value::Object(_) | Value::Array(_), _) => Value::String(REDACTED.to_owned()),
        _ => value.clone(),
    }
}
