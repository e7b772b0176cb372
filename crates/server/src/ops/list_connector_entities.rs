//! ListConnectorEntities: asks the application behind a connection.

use tidegate_core::entity::{Entity, EntityGroup};
use tidegate_core::{Connection, ConnectionName};
use tidegate_wire as wire;

use super::context::Call;
use super::profile_rules::refused;
use super::update_connector_profile::find;
use crate::convert::entity::entity_map;
use crate::convert::page::Page;
use crate::convert::profile::connector_type;
use crate::error::ApiError;

const KIND: &str = "entities";

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::ListConnectorEntitiesRequest,
) -> Result<wire::ListConnectorEntitiesResponse, ApiError> {
    let page = Page::read(KIND, input.max_results, input.next_token.as_deref())?;
    let kind = input.connector_type.and_then(wire::OrEmpty::get);
    let connection = named(&call, input.connector_profile_name.as_deref(), kind).await?;
    let path = input.entities_path.as_deref().filter(|path| !path.is_empty());
    let groups = call.app.list_entities(&connection, path).await?;

    let mut rows: Vec<(usize, String, Entity)> = groups
        .iter()
        .flat_map(|group| group.entities.iter().map(|entity| (group.name.clone(), entity.clone())))
        .enumerate()
        .map(|(index, (group, entity))| (index, group, entity))
        .collect();
    if let Some(after) = page.after.as_deref().and_then(|after| after.parse::<usize>().ok()) {
        rows.retain(|(index, ..)| *index > after);
    }
    let next_token = page.cut(KIND, &mut rows, |(index, ..)| index.to_string());
    let mut groups: Vec<EntityGroup> = Vec::new();
    for (_, name, entity) in rows {
        match groups.last_mut() {
            Some(group) if group.name == name => group.entities.push(entity),
            _ => groups.push(EntityGroup { name, entities: vec![entity] }),
        }
    }
    Ok(wire::ListConnectorEntitiesResponse { connector_entity_map: entity_map(groups), next_token })
}

/// The connection that a metadata call names.
///
/// # Errors
/// When it names none (only a type), when there is none of that name, or when
/// it is of another type than the call says.
pub async fn named(
    call: &Call,
    name: Option<&str>,
    kind: Option<wire::ConnectorType>,
) -> Result<Connection, ApiError> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        if let Some(kind) = kind {
            call.app.readers.get(connector_type(kind))?;
        }
        return Err(refused(&[
            "connectorProfileName cannot be blank: the entities are asked of an application, \
                              and a connection says which"
                .to_owned(),
        ]));
    };
    let name = ConnectionName::new(name);
    let connection = find(call, &name).await?;
    match kind.map(connector_type) {
        Some(kind) if kind != connection.connector_type => Err(refused(&[format!(
            "the connection {name} is of type {}, not {}",
            connection.connector_type.as_str(),
            kind.as_str()
        )])),
        _ => Ok(connection),
    }
}
