//! UpdateConnectorProfile: a full replacement, but for credentials that are not sent.

use tidegate_core::{Connection, ConnectionName, Credentials, OpenConnection, Resource};
use tidegate_store::{Kind, StoreError};
use tidegate_wire as wire;

use super::context::{Call, settle};
use super::profile_rules::{check_documents, needs_credentials, prove, prove_new, refused};
use crate::app::{binding_of, description_of};
use crate::convert::now_ms;
use crate::convert::profile::connection_mode;
use crate::error::ApiError;

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
    let used = match &given {
        Some(credentials) => credentials.clone(),
        None => {
            let changes = description.destination_changes(&stored.properties, &properties);
            if stored.credentials_version > 0 && !changes.is_empty() {
                return Err(needs_credentials(&changes));
            }
            app.open(&name).await?.credentials
        }
    };
    let has_some = used.expose().as_object().is_some_and(|members| !members.is_empty());
    check_documents(stored.connector_type, &properties, has_some.then(|| used.expose()))?;

    let now = now_ms();
    let credentials_arn = match (&stored.credentials_arn, &given) {
        (Some(arn), _) => Some(arn.clone()),
        (None, Some(_)) => Some(app.scope.credentials_arn(&name, now)),
        (None, None) => None,
    };
    let connection = Connection {
        mode: connection_mode(input.connection_mode),
        properties,
        credentials_arn,
        updated_at_ms: now,
        ..stored.clone()
    };
    let open = OpenConnection { connection, credentials: used };
    let given = match given {
        Some(_) => Some(prove_new(app, &open).await?),
        None => {
            prove(app, &open).await?;
            None
        }
    };
    let binding = binding_of(&open.connection);
    let answer = wire::UpdateConnectorProfileResponse {
        connector_profile_arn: Some(app.scope.arn(&Resource::Connection(name.clone()))),
    };
    let updated = app
        .store
        .connections(call.account())
        .update(open.connection, given, &binding, call.once(&answer).as_ref())
        .await;
    match updated {
        Ok(outcome) => settle(outcome, answer),
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

/// The error for a name that no connection has.
pub fn missing(name: &ConnectionName) -> ApiError {
    ApiError::not_found(format!("Connector profile: {name} does not exist"))
}
