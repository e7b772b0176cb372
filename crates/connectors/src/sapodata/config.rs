//! The properties and credentials of an SAP OData connection, understood.

use reqwest::Url;
use serde::Deserialize;
use tidegate_core::{ConnectorError, ConnectorErrorKind, Credentials, OpenConnection, Secret};

use crate::kit::{Auth, Grant, Outbound};

/// `SAPODataConnectorProfileProperties` of the API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// Scheme and host, such as `https://sap.example.com`.
    pub application_host_url: String,
    /// The path of a catalogue service or of one service.
    pub application_service_path: String,
    /// The port.
    pub port_number: u16,
    /// The client (tenant) of the SAP system, three digits.
    pub client_number: String,
    /// The language of texts and messages, two letters.
    #[serde(default)]
    pub logon_language: Option<String>,
    /// Where tokens come from, when the connection uses OAuth.
    #[serde(default)]
    pub o_auth_properties: Option<OAuthProperties>,
    /// Whether to bypass single sign-on, so that basic authentication is asked for.
    #[serde(default, rename = "disableSSO")]
    pub disable_sso: Option<bool>,
}

/// `OAuthProperties` of the API, as far as a server needs them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OAuthProperties {
    /// The token endpoint.
    #[serde(default)]
    pub token_url: String,
    /// The scopes that the client asks for.
    #[serde(default)]
    pub o_auth_scopes: Vec<String>,
}

fn invalid(text: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ConnectorErrorKind::Invalid, text)
}

impl Properties {
    /// Reads the inner document of `connectorProfileProperties`.
    pub fn read(open: &OpenConnection) -> Result<Self, ConnectorError> {
        let mut properties: Self =
            serde_json::from_value(open.connection.properties.clone()).map_err(|error| {
                invalid(format!(
                    "the SAPOData properties of {} are not usable: {error}",
                    open.connection.name
                ))
            })?;
        properties.logon_language = properties.logon_language.filter(|language| !language.is_empty());
        Ok(properties)
    }

    /// The root of the service path: host, port and path, without a slash at its end.
    pub fn base(&self) -> Result<Url, ConnectorError> {
        let host = &self.application_host_url;
        let mut url = Url::parse(host)
            .map_err(|error| invalid(format!("applicationHostUrl {host} is not a URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("applicationHostUrl must not hold a user or a password"));
        }
        url.set_port(Some(self.port_number))
            .map_err(|()| invalid(format!("applicationHostUrl {host} cannot take a port")))?;
        let path = format!("{}/{}", url.path().trim_end_matches('/'), self.service_path());
        url.set_path(path.trim_end_matches('/'));
        url.set_query(None);
        url.set_fragment(None);
        Ok(url)
    }

    /// `applicationServicePath` without slashes around it.
    fn service_path(&self) -> &str {
        self.application_service_path.split(['?', '#']).next().unwrap_or_default().trim_matches('/')
    }

    /// The query that every request of the connection carries: client, language,
    /// and for basic authentication the bypass of single sign-on.
    pub fn session_query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("sap-client", self.client_number.clone())];
        if let Some(language) = &self.logon_language {
            query.push(("sap-language", language.to_ascii_uppercase()));
        }
        if self.disable_sso == Some(true) {
            query.push(("saml2", "disabled".to_owned()));
        }
        query
    }
}

/// How the connection's credentials authenticate.
pub fn auth(
    open: &OpenConnection,
    properties: &Properties,
    outbound: &Outbound,
) -> Result<Auth, ConnectorError> {
    let credentials: &Credentials = &open.credentials;
    if let Some(user) = credentials.get("basicAuthCredentials.username") {
        let password = credentials.get("basicAuthCredentials.password").unwrap_or_default();
        return Ok(Auth::Basic {
            user: Secret::new(user.to_owned()),
            password: Secret::new(password.to_owned()),
        });
    }
    if credentials.expose().get("oAuthCredentials").is_none_or(serde_json::Value::is_null) {
        return Ok(Auth::None);
    }
    let properties = properties
        .o_auth_properties
        .as_ref()
        .ok_or_else(|| invalid("OAuth credentials need oAuthProperties with a tokenUrl in the connection"))?;
    let token_url = Url::parse(&properties.token_url).map_err(|error| {
        invalid(format!("oAuthProperties.tokenUrl {} is not a URL: {error}", properties.token_url))
    })?;
    let scopes = properties.o_auth_scopes.clone();
    let grant = Grant { token_url, scopes, member: "oAuthCredentials" };
    Ok(Auth::Bearer(outbound.token_provider(open, grant)))
}
