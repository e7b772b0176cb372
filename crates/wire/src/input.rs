//! From the bytes of a body to a typed input, and what can be wrong on the way.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{ErrorKind, Operation, validate_input};

/// The typed input of an operation.
pub trait Input: DeserializeOwned {
    /// What the operation answers.
    type Output: Output;
    /// The operation.
    const OPERATION: Operation;
}

/// The typed output of an operation.
pub trait Output: Serialize {}

/// An input that the API refuses. Neither message holds the value of a secret member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The body is not JSON, or a member has the wrong JSON type.
    #[error("{message}")]
    Serialization {
        /// What is wrong and where.
        message: String,
    },
    /// The input breaks constraints of the model.
    #[error("{message}")]
    Validation {
        /// The constraints and where they are broken, in AWS's words.
        message: String,
    },
}

impl InputError {
    /// The kind of error the API answers with.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Serialization { .. } => ErrorKind::Serialization,
            Self::Validation { .. } => ErrorKind::Validation,
        }
    }
}

/// Reads a request body. An empty body is an empty object, as AWS takes it.
///
/// # Errors
/// [`InputError::Serialization`] when the bytes are not UTF-8 or not one JSON document of bounded depth.
pub fn parse_body(body: &[u8]) -> Result<Value, InputError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    let refused = |message| InputError::Serialization { message };
    let text = std::str::from_utf8(body).map_err(|_| refused("The request body is not UTF-8".to_owned()))?;
    // The text of a syntax error names a place, never a piece of the body.
    serde_json::from_str(text)
        .map_err(|error| refused(format!("The request body is not valid JSON: {error}")))
}

/// Validates an input and makes it typed.
///
/// # Errors
/// As [`validate_input`].
pub fn parse<T: Input>(value: Value) -> Result<T, InputError> {
    let value = validate_input(T::OPERATION, value)?;
    // serde's own text can quote a value, so it is not passed on; tests show that valid inputs never get here.
    serde_json::from_value(value).map_err(|_| InputError::Serialization {
        message: format!("The request body is no valid input of {}", T::OPERATION.name()),
    })
}
