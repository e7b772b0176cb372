//! What connections lack in AppFlow's API: copy, test, usage.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_core::description::{Description, Kind};
use tidegate_core::run::Run;
use tidegate_core::{Connection, ConnectionName, ConnectorErrorKind, Credentials, Resource, Secret};
use tidegate_wire as wire;

use crate::app::description_of;
use crate::convert::run::status;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::create_connector_profile::create;
use crate::ops::describe_flow::stored;
use crate::ops::profile_rules::{check_documents, needs_credentials, refused};
use crate::ops::update_connector_profile::find;

/// What to copy, and what the copy has otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyInput {
    source_connector_profile_name: String,
    connector_profile_name: String,
    /// Wire paths and their new values.
    #[serde(default)]
    set: Map<String, Value>,
    /// As in CreateConnectorProfile; laid over what the copy carries.
    connector_profile_credentials: Option<Secret<Value>>,
}

/// Copies a connection. Its properties and its sealed credentials that are not
/// OAuth's are carried over inside the server; OAuth client ids, client
/// secrets and tokens are not, and must be supplied anew: two connections that
/// share a rotating token would invalidate each other's.
pub async fn copy(call: Call, input: CopyInput) -> Result<wire::CreateConnectorProfileResponse, ApiError> {
    let name = ConnectionName::new(input.source_connector_profile_name);
    let source = find(&call, &name).await?;
    let description = description_of(&source);
    let properties = assign(description, &source.properties, &input.set)?;
    let target = Connection {
        name: ConnectionName::new(input.connector_profile_name),
        properties,
        credentials_arn: None,
        credentials_version: 0,
        ..source.clone()
    };
    let changes = description.destination_changes(&source.properties, &target.properties);
    let given = given_document(&source, input.connector_profile_credentials.as_ref())?;
    if source.credentials_version > 0 && !changes.is_empty() && given.is_none() {
        return Err(needs_credentials(&changes));
    }
    // A copy that goes elsewhere carries no credential at all.
    let carried = if changes.is_empty() {
        let open = call.app.open(&name).await?;
        let missing = description.needs_anew(open.credentials.expose());
        let document = Secret::new(description.without_oauth(open.credentials.expose()));
        if given.is_none() && !missing.is_empty() {
            return Err(refused(&[format!(
                "a copy never carries OAuth client ids, client secrets or tokens; supply these anew as \
                 connectorProfileCredentials: {}",
                missing.join(", ")
            )]));
        }
        document
    } else {
        Secret::new(Value::Object(Map::new()))
    };
    let document = merge(description, carried, given);
    // The wire's own rules (lengths, patterns, the name) hold for a copy too.
    validate_as_create(&target, &document)?;
    let has_some = !is_empty(document.expose());
    check_documents(source.connector_type, &target.properties, has_some.then(|| document.expose()))?;
    let credentials = has_some.then(|| Credentials::new(document.into_inner()));
    create(&call, target, credentials).await
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

fn is_empty(document: &Value) -> bool {
    document.as_object().is_none_or(Map::is_empty)
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

/// Lays one document over another, member by member.
fn overlay(mut below: Value, above: Value) -> Value {
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

fn given_document(
    source: &Connection,
    given: Option<&Secret<Value>>,
) -> Result<Option<Secret<Value>>, ApiError> {
    let Some(union) = given else { return Ok(None) };
    if !union.expose().is_object() {
        return Err(ApiError::validation(format!(
            "connectorProfileCredentials must be a JSON object with the member {}.",
            source.connector_type.union_key()
        )));
    }
    let properties = properties_union(source);
    let parts = description_of(source)
        .check_union(source.connector_label.as_deref(), Some(&properties), Some(union.expose()))
        .map_err(|findings| refused(&findings))?;
    match parts.credentials {
        Some(document) => Ok(Some(Secret::new(document.clone()))),
        None => Err(refused(&[format!(
            "connectorProfileCredentials belong under the key {}",
            source.connector_type.union_key()
        )])),
    }
}

fn properties_union(connection: &Connection) -> Value {
    let mut union = Map::new();
    union.insert(connection.connector_type.union_key().to_owned(), connection.properties.clone());
    Value::Object(union)
}

fn validate_as_create(target: &Connection, credentials: &Secret<Value>) -> Result<(), ApiError> {
    let mut union = Map::new();
    union.insert(target.connector_type.union_key().to_owned(), credentials.expose().clone());
    let input = serde_json::json!({
        "connectorProfileName": target.name.as_str(),
        "connectorType": target.connector_type.as_str(),
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": properties_union(target),
            "connectorProfileCredentials": union,
        },
    });
    // The answer holds the credentials once more, and is wiped when it goes.
    tidegate_wire::validate_input(wire::Operation::CreateConnectorProfile, input).map(Secret::new)?;
    Ok(())
}

/// Which connection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameInput {
    connector_profile_name: String,
}

/// How a test came out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    connector_profile_name: String,
    /// `Proved`, `Refused`, `Unreachable` or `CannotBeTested`.
    result: &'static str,
    message: String,
}

/// Proves a connection now, whatever `--connection-check` says.
pub async fn test(call: Call, input: NameInput) -> Result<Tested, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let connection = find(&call, &name).await?;
    let (result, message) = match call.app.readers.find(connection.connector_type) {
        None => (
            "CannotBeTested",
            format!("This server cannot log in to {} yet.", connection.connector_type.as_str()),
        ),
        Some(reader) => {
            let open = call.app.open(&name).await?;
            match reader.check(&open).await {
                Ok(report) => ("Proved", report.did),
                Err(error) => (
                    match error.kind {
                        ConnectorErrorKind::Refused => "Refused",
                        ConnectorErrorKind::Unsupported => "CannotBeTested",
                        // A path that does not exist, or an answer that is no
                        // OData, is a wrong address more often than not.
                        _ => "Unreachable",
                    },
                    error.message,
                ),
            }
        }
    };
    Ok(Tested { connector_profile_name: name.as_str().to_owned(), result, message })
}

/// Who uses a connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    connector_profile_name: String,
    flows: Vec<UsingFlow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsingFlow {
    flow_name: String,
    flow_arn: String,
    flow_status: &'static str,
    last_run: Option<LastRun>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    execution_id: String,
    execution_status: wire::ExecutionStatus,
    started_at: String,
    records_processed: u64,
    error: Option<String>,
}

fn last_run(run: Run) -> LastRun {
    LastRun {
        execution_id: run.id.as_str().to_owned(),
        execution_status: status(run.status),
        started_at: timestamp(run.started_at_ms).to_string(),
        records_processed: run.counts.records_processed,
        error: run.error,
    }
}

/// Lists the flows that use a connection, and their last runs.
pub async fn usage(call: Call, input: NameInput) -> Result<Usage, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let store = &call.app.store;
    find(&call, &name).await?;
    let names = store.connections(call.account()).flows_using(&name).await?;
    let mut runs = store.runs(call.account()).latest(&names).await?;
    let mut flows = Vec::new();
    for name in names {
        let last_run = runs.iter().position(|run| run.flow == name).map(|at| last_run(runs.swap_remove(at)));
        let record = stored(&call, &name).await?;
        flows.push(UsingFlow {
            flow_arn: call.app.scope.arn(&Resource::Flow(name)),
            flow_name: record.name.as_str().to_owned(),
            flow_status: record.status.as_str(),
            last_run,
        });
    }
    Ok(Usage { connector_profile_name: name.as_str().to_owned(), flows })
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
