//! Reading documents by dotted paths, with the wire's idea of "absent".

use serde_json::Value;

/// The two halves of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Properties,
    Credentials,
}

/// The two inner documents of a connection.
pub(super) struct Documents<'a> {
    pub properties: Option<&'a Value>,
    pub credentials: Option<&'a Value>,
}

impl<'a> Documents<'a> {
    pub fn side(&self, side: Side) -> Option<&'a Value> {
        match side {
            Side::Properties => self.properties,
            Side::Credentials => self.credentials,
        }
    }

    /// Reads a path of a rule: `properties.…` or `credentials.…`. `None` for
    /// what is not there, and for what counts as not there.
    pub fn read(&self, path: &str) -> Option<&'a Value> {
        let (side, rest) = path.split_once('.').unwrap_or((path, ""));
        let document = match side {
            "properties" => self.properties,
            "credentials" => self.credentials,
            _ => None,
        };
        let value = if rest.is_empty() { document } else { read(document, rest) };
        value.filter(|value| present(value))
    }
}

/// Reads a dotted path below a document.
pub(super) fn read<'a>(document: Option<&'a Value>, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document?, |value, key| value.get(key))
}

/// Whether a value counts as given: null, an empty text, and a group or list
/// in which nothing is given do not (Terraform and CloudFormation send those
/// for what a user left out).
pub(super) fn present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.values().any(present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
