//! The tasks of a flow: what happens to the records between source and destination.

mod parse;

use serde::{Deserialize, Serialize};

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
        /// The source's field, or a computed one.
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
        /// `INCLUDE_NEW_FIELDS`: also fields that the projection does not name.
        include_new: bool,
    },
    /// Merge: the texts of several fields as one.
    Merge {
        /// The fields, source's or computed.
        fields: Vec<String>,
        /// The computed field's name.
        name: String,
        /// `CONCAT_FORMAT`, understood.
        format: Vec<MergePiece>,
    },
    /// Arithmetic: one number of two.
    Arithmetic {
        /// The operation.
        operator: ArithmeticOperator,
        /// The field left of the operator, source's or computed.
        left: String,
        /// The field right of it.
        right: String,
        /// The computed field's name.
        name: String,
        /// `SOURCE_DATA_TYPE`
        source_type: Option<String>,
        /// `DESTINATION_DATA_TYPE`
        destination_type: Option<String>,
    },
    /// Mask: the field's text is covered, in place.
    Mask {
        /// The field, source's or computed.
        field: String,
        /// Which part is covered.
        part: MaskPart,
        /// `MASK_VALUE`
        character: char,
    },
    /// Truncate: the field's text is cut, in place.
    Truncate {
        /// The field, source's or computed.
        field: String,
        /// `TRUNCATE_LENGTH`: characters that are kept.
        length: u32,
    },
    /// Validate: a record that fails is skipped, or ends the run.
    Validate {
        /// The source's field.
        field: String,
        /// What is asked of its value.
        check: ValidationCheck,
        /// `VALIDATION_ACTION`
        action: ValidationAction,
    },
    /// Partition: destination fields whose values become folders.
    Partition {
        /// From the outermost folder to the innermost.
        keys: Vec<String>,
    },
    /// Passthrough: the source's lines, untouched.
    Passthrough,
}

/// A piece of what a Merge task writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MergePiece {
    /// As it stands.
    Text(String),
    /// The value of the task's field at a place, counted from 0.
    Field(usize),
}

/// The operators of an Arithmetic task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOperator {
    /// `ADDITION`
    Add,
    /// `SUBTRACTION`
    Subtract,
    /// `MULTIPLICATION`
    Multiply,
    /// `DIVISION`
    Divide,
}

impl ArithmeticOperator {
    /// The operator's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADDITION",
            Self::Subtract => "SUBTRACTION",
            Self::Multiply => "MULTIPLICATION",
            Self::Divide => "DIVISION",
        }
    }
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

/// What a Validate task asks of a value. A missing value fails `NonNull` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValidationCheck {
    /// `VALIDATE_NON_NULL`: it is there.
    NonNull,
    /// `VALIDATE_NON_ZERO`: it is not the number zero.
    NonZero,
    /// `VALIDATE_NON_NEGATIVE`: it is no number below zero.
    NonNegative,
    /// `VALIDATE_NUMERIC`: it is a number.
    Numeric,
}

impl ValidationCheck {
    /// The operator's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonNull => "VALIDATE_NON_NULL",
            Self::NonZero => "VALIDATE_NON_ZERO",
            Self::NonNegative => "VALIDATE_NON_NEGATIVE",
            Self::Numeric => "VALIDATE_NUMERIC",
        }
    }

    /// Reads an operator's name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::NonNull, Self::NonZero, Self::NonNegative, Self::Numeric]
            .into_iter()
            .find(|check| check.as_str() == text)
    }
}

/// What becomes of a record that fails a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValidationAction {
    /// `DropRecord`: it is skipped and counted.
    DropRecord,
    /// `DropDataset`: the run ends with an error.
    DropDataset,
}

/// What becomes of a value that does not convert or compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnBadValue {
    /// The run ends with an error that names the field.
    #[default]
    Fail,
    /// The record is left out; it goes to the error file where there is one.
    Drop,
    /// The value is left out: it becomes null.
    Null,
}

/// What becomes of a task's field that the source does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnMissingField {
    /// The run ends with an error that names the field.
    #[default]
    Fail,
    /// It is null in every record.
    Null,
}

/// How a flow treats what does not fit; not part of AppFlow's API, so the
/// flow's tags carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Tag [`Policies::ON_BAD_VALUE`].
    pub on_bad_value: OnBadValue,
    /// Tag [`Policies::ON_MISSING_FIELD`].
    pub on_missing_field: OnMissingField,
}

impl Policies {
    /// The tag that says what becomes of a bad value: `fail`, `drop` or `null`.
    pub const ON_BAD_VALUE: &'static str = "tidegate:on-bad-value";
    /// The tag that says what becomes of a missing field: `fail` or `null`.
    pub const ON_MISSING_FIELD: &'static str = "tidegate:on-missing-field";

    /// Reads the tags of a flow; `default` is what becomes of a bad value
    /// when they say nothing.
    ///
    /// # Errors
    ///
    /// A finding for each tag whose value is none of the known ones.
    pub fn from_tags<'a>(
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
        default: OnBadValue,
    ) -> Result<Self, Vec<String>> {
        let mut policies = Self { on_bad_value: default, ..Self::default() };
        let mut findings = Vec::new();
        for (key, value) in tags {
            match (key, value) {
                (Self::ON_BAD_VALUE, "fail") => policies.on_bad_value = OnBadValue::Fail,
                (Self::ON_BAD_VALUE, "drop") => policies.on_bad_value = OnBadValue::Drop,
                (Self::ON_BAD_VALUE, "null") => policies.on_bad_value = OnBadValue::Null,
                (Self::ON_MISSING_FIELD, "fail") => policies.on_missing_field = OnMissingField::Fail,
                (Self::ON_MISSING_FIELD, "null") => policies.on_missing_field = OnMissingField::Null,
                (Self::ON_BAD_VALUE, _) => findings.push(format!("The tag {key} must be fail, drop or null")),
                (Self::ON_MISSING_FIELD, _) => findings.push(format!("The tag {key} must be fail or null")),
                _ => {}
            }
        }
        if findings.is_empty() { Ok(policies) } else { Err(findings) }
    }
}

impl Task {
    /// The fields that the task names, the source's and computed ones.
    pub fn named_fields(&self) -> Vec<&str> {
        match self {
            Self::Projection { fields } | Self::Merge { fields, .. } => {
                fields.iter().map(String::as_str).collect()
            }
            Self::Filter(filter) => vec![&filter.field],
            Self::Map { source, .. } => vec![source],
            Self::Arithmetic { left, right, .. } => vec![left, right],
            Self::Mask { field, .. } | Self::Truncate { field, .. } | Self::Validate { field, .. } => {
                vec![field]
            }
            Self::MapAll { .. } | Self::Partition { .. } | Self::Passthrough => Vec::new(),
        }
    }

    /// The name of the field that the task computes, if it is of that kind.
    pub fn computed(&self) -> Option<&str> {
        match self {
            Self::Merge { name, .. } | Self::Arithmetic { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// The source fields that tasks name, each once: those of the projections
/// first, then in the order in which they stand.
pub fn source_fields(tasks: &[Task]) -> Vec<&str> {
    let (first, rest): (Vec<&Task>, Vec<&Task>) =
        tasks.iter().partition(|task| matches!(task, Task::Projection { .. }));
    let mut fields: Vec<&str> = Vec::new();
    for task in first.into_iter().chain(rest) {
        // What is filtered and validated are the source's fields; the other
        // tasks may read what one of them computes, and the CDK writes that
        // into the projection as well.
        let may_be_computed = !matches!(task, Task::Filter(_) | Task::Validate { .. });
        for name in task.named_fields() {
            let is_computed = may_be_computed
                && tasks.iter().any(|other| !std::ptr::eq(other, task) && other.computed() == Some(name));
            if !is_computed && !fields.contains(&name) {
                fields.push(name);
            }
        }
    }
    fields
}
