//! Rotates the vault's key in the background, one rotation at a time.

use std::sync::Arc;

use parking_lot::Mutex;
use tidegate_store::{Rotation, StoreError};

use crate::app::App;
use crate::server::explain;

/// Whether a rotation is under way, and how the last one failed.
#[derive(Default)]
pub struct RotationState(Mutex<(bool, Option<String>)>);

impl RotationState {
    /// Whether one is under way, and why the last one stopped, if it did.
    pub fn state(&self) -> (bool, Option<String>) {
        self.0.lock().clone()
    }
}

/// Starts a rotation unless one is under way.
pub fn start(app: &Arc<App>) {
    spawn(app, false);
}

/// Goes on with a rotation that a crash interrupted, if one was.
pub fn resume(app: &Arc<App>) {
    spawn(app, true);
}

fn spawn(app: &Arc<App>, resume: bool) {
    {
        let mut state = app.rotation.0.lock();
        if state.0 {
            return;
        }
        *state = (true, None);
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let progress = |row: &Rotation| {
            tracing::debug!(done = row.done, total = row.total, "Wrapping secrets anew.");
        };
        let result: Result<Option<Rotation>, StoreError> = if resume {
            app.store.resume_rotation(progress).await
        } else {
            app.store.rotate(progress).await.map(Some)
        };
        let error = match result {
            Ok(None) => None,
            Ok(Some(row)) => {
                tracing::info!(
                    key_id = row.key_id,
                    done = row.done,
                    refused = row.refused,
                    "The vault's key was rotated."
                );
                None
            }
            Err(error) => {
                let text = explain(&error);
                tracing::error!(error = text, "The rotation of the vault's key stopped.");
                Some(text)
            }
        };
        *app.rotation.0.lock() = (false, error);
    });
}
