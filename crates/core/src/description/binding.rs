//! Where a credential may be sent: the properties that decide it, in one text.
//!
//! The vault seals this text into the additional data of every credential, so
//! a credential does not open once any of the properties has changed.

use serde_json::{Value, json};

use super::document::{present, read};
use super::{Description, Kind, Member};

/// The first element of every binding. A change of the encoding, or of which
/// properties are marked, makes sealed credentials unreadable: it needs a new
/// number here and a step that seals them again.
pub const BINDING_VERSION: &str = "tidegate-destination-1";

impl Description {
    /// All properties marked `destination`, with the type and the label, in
    /// one canonical text: two connections have the same text exactly when
    /// their credentials go to the same place.
    ///
    /// It is a JSON array; properties that are not given (or are an empty
    /// text, or a no) are left out, keys of maps are sorted, so neither the
    /// order of members nor the way to say "nothing" matters.
    pub fn destination_binding(&self, label: Option<&str>, properties: &Value) -> String {
        let parts: Vec<Value> = self
            .destination_parts(properties)
            .into_iter()
            .map(|(path, value)| json!([path, value]))
            .collect();
        let label = label.filter(|label| !label.is_empty());
        json!([BINDING_VERSION, self.connector_type.as_str(), label, parts]).to_string()
    }

    /// The properties marked `destination` that differ, by their paths below
    /// the union's key (`profileProperties.instanceUrl` for a key of a map).
    /// When there is one, the credentials must be given anew.
    pub fn destination_changes(&self, old: &Value, new: &Value) -> Vec<String> {
        let (old, new) = (self.destination_parts(old), self.destination_parts(new));
        let mut changes: Vec<String> = old
            .iter()
            .filter(|part| !new.contains(part))
            .chain(new.iter().filter(|part| !old.contains(part)))
            .map(|(path, _)| path.clone())
            .collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// The paths and values, sorted by path. The entries of a map are parts of
    /// their own; a key may hold no dot, so no two parts share a path.
    fn destination_parts(&self, properties: &Value) -> Vec<(String, Value)> {
        let mut parts = Vec::new();
        for member in self.properties().iter().filter(|member| member.destination) {
            let Some(value) = read(Some(properties), &member.path) else { continue };
            match (member.kind, value) {
                (Kind::Map, Value::Object(entries)) => {
                    let given = entries.iter().filter(|(_, value)| present(value));
                    parts.extend(
                        given.map(|(key, value)| (format!("{}.{key}", member.path), canonical(value))),
                    );
                }
                _ if says_nothing(member, value) => {}
                _ => parts.push((member.path.clone(), canonical(value))),
            }
        }
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        parts
    }
}

fn says_nothing(member: &Member, value: &Value) -> bool {
    !present(value) || (member.kind == Kind::Boolean && *value == Value::Bool(false))
}

/// The value with the keys of all objects sorted.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}
