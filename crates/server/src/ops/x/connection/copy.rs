//! Copy: a connection under a new name; its secrets never leave the server.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_core::description::{Description, Kind};
use tidegate_core::{Connection, ConnectionName, Credentials, OpenConnection, Secret};
use tidegate_wire as wire;

use super::documents::{by_the_wire, check_maps, given, is_empty, keep, mode, overlay, same_destination};
use crate::app::described;
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::create_connector_profile::create;
use crate::ops::profile_rules::{check_documents, needs_credentials, refused};
use crate::ops::update_connector_profile::opened;

/// What to copy, and what the copy has otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyInput {
    source_connector_profile_name: String,
    connector_profile_name: String,
    /// Wire paths and their new values.
    #[serde(default)]
    set: Map<String, Value>,
    /// All properties of the copy, in place of `set`.
    connector_profile_properties: Option<Value>,
    /// That of the source when it is left out.
    connection_mode: Option<String>,
    /// As in CreateConnectorProfile; laid over what the copy carries.
    connector_profile_credentials: Option<Secret<Value>>,
    /// Which stored members the copy carries, by path. Left out, it carries all
    /// that are not OAuth's.
    keep_credentials: Option<Vec<String>>,
}

/// Copies a connection. Its properties and its sealed credentials that are not
/// OAuth's are carried over inside the server; OAuth client ids, client
/// secrets and tokens are not, and must be supplied anew: two connections that
/// share a rotating token would invalidate each other's.
pub async fn run(call: Call, input: CopyInput) -> Result<wire::CreateConnectorProfileResponse, ApiError> {
    let name = ConnectionName::new(input.source_connector_profile_name);
    let source = opened(&call, &name).await?;
    let description = described(&source.connection);
    let (whole, new) = given(
        &source.connection,
        input.connector_profile_properties.as_ref(),
        input.connector_profile_credentials.as_ref(),
    )?;
    if input.connector_profile_properties.is_some() && !input.set.is_empty() {
        return Err(refused(&["set and connectorProfileProperties exclude each other".to_owned()]));
    }
    let target = Connection {
        name: ConnectionName::new(input.connector_profile_name),
        mode: input.connection_mode.as_deref().map_or(Ok(source.connection.mode), mode)?,
        properties: assign(description, &whole, &input.set)?,
        credentials_arn: None,
        credentials_version: 0,
        ..source.connection.clone()
    };
    let document = match &input.keep_credentials {
        None => carried(description, &source, &target.properties, new)?,
        Some(paths) => chosen(description, &source, &target.properties, paths, new)?,
    };
    // The wire's own rules (lengths, patterns, the name) hold for a copy too.
    let (mut properties, document) = by_the_wire(&target, document)?;
    description.normalise(&mut properties);
    if let Some(paths) = input.keep_credentials.as_ref().filter(|paths| !paths.is_empty()) {
        // Once more, on the very properties that will be stored.
        same_destination(description, &source, &properties)?;
        check_maps(description, &source, paths, document.expose())?;
    }
    let has_some = !is_empty(document.expose());
    check_documents(target.connector_type, &properties, has_some.then(|| document.expose()))?;
    let credentials = has_some.then(|| Credentials::new(document.into_inner()));
    create(&call, Connection { properties, ..target }, credentials).await
}

/// What a copy holds that is not told what to keep.
fn carried(
    description: &Description,
    source: &OpenConnection,
    properties: &Value,
    new: Option<Secret<Value>>,
) -> Result<Secret<Value>, ApiError> {
    let changes = description.destination_changes(&source.connection.properties, properties);
    if source.connection.credentials_version > 0 && !changes.is_empty() && new.is_none() {
        return Err(needs_credentials(&changes));
    }
    // A copy that goes elsewhere carries no credential at all.
    if !changes.is_empty() {
        return Ok(new.unwrap_or_else(|| Secret::new(Value::Object(Map::new()))));
    }
    let missing = description.needs_anew(source.credentials.expose());
    if new.is_none() && !missing.is_empty() {
        return Err(refused(&[format!(
            "a copy never carries OAuth client ids, client secrets or tokens; supply these anew as \
             connectorProfileCredentials: {}",
            missing.join(", ")
        )]));
    }
    Ok(merge(description, Secret::new(description.without_oauth(source.credentials.expose())), new))
}

/// What a copy holds that is told what to keep.
fn chosen(
    description: &Description,
    source: &OpenConnection,
    properties: &Value,
    paths: &[String],
    new: Option<Secret<Value>>,
) -> Result<Secret<Value>, ApiError> {
    let oauth = description.oauth_among(source.credentials.expose(), paths);
    if !oauth.is_empty() {
        return Err(refused(&[format!(
            "a copy never carries OAuth client ids, client secrets or tokens, so these cannot be kept: {}",
            oauth.join(", ")
        )]));
    }
    let kept = keep(description, source, properties, paths)?;
    Ok(match new {
        Some(new) => Secret::new(overlay(kept.into_inner(), new.into_inner())),
        None => kept,
    })
}

/// What the copy holds. OAuth's members complete what is carried over. Anything
/// else that is given replaces it: in a free map of credentials a host stands
/// beside the password, and a stored password must not get under a new host.
fn merge(description: &Description, carried: Secret<Value>, given: Option<Secret<Value>>) -> Secret<Value> {
    match given {
        Some(given) if is_empty(&description.without_oauth(given.expose())) => {
            Secret::new(overlay(carried.into_inner(), given.into_inner()))
        }
        Some(given) => given,
        None => carried,
    }
}

/// Lays assignments over the properties. Paths are the wire's:
/// `connectorProfileProperties.SAPOData.logonLanguage`.
fn assign(
    description: &Description,
    properties: &Value,
    set: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let key = description.connector_type.union_key();
    let start = format!("connectorProfileProperties.{key}.");
    let mut changed = properties.clone();
    for (path, value) in set {
        let unknown = || {
            let known: Vec<String> =
                description.properties().iter().map(|member| format!("{start}{}", member.path)).collect();
            refused(&[format!("'{path}' cannot be set. These can: {}", known.join(", "))])
        };
        let inner = path.strip_prefix(&start).ok_or_else(unknown)?;
        let member = description
            .properties()
            .iter()
            .find(|member| {
                inner == member.path
                    || (member.kind == Kind::Map && inner.starts_with(&format!("{}.", member.path)))
            })
            .ok_or_else(unknown)?;
        let value = typed(member.kind, inner == member.path, value)
            .ok_or_else(|| refused(&[format!("the value for '{path}' is of the wrong kind")]))?;
        place(&mut changed, inner, value);
    }
    description.normalise(&mut changed);
    Ok(changed)
}

/// A command line has texts only; a member's kind says what is meant.
fn typed(kind: Kind, whole: bool, value: &Value) -> Option<Value> {
    let Value::String(text) = value else { return Some(value.clone()) };
    match kind {
        Kind::Integer => text.parse::<i64>().ok().map(Value::from),
        Kind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        Kind::List | Kind::Map if whole => serde_json::from_str(text).ok(),
        _ => Some(value.clone()),
    }
}

fn place(document: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => document[path] = value,
        Some((head, rest)) => {
            if !document[head].is_object() {
                document[head] = Value::Object(Map::new());
            }
            place(&mut document[head], rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_connectors::descriptions;
    use tidegate_core::ConnectorType;

    use super::*;

    #[test]
    fn a_stored_password_never_gets_under_a_new_host() {
        let custom = descriptions::of(ConnectorType::CustomConnector);
        let map = |entries: Value| json!({"authenticationType": "CUSTOM", "custom": {"customAuthenticationType": "CUSTOM", "credentialsMap": entries}});
        let carried = Secret::new(map(json!({"hostname": "db", "username": "u", "password": "stored"})));
        let given = Secret::new(map(json!({"hostname": "evil.example"})));
        let merged = merge(custom, carried, Some(given));
        assert!(!merged.expose().to_string().contains("stored"));
    }

    #[test]
    fn oauth_members_complete_what_is_carried() {
        let sap = descriptions::of(ConnectorType::SapOData);
        let carried = Secret::new(json!({"basicAuthCredentials": {"username": "u", "password": "p"}}));
        let given = Secret::new(json!({"oAuthCredentials": {"clientId": "i", "clientSecret": "s"}}));
        let merged = merge(sap, carried, Some(given)).into_inner();
        assert_eq!(merged["basicAuthCredentials"]["password"], "p");
        assert_eq!(merged["oAuthCredentials"]["clientId"], "i");
    }

    #[test]
    fn texts_of_a_command_line_become_what_the_member_is() {
        let sap = descriptions::of(ConnectorType::SapOData);
        let properties = json!({"portNumber": 443, "logonLanguage": "EN"});
        let set = |path: &str, value: &str| {
            let path = format!("connectorProfileProperties.SAPOData.{path}");
            assign(sap, &properties, &Map::from_iter([(path, json!(value))]))
        };
        assert_eq!(set("portNumber", "44300").expect("a number")["portNumber"], 44300);
        assert_eq!(set("disableSSO", "true").expect("a yes")["disableSSO"], true);
        assert_eq!(set("logonLanguage", "DE").expect("a text")["logonLanguage"], "DE");
        assert!(set("portNumber", "many").is_err());
        assert!(set("nothing", "x").expect_err("unknown").message.contains("logonLanguage"));
    }
}
