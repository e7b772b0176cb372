//! Authorize: where a person gives consent, and what came back from there.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_connectors::descriptions;
use tidegate_core::{ConnectorType, Secret};

use crate::app::App;
use crate::authorizations::{LIFETIME, Purpose};
use crate::convert::{now_ms, timestamp};
use crate::error::ApiError;
use crate::http::is_safe;
use crate::ops::Call;
use crate::ops::profile_rules::{known_label, refused};

/// Where the console takes the answer, below the server's own address.
const REDIRECT_PATH: &str = "oauth/callback";

/// Characters of a client id and of a code at most, as the API has them.
const LONGEST_CLIENT_ID: usize = 512;
const LONGEST_CODE: usize = 4096;

/// What is to be authorized.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeginInput {
    connector_type: String,
    connector_label: Option<String>,
    connector_profile_properties: Value,
    client_id: String,
    redirect_uri: String,
}

/// A begun authorization.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    authorization_url: String,
    state: String,
    auth_code: String,
    expires_at: String,
}

/// Begins an authorization: gives the address for the pop-up.
pub async fn begin(call: Call, input: BeginInput) -> Result<Begun, ApiError> {
    let kind = ConnectorType::parse(&input.connector_type).ok_or_else(|| {
        ApiError::validation("connectorType must be one of the connector types of the API.")
    })?;
    let label = input.connector_label.filter(|label| !label.is_empty());
    known_label(kind, label.as_deref())?;
    let base = descriptions::of(kind);
    let description = label.as_deref().and_then(descriptions::vended_label).unwrap_or(base);
    let parts = base
        .check_union(label.as_deref(), Some(&input.connector_profile_properties), None)
        .map_err(|findings| refused(&findings))?;
    let way = description.authorization().ok_or_else(|| {
        refused(&[format!(
            "connections to {} cannot be authorized in a window here; supply tokens or a code instead",
            description.connector_name
        )])
    })?;
    let blank =
        |what: &str| refused(&[format!("{what} cannot be blank for connector: {}", description.shouted())]);
    let auth_code_url = way.auth_code_url(&parts.properties).ok_or_else(|| blank("AuthCodeUrl"))?;
    let token_url = way.token_url(&parts.properties).ok_or_else(|| blank("TokenUrl"))?;
    if input.client_id.is_empty() {
        return Err(blank("ClientId"));
    }
    if input.client_id.chars().count() > LONGEST_CLIENT_ID || input.client_id.contains(char::is_whitespace) {
        return Err(refused(&[format!(
            "clientId must be at most {LONGEST_CLIENT_ID} characters without spaces"
        )]));
    }
    let mut url = consent_url(auth_code_url)?;
    if !is_own(&call, &input.redirect_uri) {
        return Err(refused(&[format!(
            "redirectUri must be this server's own address with the path /{REDIRECT_PATH}; give the server its \
             address with --public-url if a proxy changes it"
        )]));
    }
    let purpose = Purpose {
        connector_type: kind,
        connector_label: label.clone(),
        token_url: token_url.to_owned(),
        client_id: input.client_id.clone(),
    };
    let begun = call.app.authorizations.begin(call.owner(), purpose, input.redirect_uri.clone())?;
    let scopes = way.scopes(&parts.properties).join(" ");
    let own = [
        ("response_type", "code"),
        ("client_id", &input.client_id),
        ("redirect_uri", &input.redirect_uri),
        ("scope", &scopes),
        ("state", &begun.state),
        ("code_challenge", &begun.challenge),
        ("code_challenge_method", "S256"),
    ];
    // What the address carries besides stays; what is ours, nobody else sets.
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| own.iter().all(|(ours, _)| name != ours))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(own.iter().filter(|(_, value)| !value.is_empty()));
    let lifetime = i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX);
    Ok(Begun {
        authorization_url: url.into(),
        state: begun.state,
        auth_code: begun.handle,
        expires_at: timestamp(now_ms().saturating_add(lifetime)).to_string(),
    })
}

/// The address where consent is given. A browser is sent there, so it must be
/// one that no other machine can answer for.
fn consent_url(text: &str) -> Result<Url, ApiError> {
    let bad = |why: &str| refused(&[format!("the authorization code URL {why}")]);
    let mut url = Url::parse(text).map_err(|_| bad("is no URL"))?;
    if !is_safe(&url) {
        return Err(bad("must begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must hold no user and no password"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether an address is the console's own: below the public URL, or below the
/// one that the request came to.
fn is_own(call: &Call, redirect_uri: &str) -> bool {
    if call.app.public_url.as_ref().is_some_and(|public| public.join(REDIRECT_PATH) == redirect_uri) {
        return true;
    }
    let Ok(url) = Url::parse(redirect_uri) else { return false };
    is_safe(&url)
        && call.came_to().is_some_and(|host| {
            // Both ways through the parser, so that a default port counts as none.
            let own = Url::parse(&format!("{}://{host}/{REDIRECT_PATH}", url.scheme()));
            own.is_ok_and(|own| own == url)
        })
}

/// What came back to the page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteInput {
    state: String,
    code: Option<Secret<String>>,
    error: Option<String>,
    error_description: Option<String>,
}

/// What the window tells the page that has opened it.
#[derive(Debug, Serialize)]
pub struct Completed {
    ok: bool,
    message: String,
}

/// Takes what came back, from whoever signs with the key that began.
pub async fn complete(call: Call, input: CompleteInput) -> Result<Completed, ApiError> {
    completed(&call.app, call.owner(), input)
}

/// Takes what came back with a state for its owner.
///
/// # Errors
/// A state that is not under way for this owner.
pub fn completed(app: &App, owner: &str, input: CompleteInput) -> Result<Completed, ApiError> {
    let code = input.code.filter(|code| !code.expose().is_empty());
    let error = input.error.filter(|error| !error.is_empty());
    if code.is_none() && error.is_none() {
        // No answer at all: the state stays good for the real one.
        return Err(ApiError::validation(
            "The answer is incomplete: it must have code, or error if the application has refused.",
        ));
    }
    let outcome = match (code, error) {
        (_, Some(error)) => Err(match input.error_description.filter(|text| !text.is_empty()) {
            Some(text) => format!("{error}: {text}"),
            None => error,
        }),
        (Some(code), None) if code.expose().chars().count() <= LONGEST_CODE => Ok(code),
        _ => Err("it has sent no code that could be used".to_owned()),
    };
    let message = match &outcome {
        Ok(_) => "The application has authorized this server. You can close this window.".to_owned(),
        Err(text) => format!("The application has refused: {text}"),
    };
    let ok = outcome.is_ok();
    app.authorizations.complete(owner, &input.state, outcome)?;
    Ok(Completed { ok, message })
}
