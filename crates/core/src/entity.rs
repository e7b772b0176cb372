//! What a connector tells of the objects it can read and write.

use std::ops::RangeInclusive;

/// One entry of a list of entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The name that requests use; for a nested one, its whole path.
    pub name: String,
    /// The name for people.
    pub label: String,
    /// Whether listing with this name as `entitiesPath` gives more.
    pub has_nested: bool,
}

/// Entities under the heading that the console shows, such as `Objects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityGroup {
    /// The heading.
    pub name: String,
    /// In the vendor's order.
    pub entities: Vec<Entity>,
}

/// One field of an entity, with what DescribeConnectorEntity tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityField {
    /// The field's identifier in requests.
    pub identifier: String,
    /// The identifier of the structured field that holds this one.
    pub parent: Option<String>,
    /// The name for people.
    pub label: String,
    /// What it means, if the vendor says so.
    pub description: Option<String>,
    /// The type in the connector's own words, such as `Edm.String`.
    pub field_type: String,
    /// Whether it is part of the key.
    pub primary_key: bool,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// Whether the vendor accepts it in a filter.
    pub queryable: bool,
    /// Whether an incremental run may use it as its time.
    pub timestamp: bool,
    /// The operators (`EQUAL_TO`, …) that a filter on it may use.
    pub filter_operators: Vec<&'static str>,
    /// Lengths of a text, in characters.
    pub length: Option<RangeInclusive<i64>>,
    /// The values that it may have, if the vendor limits them.
    pub supported_values: Vec<String>,
    /// The vendor's default.
    pub default_value: Option<String>,
    /// Precision, scale and other facts, as the vendor names them.
    pub custom: Vec<(String, String)>,
}
