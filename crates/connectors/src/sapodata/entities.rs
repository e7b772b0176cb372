//! Answers ListConnectorEntities and DescribeConnectorEntity from metadata.

use tidegate_core::ConnectorError;
use tidegate_core::entity::{Entity, EntityField, EntityGroup};

use super::catalog;
use super::changes::{CHANGE_MODE, Tracking};
use super::client::Client;
use super::columns::{Kind, kind_of};
use super::filter::operators;
use super::metadata::{EntitySet, Metadata, Property, Scale, StructuredType};
use super::target::Target;

/// Lists what is below a path: without one, the services of a catalogue or the
/// entity sets of the connection's service; with one, the entity sets of the
/// service at that path.
pub(super) async fn list(client: &Client, path: Option<&str>) -> Result<Vec<EntityGroup>, ConnectorError> {
    let root = client.root().path().to_owned();
    let service = match path.map(str::trim).filter(|path| !path.is_empty()) {
        None => {
            let (_, metadata) = client.metadata(&root).await?;
            if let Some(entities) = catalog::services(client, &metadata).await? {
                return Ok(vec![EntityGroup { name: "Services".to_owned(), entities }]);
            }
            return Ok(vec![EntityGroup { name: "Objects".to_owned(), entities: sets(&metadata, None) }]);
        }
        Some(path) if path.starts_with('/') => path.trim_end_matches('/').to_owned(),
        Some(path) => format!("{root}/{}", path.trim_end_matches('/')),
    };
    let (_, metadata) = client.metadata(&service).await?;
    let entities = sets(&metadata, Some(&service));
    Ok(vec![EntityGroup { name: "Objects".to_owned(), entities }])
}

/// The entity sets that can be read as a whole.
fn sets(metadata: &Metadata, service: Option<&str>) -> Vec<Entity> {
    metadata
        .sets
        .iter()
        .filter(|set| set.addressable)
        .map(|set| Entity {
            name: match service {
                Some(service) => format!("{service}/{}", set.name),
                None => set.name.clone(),
            },
            label: set.label.clone().unwrap_or_else(|| set.name.clone()),
            has_nested: false,
        })
        .collect()
}

/// Describes the fields of an entity. Fields of a complex type follow it and
/// name it as their parent; they come with it and cannot be asked for alone.
pub(super) async fn describe(client: &Client, entity: &str) -> Result<Vec<EntityField>, ConnectorError> {
    let target = Target::parse(client.root().path(), entity)?;
    let (_, metadata) = client.metadata(&target.service).await?;
    let (set, entity) = target.resolve(&metadata)?;
    let mut fields = Vec::new();
    for property in &entity.properties {
        add(&metadata, set, entity, property, None, &mut fields);
    }
    // The wire has no place for facts of the entity, so its key tells them.
    if let Some(tracking) = Tracking::of(&metadata, set) {
        for field in fields.iter_mut().filter(|field| field.primary_key) {
            field.custom.push(("changeTracking".to_owned(), tracking.as_str().to_owned()));
        }
        if tracking == Tracking::DeltaLinks && entity.property(CHANGE_MODE).is_none() {
            fields.push(change_mode());
        }
    }
    Ok(fields)
}

/// The column that V4 does not have: what became of a record.
fn change_mode() -> EntityField {
    EntityField {
        identifier: CHANGE_MODE.to_owned(),
        parent: None,
        label: "Change mode".to_owned(),
        description: Some(
            "C for a record of a full load, U for one that was created or changed since, D for one that was deleted: \
             of that only the key is known."
                .to_owned(),
        ),
        field_type: "Edm.String".to_owned(),
        primary_key: false,
        nullable: false,
        queryable: true,
        timestamp: false,
        filter_operators: vec!["EQUAL_TO", "NOT_EQUAL_TO"],
        length: Some(1..=1),
        supported_values: ["C", "U", "D"].map(str::to_owned).to_vec(),
        default_value: None,
        custom: Vec::new(),
    }
}

fn add(
    metadata: &Metadata,
    set: Option<&EntitySet>,
    owner: &StructuredType,
    property: &Property,
    parent: Option<&str>,
    fields: &mut Vec<EntityField>,
) {
    let Some(kind) = kind_of(metadata, property) else { return };
    let refused =
        property.not_filterable || set.is_some_and(|set| set.not_filterable.contains(&property.name));
    let edm_type = metadata.underlying(&property.edm_type);
    // A duration is a text to us, and texts tell nothing of its length: `PT60M` is `PT1H`.
    let no_operators = edm_type != property.edm_type || edm_type == "Edm.Duration";
    let filter_operators =
        if refused || no_operators || parent.is_some() { Vec::new() } else { operators(kind) };
    let mut custom = Vec::new();
    if let Some(precision) = property.precision {
        custom.push(("precision".to_owned(), precision.to_string()));
    }
    match property.scale {
        Some(Scale::Fixed(digits)) => custom.push(("scale".to_owned(), digits.to_string())),
        Some(Scale::Variable) => custom.push(("scale".to_owned(), "variable".to_owned())),
        None => {}
    }
    if let Some(format) = &property.display_format {
        custom.push(("displayFormat".to_owned(), format.clone()));
    }
    let identifier = match parent {
        Some(parent) => format!("{parent}/{}", property.name),
        None => property.name.clone(),
    };
    fields.push(EntityField {
        identifier: identifier.clone(),
        parent: parent.map(str::to_owned),
        label: property.label.clone().unwrap_or_else(|| property.name.clone()),
        description: property.description.clone(),
        field_type: property.edm_type.clone(),
        primary_key: parent.is_none() && owner.key.contains(&property.name),
        nullable: property.nullable,
        queryable: !filter_operators.is_empty(),
        timestamp: parent.is_none() && !refused && matches!(kind, Kind::Timestamp(_) | Kind::Date),
        filter_operators,
        length: property.max_length.map(|max| 0..=max),
        supported_values: Vec::new(),
        default_value: property.default_value.clone(),
        custom,
    });
    // A complex type may hold itself; two levels down nobody maps fields by hand.
    let depth = identifier.matches('/').count();
    if let Some(inner) = metadata.types.get(&property.edm_type).filter(|_| depth < 3) {
        for property in &inner.properties {
            add(metadata, None, inner, property, Some(&identifier), fields);
        }
    }
}
