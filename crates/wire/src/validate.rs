//! Checks an input against the generated tables and takes out what the API does not know.

use serde_json::{Map, Value};

use crate::schema::{Bounds, Kind, Member, Pattern, Shape};
use crate::{InputError, Operation, Timestamp};

/// Broken constraints a message lists; further ones are only counted, which bounds the answer to a hostile input.
const LISTED: usize = 20;
/// Characters of a value or map key a message shows.
const SHOWN: usize = 256;

/// Checks an input and gives it back without unknown members, as AWS ignores them, and without nulls, which count as
/// absent. Members keep the order they were sent in.
///
/// An empty string in an optional member counts as absent for the checks and is kept. Lengths count Unicode characters,
/// as the model's language defines them, so that no client is refused for a character outside the first plane. The cost
/// is linear in the input: no shape contains itself, so the depth is that of the tables.
///
/// # Errors
/// [`InputError::Serialization`] for the first member of a wrong JSON type, else [`InputError::Validation`] with every
/// broken constraint.
pub fn validate_input(operation: Operation, mut value: Value) -> Result<Value, InputError> {
    if value.is_null() {
        value = Value::Object(Map::new());
    }
    let mut walk = Walk { path: String::new(), listed: Vec::new(), count: 0 };
    walk.value(operation.input(), &mut value, Use { secret: false, optional: false })?;
    walk.finish()?;
    Ok(value)
}

/// How a member uses its shape.
#[derive(Clone, Copy)]
struct Use {
    secret: bool,
    optional: bool,
}

struct Walk {
    path: String,
    listed: Vec<String>,
    count: usize,
}

impl Walk {
    fn finish(self) -> Result<(), InputError> {
        if self.count == 0 {
            return Ok(());
        }
        let plural = if self.count == 1 { "" } else { "s" };
        let list = self.listed.join("; ");
        Err(InputError::Validation {
            message: format!("{} validation error{plural} detected: {list}", self.count),
        })
    }

    fn value(&mut self, shape: &'static Shape, value: &mut Value, used: Use) -> Result<(), InputError> {
        let used = Use { secret: used.secret || shape.sensitive, ..used };
        match &shape.kind {
            Kind::String { length, pattern, values } => {
                let Value::String(text) = &*value else {
                    return Err(self.wrong_type(value, "a String"));
                };
                if !(used.optional && text.is_empty()) {
                    for rule in text_rules(text, *length, *pattern, values) {
                        self.broken(Some(text), used.secret, &rule);
                    }
                }
            }
            Kind::Integer(range) => {
                let number = value.as_i64().filter(|number| i32::try_from(*number).is_ok());
                self.number(number, *range, value, used, "an Integer")?;
            }
            Kind::Long(range) => self.number(value.as_i64(), *range, value, used, "a Long")?,
            Kind::Double => {
                if !value.is_number() {
                    return Err(self.wrong_type(value, "a Double"));
                }
            }
            Kind::Boolean => {
                if !value.is_boolean() {
                    return Err(self.wrong_type(value, "a Boolean"));
                }
            }
            Kind::Timestamp => {
                if Timestamp::from_json(value).is_err() {
                    return Err(self.wrong_type(value, "a Timestamp (epoch seconds or ISO 8601)"));
                }
            }
            Kind::List { length, element } => {
                let Value::Array(items) = value else {
                    return Err(self.wrong_type(value, "a List"));
                };
                self.list(items, *length, element, used)?;
            }
            Kind::Map { length, key, value: element } => {
                let Value::Object(entries) = value else {
                    return Err(self.wrong_type(value, "a Map"));
                };
                self.map(entries, *length, key, element, used)?;
            }
            Kind::Structure(members) => {
                let Value::Object(object) = value else {
                    return Err(self.wrong_type(value, "a Structure"));
                };
                self.structure(object, members, used)?;
            }
        }
        Ok(())
    }

    fn structure(
        &mut self,
        object: &mut Map<String, Value>,
        members: &'static [Member],
        used: Use,
    ) -> Result<(), InputError> {
        object.retain(|name, value| !value.is_null() && members.iter().any(|member| member.name == name));
        for member in members {
            let parent = self.enter(member.name);
            if let Some(value) = object.get_mut(member.name) {
                let used = Use { secret: used.secret || member.secret, optional: !member.required };
                self.value(member.shape, value, used)?;
            } else if member.required {
                self.missing();
            }
            self.path.truncate(parent);
        }
        Ok(())
    }

    fn list(
        &mut self,
        items: &mut [Value],
        length: Bounds,
        element: &'static Shape,
        used: Use,
    ) -> Result<(), InputError> {
        let rules = length_rules(items.len(), length);
        if !rules.is_empty() {
            let shown = shown_list(items).filter(|_| !element.sensitive);
            for rule in rules {
                self.broken(shown.as_deref(), used.secret, &rule);
            }
        }
        for (i, item) in items.iter_mut().enumerate() {
            let parent = self.enter(&format!("{}.member", i + 1));
            if item.is_null() {
                self.missing();
            } else {
                self.value(element, item, Use { optional: false, ..used })?;
            }
            self.path.truncate(parent);
        }
        Ok(())
    }

    fn map(
        &mut self,
        entries: &mut Map<String, Value>,
        length: Bounds,
        key: &'static Shape,
        element: &'static Shape,
        used: Use,
    ) -> Result<(), InputError> {
        entries.retain(|_, value| !value.is_null());
        for rule in length_rules(entries.len(), length) {
            self.broken(None, used.secret, &rule);
        }
        let hidden = used.secret || key.sensitive;
        for (name, value) in entries.iter_mut() {
            if let Kind::String { length, pattern, values } = &key.kind {
                let rules = text_rules(name, *length, *pattern, values);
                if !rules.is_empty() {
                    let rule = format!("Map keys must satisfy constraint: [{}]", rules.join(", "));
                    self.broken(Some(name), hidden, &rule);
                }
            }
            let segment = if hidden { "*".to_owned() } else { shorten(name) };
            let parent = self.enter(&format!("{segment}.member"));
            self.value(element, value, Use { optional: false, ..used })?;
            self.path.truncate(parent);
        }
        Ok(())
    }

    fn number(
        &mut self,
        number: Option<i64>,
        range: Bounds,
        value: &Value,
        used: Use,
        expected: &str,
    ) -> Result<(), InputError> {
        let number = number.ok_or_else(|| self.wrong_type(value, expected))?;
        for rule in rules(number, range, "value") {
            self.broken(Some(&number.to_string()), used.secret, &rule);
        }
        Ok(())
    }

    /// Steps into a member and returns what to cut the path back to.
    fn enter(&mut self, segment: &str) -> usize {
        let parent = self.path.len();
        if parent > 0 {
            self.path.push('.');
        }
        self.path.push_str(segment);
        parent
    }

    fn missing(&mut self) {
        self.broken(Some("null"), false, "Member must not be null");
    }

    /// Notes a broken constraint; `shown` is the value as the message quotes it.
    fn broken(&mut self, shown: Option<&str>, secret: bool, rule: &str) {
        self.count += 1;
        if self.listed.len() == LISTED {
            return;
        }
        let value = match shown.filter(|_| !secret) {
            None => "Value".to_owned(),
            Some("null") if rule == "Member must not be null" => "Value null".to_owned(),
            Some(text) => format!("Value '{}'", shorten(text)),
        };
        self.listed.push(format!("{value} at '{}' failed to satisfy constraint: {rule}", self.path));
    }

    fn wrong_type(&self, value: &Value, expected: &str) -> InputError {
        let found = match value {
            Value::Null => "NULL_VALUE",
            Value::Bool(_) => "BOOLEAN_VALUE",
            Value::Number(_) => "NUMBER_VALUE",
            Value::String(_) => "STRING_VALUE",
            Value::Array(_) => "START_ARRAY",
            Value::Object(_) => "START_OBJECT",
        };
        let place =
            if self.path.is_empty() { "the request body".to_owned() } else { format!("'{}'", self.path) };
        InputError::Serialization {
            message: format!("{found} can not be converted to {expected} at {place}"),
        }
    }
}

/// The constraints a text breaks, in AWS's words.
fn text_rules(
    text: &str,
    length: Bounds,
    pattern: Option<&'static Pattern>,
    values: &'static [&'static str],
) -> Vec<String> {
    let mut broken = length_rules(text.chars().count(), length);
    if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(text)) {
        broken.push(format!("Member must satisfy regular expression pattern: {}", pattern.shown));
    }
    if !values.is_empty() && !values.contains(&text) {
        broken.push(format!("Member must satisfy enum value set: [{}]", values.join(", ")));
    }
    broken
}

fn length_rules(length: usize, bounds: Bounds) -> Vec<String> {
    rules(i64::try_from(length).unwrap_or(i64::MAX), bounds, "length")
}

fn rules(number: i64, bounds: Bounds, what: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if let Some(max) = bounds.max.filter(|max| number > *max) {
        broken.push(format!("Member must have {what} less than or equal to {max}"));
    }
    if let Some(min) = bounds.min.filter(|min| number < *min) {
        broken.push(format!("Member must have {what} greater than or equal to {min}"));
    }
    broken
}

/// A list of texts as AWS shows it, `[a, b]`; nothing for a list of structures.
fn shown_list(items: &[Value]) -> Option<String> {
    let mut texts = Vec::new();
    for item in items.iter().take(SHOWN) {
        texts.push(item.as_str()?);
    }
    Some(format!("[{}]", texts.join(", ")))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
