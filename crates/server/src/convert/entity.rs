//! Entities and their fields between the domain and the wire.

use indexmap::IndexMap;
use tidegate_core::entity::{EntityField, EntityGroup};
use tidegate_wire as wire;

/// Groups of entities as ListConnectorEntities tells them.
pub fn entity_map(groups: Vec<EntityGroup>) -> IndexMap<String, Vec<wire::ConnectorEntity>> {
    groups
        .into_iter()
        .map(|group| {
            let entities = group
                .entities
                .into_iter()
                .map(|entity| wire::ConnectorEntity {
                    name: entity.name,
                    label: Some(entity.label),
                    has_nested_entities: Some(entity.has_nested),
                })
                .collect();
            (group.name, entities)
        })
        .collect()
}

/// A field as DescribeConnectorEntity tells it.
pub fn field(field: EntityField) -> wire::ConnectorEntityField {
    let filter_operators = field
        .filter_operators
        .iter()
        .map(|name| name.parse().expect("connectors name operators of the model"))
        .collect();
    wire::ConnectorEntityField {
        identifier: field.identifier,
        parent_identifier: field.parent,
        label: Some(field.label),
        is_primary_key: Some(field.primary_key),
        default_value: field.default_value,
        is_deprecated: Some(false),
        supported_field_type_details: Some(wire::SupportedFieldTypeDetails {
            v1: wire::FieldTypeDetails {
                field_type: field.field_type,
                filter_operators,
                supported_values: (!field.supported_values.is_empty()).then_some(field.supported_values),
                value_regex_pattern: None,
                supported_date_format: None,
                field_value_range: None,
                #[expect(clippy::cast_precision_loss, reason = "the wire has lengths as doubles")]
                field_length_range: field.length.map(|length| wire::Range {
                    minimum: Some(*length.start() as f64),
                    maximum: Some(*length.end() as f64),
                }),
            },
        }),
        description: field.description,
        source_properties: Some(wire::SourceFieldProperties {
            is_retrievable: Some(true),
            is_queryable: Some(field.queryable),
            is_timestamp_field_for_incremental_queries: Some(field.timestamp),
        }),
        destination_properties: Some(wire::DestinationFieldProperties {
            is_nullable: Some(field.nullable),
            ..Default::default()
        }),
        custom_properties: (!field.custom.is_empty()).then(|| field.custom.into_iter().collect()),
    }
}
