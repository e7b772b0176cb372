//! What is known of each operation, and which one a request names.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::generated::ops::ROWS;
use crate::schema::{Kind, Location, Shape};
use crate::{ErrorKind, InputError, Operation};

/// One line of the generated operation table.
#[derive(Debug)]
pub struct Row {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) uri: &'static str,
    pub(crate) family: &'static str,
    pub(crate) input: &'static Shape,
    pub(crate) output: &'static Shape,
    pub(crate) errors: &'static [ErrorKind],
}

/// The operation a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'p> {
    /// The operation.
    pub operation: Operation,
    /// Parts of the path that carry members, by name, still percent-encoded.
    pub path_params: Vec<(&'static str, &'p str)>,
}

impl Operation {
    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Name in the model, as authorisation and logs spell it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// HTTP method.
    pub fn method(self) -> &'static str {
        self.row().method
    }

    /// Path, with its parameter in braces.
    pub fn uri(self) -> &'static str {
        self.row().uri
    }

    /// The generated module its shapes live in.
    pub fn family(self) -> &'static str {
        self.row().family
    }

    /// Shape of its input.
    pub fn input(self) -> &'static Shape {
        self.row().input
    }

    /// Shape of its output.
    pub fn output(self) -> &'static Shape {
        self.row().output
    }

    /// Errors it declares, the additions of `spec/patches.json` included.
    pub fn errors(self) -> &'static [ErrorKind] {
        self.row().errors
    }

    /// Names of the query-string parameters that carry members.
    pub fn query_members(self) -> impl Iterator<Item = &'static str> {
        self.input().members().iter().filter_map(|member| match member.location {
            Location::Query(name) => Some(name),
            Location::Body | Location::Uri(_) => None,
        })
    }

    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }
}

/// Finds the operation of a request by its method and its raw path, without the query string.
///
/// A parameter stands at the end of a path and takes everything there, because clients send an ARN both as one
/// percent-encoded segment and with its colons and slashes as they are.
pub fn match_route<'p>(method: &str, raw_path: &'p str) -> Option<Match<'p>> {
    Operation::ALL.iter().copied().filter(|operation| operation.method() == method).find_map(|operation| {
        let path_params = match operation.uri().split_once('{') {
            None => (operation.uri() == raw_path).then(Vec::new)?,
            Some((prefix, parameter)) => {
                let rest = raw_path.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
                vec![(parameter.trim_end_matches('}'), rest)]
            }
        };
        Some(Match { operation, path_params })
    })
}

impl Match<'_> {
    /// Puts the input together from body, path and query string, ready for [`crate::validate_input`].
    ///
    /// Path and query are decoded once. A body that is no object is given back as it is, so that validation refuses it.
    ///
    /// # Errors
    /// [`InputError::Serialization`] when the path or a query parameter is not UTF-8 once decoded.
    pub fn input(&self, query: &str, body: Value) -> Result<Value, InputError> {
        let mut input = match body {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            other => return Ok(other),
        };
        for member in self.operation.input().members() {
            let value = match member.location {
                Location::Body => continue,
                Location::Uri(name) => {
                    let raw = self.path_params.iter().find(|(param, _)| *param == name);
                    raw.map(|(_, raw)| decode(raw, member.name)).transpose()?.map(Value::String)
                }
                Location::Query(name) => {
                    let mut values = query_values(query, name, member.name)?;
                    match member.shape.kind {
                        Kind::List { .. } if values.is_empty() => None,
                        Kind::List { .. } => Some(Value::Array(values)),
                        _ => values.pop(),
                    }
                }
            };
            match value {
                Some(value) => input.insert(member.name.to_owned(), value),
                None => input.remove(member.name),
            };
        }
        Ok(Value::Object(input))
    }
}

/// Every value of a query parameter, in order.
fn query_values(query: &str, name: &str, member: &str) -> Result<Vec<Value>, InputError> {
    let mut values = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if form_decode(key, member)? == name {
            values.push(Value::String(form_decode(value, member)?));
        }
    }
    Ok(values)
}

/// Decodes a part of a query string, where `+` is a space.
fn form_decode(raw: &str, member: &str) -> Result<String, InputError> {
    decode(&raw.replace('+', "%20"), member)
}

fn decode(raw: &str, member: &str) -> Result<String, InputError> {
    let decoded = percent_decode_str(raw).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| InputError::Serialization {
        message: format!("The value of '{member}' in the request line is not UTF-8"),
    })
}
