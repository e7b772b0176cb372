//! CreateConnectorProfile: check, prove, seal, store; in that order, so that nothing unproven is kept.

use tidegate_connectors::descriptions;
use tidegate_core::{Connection, ConnectionName, Credentials, OpenConnection, Resource};
use tidegate_store::{Kind, Outcome, StoreError};
use tidegate_wire as wire;

use super::authorized::{Pending, no_credentials, pending};
use super::context::{Call, settle};
use super::profile_rules::{check_documents, check_mode, known_label, prove_new, refused};
use crate::app::binding_of;
use crate::convert::now_ms;
use crate::convert::profile::{connection_mode, connector_type};
use crate::error::ApiError;
use crate::health;

/// Carries the operation out.
pub async fn run(
    call: Call,
    input: wire::CreateConnectorProfileRequest,
) -> Result<wire::CreateConnectorProfileResponse, ApiError> {
    if let Some(answer) = call.earlier_answer().await? {
        return Ok(answer);
    }
    let kind = connector_type(input.connector_type);
    let description = descriptions::of(kind);
    let label = input.connector_label.filter(|label| !label.is_empty());
    let config = input.connector_profile_config;
    let parts = description
        .check_union(
            label.as_deref(),
            Some(&config.connector_profile_properties),
            config.connector_profile_credentials.as_ref().map(tidegate_core::Secret::expose),
        )
        .map_err(|findings| refused(&findings))?;
    let mut properties = parts.properties;
    description.normalise(&mut properties);
    check_documents(kind, &properties, parts.credentials)?;
    known_label(kind, label.as_deref())?;

    let name = ConnectionName::new(input.connector_profile_name);
    let credentials = parts.credentials.map(|document| Credentials::new(document.clone()));
    let connection = Connection {
        name: name.clone(),
        connector_type: kind,
        connector_label: label,
        mode: connection_mode(input.connection_mode),
        properties,
        kms_arn: input.kms_arn,
        credentials_arn: None,
        credentials_version: 0,
        created_at_ms: 0,
        updated_at_ms: 0,
    };
    create(&call, connection, credentials).await
}

/// Proves and stores a connection that follows its connector's rules.
///
/// # Errors
/// A quota, a name that is taken, or the vendor's answer.
pub async fn create(
    call: &Call,
    connection: Connection,
    credentials: Option<Credentials>,
) -> Result<wire::CreateConnectorProfileResponse, ApiError> {
    let app = &call.app;
    let name = connection.name.clone();
    check_mode(app.compat, &connection)?;
    let given = credentials.clone().unwrap_or_else(no_credentials);
    let authorization = pending(call, &connection, &given)?;
    if let Some(limit) = app.quotas.connector_profiles {
        let count = app.store.connections(call.account()).count().await?;
        if count >= limit {
            return Err(ApiError::quota(format!(
                "The account has {count} connector profiles, and its quota is {limit}."
            )));
        }
    }
    // A name that is taken is told before the vendor is bothered; the store
    // decides again, in the transaction.
    match app.store.connections(call.account()).get(&name).await {
        Ok(_) => return Err(taken(&name)),
        Err(StoreError::NotFound { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let now = now_ms();
    let open = OpenConnection {
        connection: Connection {
            credentials_arn: credentials.is_some().then(|| app.scope.credentials_arn(&name, now)),
            created_at_ms: now,
            updated_at_ms: now,
            ..connection
        },
        // Last of all, because a code can be used once.
        credentials: match &authorization {
            Some(authorization) => authorization.redeem(call, &given)?,
            None => given,
        },
    };
    let stored = prove_and_store(call, open, credentials.is_some()).await;
    if authorization.is_some() { stored.map_err(Pending::spent) } else { stored }
}

async fn prove_and_store(
    call: &Call,
    open: OpenConnection,
    has_credentials: bool,
) -> Result<wire::CreateConnectorProfileResponse, ApiError> {
    let app = &call.app;
    let name = open.connection.name.clone();
    let proven = prove_new(app, &open).await?;
    let credentials = has_credentials.then_some(proven.credentials);
    let binding = binding_of(&open.connection);
    let answer = wire::CreateConnectorProfileResponse {
        connector_profile_arn: Some(app.scope.arn(&Resource::Connection(name.clone()))),
    };
    let stored = app
        .store
        .connections(call.account())
        .create(open.connection, credentials, &binding, call.once(&answer).as_ref())
        .await;
    match stored {
        Ok(outcome) => {
            if let Outcome::Fresh(stored) = &outcome {
                health::proved(app, stored, proven.report.as_ref()).await;
            }
            settle(outcome, answer)
        }
        Err(StoreError::Conflict { kind: Kind::Connection, .. }) => Err(taken(&name)),
        Err(other) => Err(other.into()),
    }
}

fn taken(name: &ConnectionName) -> ApiError {
    ApiError::conflict(format!("Conflict executing request: Connector profile: {name} already exists"))
}
