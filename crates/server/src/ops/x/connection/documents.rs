//! The two documents of a connection that is made from another one: what is
//! given, what is kept, and both together.

use serde_json::{Map, Value, json};
use tidegate_core::description::Description;
use tidegate_core::{Connection, ConnectionMode, OpenConnection, Secret};
use tidegate_wire as wire;

use crate::convert::profile::mode_name;
use crate::error::ApiError;
use crate::ops::profile_rules::{needs_credentials, refused};

/// A document in which nothing stands.
pub fn is_empty(document: &Value) -> bool {
    document.as_object().is_none_or(Map::is_empty)
}

/// A document under the key of its connector's type.
pub fn union(connection: &Connection, document: Value) -> Value {
    let mut union = Map::new();
    union.insert(connection.connector_type.union_key().to_owned(), document);
    Value::Object(union)
}

/// Lays one document over another, member by member.
pub fn overlay(mut below: Value, above: Value) -> Value {
    match (&mut below, above) {
        (Value::Object(members), Value::Object(over)) => {
            for (name, value) in over {
                let merged = match members.shift_remove(&name) {
                    Some(old) => overlay(old, value),
                    None => value,
                };
                members.insert(name, merged);
            }
            below
        }
        (_, above) => above,
    }
}

/// The inner documents that were given, from below the key of the type.
///
/// # Errors
/// A key that does not belong to the connection's type.
pub fn given(
    connection: &Connection,
    properties: Option<&Value>,
    credentials: Option<&Secret<Value>>,
) -> Result<(Value, Option<Secret<Value>>), ApiError> {
    let key = connection.connector_type.union_key();
    let objects = [
        ("connectorProfileProperties", properties),
        ("connectorProfileCredentials", credentials.map(Secret::expose)),
    ];
    for (name, union) in objects {
        if union.is_some_and(|union| !union.is_object()) {
            return Err(ApiError::validation(format!("{name} must be a JSON object with the member {key}.")));
        }
    }
    // Without properties the connection's own are meant, and they fit.
    let own = union(connection, connection.properties.clone());
    let parts = crate::app::description_of(connection)
        .check_union(
            connection.connector_label.as_deref(),
            Some(properties.unwrap_or(&own)),
            credentials.map(Secret::expose),
        )
        .map_err(|findings| refused(&findings))?;
    if credentials.is_some() && parts.credentials.is_none() {
        return Err(refused(&[format!("connectorProfileCredentials belong under the key {key}")]));
    }
    Ok((parts.properties, parts.credentials.map(|document| Secret::new(document.clone()))))
}

/// The wire's own rules (names, lengths, patterns) on documents as they would be
/// stored. Gives them without members that the API does not know.
///
/// # Errors
/// `ValidationException`, as CreateConnectorProfile has it.
pub fn by_the_wire(
    target: &Connection,
    credentials: Secret<Value>,
) -> Result<(Value, Secret<Value>), ApiError> {
    let mut input = json!({
        "connectorProfileName": target.name.as_str(),
        "connectorType": target.connector_type.as_str(),
        "connectionMode": mode_name(target.mode),
        "connectorProfileConfig": {"connectorProfileProperties": union(target, target.properties.clone())},
    });
    if !is_empty(credentials.expose()) {
        input["connectorProfileConfig"]["connectorProfileCredentials"] =
            union(target, credentials.into_inner());
    }
    let mut input = wire::validate_input(wire::Operation::CreateConnectorProfile, input)?;
    let key = target.connector_type.union_key();
    let config = &mut input["connectorProfileConfig"];
    let properties = config["connectorProfileProperties"][key].take();
    let credentials = match config.get_mut("connectorProfileCredentials") {
        Some(union) => Secret::new(union[key].take()),
        None => Secret::new(Value::Object(Map::new())),
    };
    Ok((properties, credentials))
}

/// The stored members that are kept, as a document of their own.
///
/// # Errors
/// Paths that name nothing which is stored, and any path at all when the
/// properties that decide where credentials go have changed.
pub fn keep(
    description: &Description,
    stored: &OpenConnection,
    properties: &Value,
    paths: &[String],
) -> Result<Secret<Value>, ApiError> {
    let unknown = |unknown: Vec<String>| {
        refused(&[format!(
            "keepCredentials names what the stored credentials do not hold: {}. They hold: {}",
            unknown.join(", "),
            description.held_paths(stored.credentials.expose()).join(", ")
        )])
    };
    let kept = description.kept(stored.credentials.expose(), paths).map_err(unknown).map(Secret::new)?;
    if !paths.is_empty() {
        same_destination(description, stored, properties)?;
    }
    Ok(kept)
}

/// Checks that properties name the place that the stored credentials were given for.
///
/// # Errors
/// The properties that differ, in the words of UpdateConnectorProfile.
pub fn same_destination(
    description: &Description,
    stored: &OpenConnection,
    properties: &Value,
) -> Result<(), ApiError> {
    let changes = description.destination_changes(&stored.connection.properties, properties);
    if changes.is_empty() { Ok(()) } else { Err(needs_credentials(&changes)) }
}

/// Checks that no kept entry of a free map gets under a new host.
///
/// # Errors
/// The entries of the same map that differ from the stored ones.
pub fn check_maps(
    description: &Description,
    stored: &OpenConnection,
    paths: &[String],
    new: &Value,
) -> Result<(), ApiError> {
    let changes = description.map_changes(stored.credentials.expose(), paths, new);
    if changes.is_empty() {
        return Ok(());
    }
    Err(refused(&[format!(
        "stored entries of a map of credentials are kept only if the entries beside them stay as they are, because \
         any of those may say where the secrets are sent. These differ: {}. Give all entries of the map anew, or \
         keep these too",
        changes.join(", ")
    )]))
}

/// Reads a `connectionMode`.
///
/// # Errors
/// Any other word.
pub fn mode(text: &str) -> Result<ConnectionMode, ApiError> {
    text.parse()
        .map(crate::convert::profile::connection_mode)
        .map_err(|_| ApiError::validation("connectionMode must be Public or Private."))
}
