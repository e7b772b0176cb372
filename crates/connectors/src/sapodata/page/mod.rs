//! One page of records: its JSON, decoded straight into Arrow columns.

mod cell;
mod decode;
mod removed;
mod torn;

pub use decode::{Changes, Decoder, Page, PageError};
pub use torn::peek_next;
