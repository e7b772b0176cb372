//! Forgets client tokens that are older than the eight hours for which they
//! count and authorizations that nobody came back for, and ends sessions of the console whose time is up.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often to look; old tokens do no harm but for their room.
const PERIOD: Duration = Duration::from_secs(600);

/// Cleans for ever.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        app.authorizations.forget_expired();
        match app.store.forget_tokens().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "Forgot client tokens."),
            Err(error) => {
                tracing::warn!(%error, "Old client tokens could not be forgotten; trying again later.")
            }
        }
    }
}

/// Ends sessions for ever.
pub async fn run_sessions(app: Arc<App>) {
    loop {
        tokio::time::sleep(app.sessions.sweep_period()).await;
        if let Err(error) = app.sessions.sweep(&app).await {
            tracing::warn!(%error, "Sessions whose time is up could not be ended; trying again later.");
        }
    }
}
