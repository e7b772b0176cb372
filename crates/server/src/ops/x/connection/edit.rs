//! Edit: a full replacement in which the person says which secrets stay.

use serde::Deserialize;
use serde_json::Value;
use tidegate_core::{Connection, ConnectionName, Credentials, Secret};
use tidegate_wire as wire;

use super::documents::{by_the_wire, check_maps, given, is_empty, keep, mode, overlay, same_destination};
use crate::app::described;
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::update_connector_profile::{Change, opened, replace};

/// What the connection shall be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditInput {
    connector_profile_name: String,
    connection_mode: String,
    connector_profile_properties: Value,
    connector_profile_credentials: Option<Secret<Value>>,
    /// Paths as describe-connector-profile-credentials tells them.
    #[serde(default)]
    keep_credentials: Vec<String>,
}

/// Replaces everything of a connection but the stored members that are to be
/// kept; what is given is laid over them.
pub async fn run(call: Call, input: EditInput) -> Result<wire::UpdateConnectorProfileResponse, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let stored = opened(&call, &name).await?;
    let description = described(&stored.connection);
    let paths = input.keep_credentials;
    let (mut properties, new) = given(
        &stored.connection,
        Some(&input.connector_profile_properties),
        input.connector_profile_credentials.as_ref(),
    )?;
    description.normalise(&mut properties);
    let kept = keep(description, &stored, &properties, &paths)?;
    let kept_all = new.as_ref().is_none_or(|new| is_empty(new.expose()))
        && description.held_paths(stored.credentials.expose()).iter().all(|path| paths.contains(path));
    let document = match new {
        Some(new) => Secret::new(overlay(kept.into_inner(), new.into_inner())),
        None => kept,
    };
    let target = Connection { mode: mode(&input.connection_mode)?, properties, ..stored.connection.clone() };
    let (properties, credentials) = by_the_wire(&target, document)?;
    if !paths.is_empty() {
        // Once more, on the very properties that will be stored.
        same_destination(description, &stored, &properties)?;
        check_maps(description, &stored, &paths, credentials.expose())?;
    }
    let change = if kept_all {
        // Nothing is sealed anew, so a token that rotates meanwhile is not lost.
        Change::Kept(stored.credentials)
    } else {
        Change::New {
            credentials: Credentials::new(credentials.into_inner()),
            only_over: (!paths.is_empty()).then_some(stored.connection.credentials_version),
        }
    };
    replace(&call, stored.connection, target.mode, properties, change).await
}
