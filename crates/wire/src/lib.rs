//! The Amazon AppFlow wire protocol: typed shapes, operation table, input validation, errors.
//!
//! Everything in `generated` is written by `cargo xtask codegen` from `spec/`; the rest of the crate gives it meaning.
//! The path of a request: [`match_route`] finds the operation, [`parse_body`] reads the body, [`Match::input`] adds path
//! and query string, [`validate_input`] checks and prunes, [`parse`] gives the typed input.

mod generated;
mod input;
mod macros;
mod operation;
pub mod schema;
mod secrets;
mod time;
mod validate;
mod value;

pub use generated::errors::ErrorKind;
pub use generated::ops::Operation;
pub use generated::types;
pub use generated::types::*;
pub use input::{Input, InputError, Output, parse, parse_body};
pub use operation::{Match, match_route};
pub use secrets::{redact, secret_values};
pub use time::{Timestamp, TimestampError};
pub use validate::validate_input;
pub use value::{Known, OrEmpty, UnknownValue};
