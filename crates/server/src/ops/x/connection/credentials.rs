//! Which credentials a connection holds: their paths, never a value.

use serde::Serialize;
use tidegate_core::ConnectionName;

use super::NameInput;
use crate::app::described;
use crate::error::ApiError;
use crate::ops::Call;
use crate::ops::update_connector_profile::opened;

/// What is set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    connector_profile_name: String,
    /// Paths below the union's key; of a map, each key.
    set: Vec<String>,
    /// From 1; one more whenever the credentials change. 0 without any.
    version: u32,
}

/// Tells which members of the credentials are set.
pub async fn run(call: Call, input: NameInput) -> Result<Held, ApiError> {
    let name = ConnectionName::new(input.connector_profile_name);
    let open = opened(&call, &name).await?;
    Ok(Held {
        set: described(&open.connection).held_paths(open.credentials.expose()),
        version: open.connection.credentials_version,
        connector_profile_name: name.as_str().to_owned(),
    })
}
