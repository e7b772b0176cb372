//! Rotation of the vault's key.

use serde::Serialize;

use super::Nothing;
use crate::error::ApiError;
use crate::ops::Call;
use crate::tasks::rotate;

/// How far the rotation is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// `Running`, `Done`, or `Failed`.
    status: &'static str,
    total: u64,
    done: u64,
    /// Rows that do not open, because somebody changed them.
    refused: u64,
    key_id: String,
    error: Option<String>,
}

/// Starts a rotation, or joins the one under way; it goes on in the background.
pub async fn rotate(call: Call, _input: Nothing) -> Result<Rotation, ApiError> {
    rotate::start(&call.app);
    tell(&call).await
}

/// Tells how far it is.
pub async fn describe(call: Call, _input: Nothing) -> Result<Rotation, ApiError> {
    tell(&call).await
}

async fn tell(call: &Call) -> Result<Rotation, ApiError> {
    // The state of the task is read first: when it has ended, the row is final.
    let (running, error) = call.app.rotation.state();
    let row = call.app.store.rotation().await?;
    // While a new rotation has not counted yet, the row is the last one's.
    let row = row.filter(|row| !running || row.finished_at_ms.is_none());
    let status = match (running, &error) {
        (true, _) => "Running",
        (false, Some(_)) => "Failed",
        (false, None) => "Done",
    };
    Ok(Rotation {
        status,
        total: row.as_ref().map_or(0, |row| row.total),
        done: row.as_ref().map_or(0, |row| row.done),
        refused: row.as_ref().map_or(0, |row| row.refused),
        key_id: row.map_or_else(|| call.app.store.keyring().key_id, |row| row.key_id),
        error,
    })
}
