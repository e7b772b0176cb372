//! What create, update, copy and test of a connection share: its rules and the live check.

use serde_json::Value;
use tidegate_connectors::descriptions;
use tidegate_connectors::kit::Grant;
use tidegate_core::connector::CheckReport;
use tidegate_core::{
    Connection, ConnectionMode, ConnectorErrorKind, ConnectorType, Credentials, OpenConnection,
};
use tidegate_wire::ErrorKind;

use crate::app::{App, described};
use crate::config::{Compat, ConnectionCheck};
use crate::error::ApiError;

/// Findings as one `ValidationException`.
pub fn refused(findings: &[String]) -> ApiError {
    ApiError::validation(format!("Validation exception: {}", findings.join("; ")))
}

/// Checks that a label names a connector that this server knows.
///
/// # Errors
/// `ResourceNotFoundException` otherwise.
pub fn known_label(kind: ConnectorType, label: Option<&str>) -> Result<(), ApiError> {
    match label.filter(|label| !label.is_empty()) {
        Some(label)
            if kind == ConnectorType::CustomConnector && descriptions::vended_label(label).is_none() =>
        {
            Err(ApiError::not_found(format!(
                "Connector with label '{label}' is neither vended nor registered in this account."
            )))
        }
        _ => Ok(()),
    }
}

/// Proves a connection against the vendor, if the server is told to and can.
///
/// # Errors
/// The vendor's answer: `ConnectorServerException` when it is unreachable,
/// `ConnectorAuthenticationException` when it refuses.
pub async fn prove(app: &App, open: &OpenConnection) -> Result<Option<CheckReport>, ApiError> {
    let connection = &open.connection;
    if app.connection_check == ConnectionCheck::Off {
        return Ok(None);
    }
    let Some(reader) = app.readers.find(connection.connector_type) else {
        exchange(app, open).await?;
        tracing::info!(
            connection = %connection.name,
            connector = connection.connector_type.as_str(),
            "The connection is stored without a check: this server cannot log in to its application yet."
        );
        return Ok(None);
    };
    match reader.check(open).await {
        Ok(report) => Ok(Some(report)),
        // What is missing is at the vendor, not in this API.
        Err(error) if error.kind == ConnectorErrorKind::NotFound => {
            Err(ApiError::new(ErrorKind::ConnectorServer, error.message))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes an authorization code into tokens for a connector that has no reader
/// to do so, where its description names the token endpoint: a code that is
/// only stored is dead within minutes.
async fn exchange(app: &App, open: &OpenConnection) -> Result<(), ApiError> {
    let Some(way) = described(&open.connection).authorization() else { return Ok(()) };
    let group = way.group();
    let holds = |name: &str| {
        let path = if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") };
        open.credentials.get(&path).is_some()
    };
    if !holds("oAuthRequest.authCode") || holds("accessToken") || holds("refreshToken") {
        return Ok(());
    }
    let properties = &open.connection.properties;
    let token_url = way.token_url(properties).unwrap_or_default();
    let token_url =
        token_url.parse().map_err(|_| refused(&[format!("the token URL {token_url} is no URL")]))?;
    let scopes = way.scopes(properties).into_iter().map(str::to_owned).collect();
    let grant = Grant { token_url, scopes, member: group };
    let did = app.outbound.exchange_code(open, grant).await?;
    tracing::info!(connection = %open.connection.name, did, "The authorization code was exchanged.");
    Ok(())
}

/// Credentials as they are to be stored, and how they were proven.
pub struct Proven {
    /// Those that were given, or what they became while they were proven (an
    /// authorisation code becomes tokens; a refresh token rotates).
    pub credentials: Credentials,
    /// What the check did, if there was one.
    pub report: Option<CheckReport>,
}

/// As [`prove`], for credentials that are not stored yet.
///
/// # Errors
/// As [`prove`].
pub async fn prove_new(app: &App, open: &OpenConnection) -> Result<Proven, ApiError> {
    let proving = app.tokens.prove(&open.connection);
    let report = prove(app, open).await?;
    let credentials = proving.rotated().unwrap_or_else(|| open.credentials.clone());
    Ok(Proven { credentials, report })
}

/// Checks the two inner documents of a connection against its connector's rules.
///
/// # Errors
/// `ValidationException` with every finding.
pub fn check_documents(
    kind: ConnectorType,
    properties: &Value,
    credentials: Option<&Value>,
) -> Result<(), ApiError> {
    descriptions::of(kind).check_profile(Some(properties), credentials).map_err(|findings| refused(&findings))
}

/// Checks that a connection may be private, as AppFlow does with
/// `--compat strict`. Here a private connection takes the same way as a public
/// one, so otherwise the mode is kept and asks for nothing.
///
/// # Errors
/// `ValidationException` when the connector has no PrivateLink, or needs the
/// name of the endpoint service and has none.
pub fn check_mode(compat: Compat, connection: &Connection) -> Result<(), ApiError> {
    if compat == Compat::Relaxed || connection.mode == ConnectionMode::Public {
        return Ok(());
    }
    let description = descriptions::of(connection.connector_type);
    let kind = connection.connector_type.as_str();
    if !description.is_private_link_enabled {
        return Err(refused(&[format!("connectionMode Private is not supported for connector {kind}")]));
    }
    let named = connection.properties.get("privateLinkServiceName").and_then(Value::as_str);
    if description.is_private_link_endpoint_url_required && named.is_none_or(str::is_empty) {
        return Err(refused(&[format!(
            "connectionMode Private needs privateLinkServiceName in the properties of connector {kind}"
        )]));
    }
    Ok(())
}

/// The refusal to send stored credentials to another place.
pub fn needs_credentials(changes: &[String]) -> ApiError {
    let names = changes.join(", ");
    refused(&[format!(
        "the stored credentials were given for another destination, and these properties decide it: {names}. Supply \
         connectorProfileCredentials together with the change"
    )])
}
