//! Forgets client tokens that are older than the eight hours for which they count.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often to look; old tokens do no harm but for their room.
const PERIOD: Duration = Duration::from_secs(600);

/// Cleans for ever.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        match app.store.forget_tokens().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "Forgot client tokens."),
            Err(error) => {
                tracing::warn!(%error, "Old client tokens could not be forgotten; trying again later.")
            }
        }
    }
}
