//! Access keys: make, list, disable.

use serde::{Deserialize, Serialize};
use tidegate_store::{KeyKind, Revoked, Store};

use super::Nothing;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::ops::Call;

/// A new key; the only answer that ever holds a secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    access_key_id: String,
    secret_access_key: String,
}

/// Makes an access key.
pub async fn create(call: Call, _input: Nothing) -> Result<Created, ApiError> {
    let (access_key_id, secret) = call.app.keys.create().await?;
    Ok(Created { access_key_id, secret_access_key: secret.into_inner() })
}

/// All keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    access_keys: Vec<Summary>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    access_key_id: String,
    status: &'static str,
    root: bool,
    created_at: String,
}

/// Lists the access keys, without their secrets.
pub async fn list(call: Call, _input: Nothing) -> Result<Listed, ApiError> {
    let keys = call.app.keys.list().await?;
    let access_keys = keys
        .into_iter()
        .map(|key| Summary {
            access_key_id: key.id,
            status: if key.enabled { "Active" } else { "Disabled" },
            root: key.kind == KeyKind::Root,
            created_at: timestamp(key.created_at_ms).to_string(),
        })
        .collect();
    Ok(Listed { access_keys })
}

/// Which key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableInput {
    access_key_id: String,
}

/// Nothing to tell.
#[derive(Serialize)]
pub struct Disabled {}

/// Disables an access key.
pub async fn disable(call: Call, input: DisableInput) -> Result<Disabled, ApiError> {
    let id = input.access_key_id;
    let keys = call.app.keys.list().await?;
    match keys.iter().find(|key| key.id == id) {
        None => return Err(unknown(&id)),
        Some(key) if key.kind == KeyKind::Root => {
            return Err(ApiError::validation(format!(
                "{id} is the root key and cannot be disabled; start the server with another \
                 TIDEGATE_ACCESS_KEY_ID and TIDEGATE_SECRET_ACCESS_KEY to replace it."
            )));
        }
        Some(_) => {}
    }
    let account = call.account().clone();
    let disable = move |store: Store| async move {
        store.access_keys().set_enabled(&account, &id, false).await?;
        Ok(Revoked { keys: vec![id], ..Revoked::default() })
    };
    call.app.revoke(disable).await??;
    Ok(Disabled {})
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("There is no access key {id}."))
}
