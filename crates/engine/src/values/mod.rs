//! Values between types and texts.
//!
//! Everything that the formats, the masks and the conversions need to know
//! about a value is here: [`cells`] turns a column's values into text,
//! [`convert`] turns text into values of a type, [`json`] and [`time`] know
//! the spellings. A [`kernel`] is a function of them inside a plan.

pub(crate) mod cells;
pub(crate) mod compute;
pub(crate) mod convert;
pub(crate) mod json;
pub(crate) mod kernel;
pub(crate) mod time;
