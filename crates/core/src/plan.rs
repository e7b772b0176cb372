//! What a source is asked for: which part of the work is pushed down to it.

/// The comparison of a filter (the condition operators of a Filter task).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `EQUAL_TO`: equal to any of the values.
    Equal,
    /// `NOT_EQUAL_TO`: different from all of the values.
    NotEqual,
    /// `CONTAINS`: holds any of the values as a part.
    Contains,
    /// `LESS_THAN`
    Less,
    /// `LESS_THAN_OR_EQUAL_TO`
    LessOrEqual,
    /// `GREATER_THAN`
    Greater,
    /// `GREATER_THAN_OR_EQUAL_TO`
    GreaterOrEqual,
    /// `BETWEEN`: from the first value to the second, both included.
    Between,
}

impl Comparison {
    /// The operator's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "EQUAL_TO",
            Self::NotEqual => "NOT_EQUAL_TO",
            Self::Contains => "CONTAINS",
            Self::Less => "LESS_THAN",
            Self::LessOrEqual => "LESS_THAN_OR_EQUAL_TO",
            Self::Greater => "GREATER_THAN",
            Self::GreaterOrEqual => "GREATER_THAN_OR_EQUAL_TO",
            Self::Between => "BETWEEN",
        }
    }

    /// Reads an operator's name; `None` for one that is not a comparison.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Equal,
            Self::NotEqual,
            Self::Contains,
            Self::Less,
            Self::LessOrEqual,
            Self::Greater,
            Self::GreaterOrEqual,
            Self::Between,
        ]
        .into_iter()
        .find(|comparison| comparison.as_str() == text)
    }
}

/// One condition on one field. A record without a value (null) fulfils none,
/// not even `NOT_EQUAL_TO`: that is what SQL, OData and SOQL all do, so a
/// condition means the same pushed down or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The source's field.
    pub field: String,
    /// The operator.
    pub comparison: Comparison,
    /// `DATA_TYPE` of the task, in the connector's words, if it was given.
    pub data_type: Option<String>,
    /// The literals, as they were sent. `BETWEEN` has exactly two; the others
    /// have one or more, of which any may match. Dates and times may be epoch
    /// milliseconds or ISO 8601.
    pub values: Vec<String>,
}

/// What a source is asked to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRequest {
    /// The entity, in the connector's words (`objectPath` for SAP OData).
    pub entity: String,
    /// The fields that are wanted, in this order; `None` for all of them.
    pub fields: Option<Vec<String>>,
    /// Conditions, all of which must hold.
    pub filters: Vec<Filter>,
    /// Records a page at most, if the flow says so.
    pub page_size: Option<u32>,
    /// Pages in flight at most, if the flow says so.
    pub parallelism: Option<u32>,
    /// Whether to follow the entity's changes by the source's own means (SAP's
    /// delta tokens): without a cursor everything is read and the source begins
    /// to note changes; with one, only what changed since is read. The scan then
    /// tells the next cursor.
    pub track_changes: bool,
    /// The cursor of the last successful run, in the connector's own words. The
    /// same one may be given again after a run that failed.
    pub cursor: Option<String>,
    /// Whether fields and filters that the entity does not have are passed
    /// over; otherwise the first of them is an error.
    pub skip_missing: bool,
}
