//! An authorization that stands in a connection's credentials: checked with
//! everything else, and used only when nothing else is left to check.

use serde_json::{Map, Value, json};
use tidegate_core::{Connection, Credentials};

use super::Call;
use super::profile_rules::refused;
use crate::app::described;
use crate::authorizations::{HANDLE, Purpose};
use crate::error::ApiError;

/// An authorization that is finished and fits the connection.
pub struct Pending {
    handle: String,
    purpose: Purpose,
    /// The group of the credentials that holds client, code and tokens; empty
    /// when that is the document itself.
    group: &'static str,
}

/// The authorization that the credentials of a connection name, if they do. It
/// is not used yet.
///
/// # Errors
/// One that this caller cannot use for this connection.
pub fn pending(
    call: &Call,
    connection: &Connection,
    credentials: &Credentials,
) -> Result<Option<Pending>, ApiError> {
    let description = described(connection);
    let code = description.credentials().iter().map(|member| member.path.as_str()).find_map(|path| {
        let value = credentials.get(path).filter(|text| text.starts_with(HANDLE))?;
        Some((path, value.to_owned()))
    });
    let Some((path, handle)) = code else { return Ok(None) };
    let way = description.authorization().filter(|way| way.auth_code_path == path).ok_or_else(|| {
        refused(&[format!(
            "{path} names an authorization of this server, and {} takes none there",
            described(connection).connector_name
        )])
    })?;
    let purpose = Purpose {
        connector_type: connection.connector_type,
        connector_label: connection.connector_label.clone(),
        token_url: way.token_url(&connection.properties).unwrap_or_default().to_owned(),
        client_id: credentials.get(way.client_id_path).unwrap_or_default().to_owned(),
    };
    call.app.authorizations.check(call.owner(), &handle, &purpose)?;
    Ok(Some(Pending { handle, purpose, group: way.group() }))
}

impl Pending {
    /// Uses the authorization: gives the credentials with the code, and without
    /// tokens of an earlier consent, which the new one replaces.
    ///
    /// # Errors
    /// When it has been used or has expired meanwhile.
    pub fn redeem(&self, call: &Call, credentials: &Credentials) -> Result<Credentials, ApiError> {
        let granted = call.app.authorizations.redeem(call.owner(), &self.handle, &self.purpose)?;
        let mut document = credentials.expose().clone();
        let place = match self.group {
            "" => Some(&mut document),
            group => document.get_mut(group),
        };
        if let Some(Value::Object(members)) = place {
            for token in ["accessToken", "refreshToken"] {
                members.shift_remove(token);
            }
            let request = json!({
                "authCode": granted.code.into_inner(),
                "redirectUri": granted.redirect_uri,
                "codeVerifier": granted.verifier.into_inner(),
            });
            members.insert("oAuthRequest".to_owned(), request);
        }
        Ok(Credentials::new(document))
    }

    /// A failure after the authorization was used, with what it means for the person.
    pub fn spent(error: ApiError) -> ApiError {
        let text = error.message.trim_end();
        let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
        ApiError {
            message: format!(
                "{text}{stop} The authorization has been used by this attempt: authorize again before the next one."
            ),
            ..error
        }
    }
}

/// Credentials for a connection that has none.
pub fn no_credentials() -> Credentials {
    Credentials::new(Value::Object(Map::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_that_the_authorization_is_spent() {
        for text in ["It failed", "It failed."] {
            let error = Pending::spent(ApiError::validation(text));
            assert!(
                error.message.starts_with("It failed. The authorization has been used"),
                "{}",
                error.message
            );
            assert_eq!(error.name, "ValidationException");
        }
    }
}
