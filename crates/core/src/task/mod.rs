//! The tasks of a flow: what happens to the records between source and destination.

mod parse;

pub use parse::parse;

use crate::plan::Filter;

/// A task as it stands in a definition, before anything is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawTask {
    /// `taskType`
    pub task_type: String,
    /// `sourceFields`
    pub source_fields: Vec<String>,
    /// The value under the source connector's key of `connectorOperator`.
    pub operator: Option<String>,
    /// `destinationField`
    pub destination_field: Option<String>,
    /// `taskProperties`, in the order in which they were sent.
    pub properties: Vec<(String, String)>,
}

/// A task that is understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Filter with `PROJECTION`: the fields that the flow may use.
    Projection {
        /// In the order in which they were sent.
        fields: Vec<String>,
    },
    /// Filter with a condition.
    Filter(Filter),
    /// Map: one source field becomes one destination field.
    Map {
        /// The source's field.
        source: String,
        /// The destination's field.
        destination: String,
        /// `SOURCE_DATA_TYPE`
        source_type: Option<String>,
        /// `DESTINATION_DATA_TYPE`
        destination_type: Option<String>,
    },
    /// Map_all: every source field under its own name.
    MapAll {
        /// `EXCLUDE_SOURCE_FIELDS_LIST`
        exclude: Vec<String>,
    },
    /// Mask: the field's text is covered, in place.
    Mask {
        /// The source's field.
        field: String,
        /// Which part is covered.
        part: MaskPart,
        /// `MASK_VALUE`
        character: char,
    },
}

/// Which part of a text a Mask task covers; counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskPart {
    /// `MASK_ALL`: the text becomes this many mask characters, whatever its length.
    All(u32),
    /// `MASK_FIRST_N`
    First(u32),
    /// `MASK_LAST_N`
    Last(u32),
}

impl Task {
    /// The source fields that the task names.
    pub fn source_fields(&self) -> Vec<&str> {
        match self {
            Self::Projection { fields } => fields.iter().map(String::as_str).collect(),
            Self::Filter(filter) => vec![&filter.field],
            Self::Map { source, .. } => vec![source],
            Self::MapAll { .. } => Vec::new(),
            Self::Mask { field, .. } => vec![field],
        }
    }
}
