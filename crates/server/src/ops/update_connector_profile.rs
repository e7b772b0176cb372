//! UpdateConnectorProfile: a full replacement, but for credentials that are not sent.

use serde_json::Value;
use tidegate_core::{Connection, ConnectionMode, ConnectionName, Credentials, OpenConnection, Resource};
use tidegate_store::{Kind, Outcome, StoreError};
use tidegate_wire as wire;

use super::authorized::{Pending, pending};
use super::context::{Call, settle};
use super::profile_rules::{check_documents, check_mode, needs_credentials, prove, prove_new, refused};
use crate::app::{binding_of, description_of};
use crate::convert::now_ms;
use crate::convert::profile::connection_mode;
use crate::error::ApiError;
use crate::health;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::UpdateConnectorProfileRequest,
) -> Result<wire::UpdateConnectorProfileResponse, ApiError> {
    if let Some(answer) = call.earlier_answer().await? {
        return Ok(answer);
    }
    let app = &call.app;
    let name = ConnectionName::new(input.connector_profile_name);
    let stored = find(&call, &name).await?;
    let description = description_of(&stored);
    let config = input.connector_profile_config;
    let parts = description
        .check_union(
            stored.connector_label.as_deref(),
            Some(&config.connector_profile_properties),
            config.connector_profile_credentials.as_ref().map(tidegate_core::Secret::expose),
        )
        .map_err(|findings| refused(&findings))?;
    let mut properties = parts.properties;
    description.normalise(&mut properties);

    let given = parts.credentials.map(|document| Credentials::new(document.clone()));
    let credentials = match given {
        Some(credentials) => Change::New { credentials, only_over: None },
        None => {
            let changes = description.destination_changes(&stored.properties, &properties);
            if stored.credentials_version > 0 && !changes.is_empty() {
                return Err(needs_credentials(&changes));
            }
            Change::Kept(app.open(&name).await?.credentials)
        }
    };
    replace(&call, stored, connection_mode(input.connection_mode), properties, credentials).await
}

/// What becomes of a connection's credentials.
pub enum Change {
    /// The stored ones stay, as they are now.
    Kept(Credentials),
    /// These take their place.
    New {
        /// The new ones.
        credentials: Credentials,
        /// The version that they were made from, if they were: when there is a
        /// newer one by then, nothing is stored.
        only_over: Option<u32>,
    },
}

/// Proves and stores another mode, other properties and perhaps other
/// credentials of a connection.
///
/// # Errors
/// The connector's rules, the vendor's answer, or a change by somebody else.
pub async fn replace(
    call: &Call,
    stored: Connection,
    mode: ConnectionMode,
    properties: Value,
    change: Change,
) -> Result<wire::UpdateConnectorProfileResponse, ApiError> {
    let app = &call.app;
    let name = stored.name.clone();
    let (used, is_new, only_over) = match change {
        Change::Kept(credentials) => (credentials, false, None),
        Change::New { credentials, only_over } => (credentials, true, only_over),
    };
    let has_some = used.expose().as_object().is_some_and(|members| !members.is_empty());
    check_documents(stored.connector_type, &properties, has_some.then(|| used.expose()))?;

    let now = now_ms();
    let credentials_arn = match &stored.credentials_arn {
        Some(arn) => Some(arn.clone()),
        None => is_new.then(|| app.scope.credentials_arn(&name, now)),
    };
    let connection = Connection { mode, properties, credentials_arn, updated_at_ms: now, ..stored };
    check_mode(app.compat, &connection)?;
    // Only new credentials can name an authorization: stored ones hold its code.
    let authorization = if is_new { pending(call, &connection, &used)? } else { None };
    let credentials = match &authorization {
        Some(authorization) => authorization.redeem(call, &used)?,
        None => used,
    };
    let open = OpenConnection { connection, credentials };
    let stored = prove_and_store(call, open, is_new, only_over).await;
    if authorization.is_some() { stored.map_err(Pending::spent) } else { stored }
}

async fn prove_and_store(
    call: &Call,
    open: OpenConnection,
    is_new: bool,
    only_over: Option<u32>,
) -> Result<wire::UpdateConnectorProfileResponse, ApiError> {
    let app = &call.app;
    let name = open.connection.name.clone();
    let (given, report) = if is_new {
        let proven = prove_new(app, &open).await?;
        (Some(proven.credentials), proven.report)
    } else {
        (None, prove(app, &open).await?)
    };
    let binding = binding_of(&open.connection);
    let answer = wire::UpdateConnectorProfileResponse {
        connector_profile_arn: Some(app.scope.arn(&Resource::Connection(name.clone()))),
    };
    let once = call.once(&answer);
    let connections = app.store.connections(call.account());
    let updated = match only_over {
        Some(version) => {
            connections.update_over(open.connection, given, &binding, version).await.map(Outcome::Fresh)
        }
        None => connections.update(open.connection, given, &binding, once.as_ref()).await,
    };
    match updated {
        Ok(outcome) => {
            if let Outcome::Fresh(stored) = &outcome {
                health::proved(app, stored, report.as_ref()).await;
            }
            settle(outcome, answer)
        }
        Err(StoreError::NotFound { kind: Kind::Connection, .. }) => Err(missing(&name)),
        Err(StoreError::DestinationChanged | StoreError::Conflict { .. }) => {
            Err(ApiError::conflict(format!(
                "Connector profile: {name} was changed by another request at the same time. Look at it and try again."
            )))
        }
        Err(other) => Err(other.into()),
    }
}

/// The connection of a name.
///
/// # Errors
/// `ResourceNotFoundException` when there is none.
pub async fn find(call: &Call, name: &ConnectionName) -> Result<Connection, ApiError> {
    match call.app.store.connections(call.account()).get(name).await {
        Ok(connection) => Ok(connection),
        Err(StoreError::NotFound { .. }) => Err(missing(name)),
        Err(other) => Err(other.into()),
    }
}

/// The connection of a name with its credentials: both as they were in the same
/// moment, so that no secret meets another state's properties.
///
/// # Errors
/// `ResourceNotFoundException` when there is none.
pub async fn opened(call: &Call, name: &ConnectionName) -> Result<OpenConnection, ApiError> {
    match call.app.open(name).await {
        Ok(open) => Ok(open),
        Err(StoreError::NotFound { .. }) => Err(missing(name)),
        Err(other) => Err(other.into()),
    }
}

/// The error for a name that no connection has.
pub fn missing(name: &ConnectionName) -> ApiError {
    ApiError::not_found(format!("Connector profile: {name} does not exist"))
}
