//! What is due of event flows: runs that failed are tried again, and every five
//! minutes a flow that did something is reported.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::server::explain;

/// How often to look; both are found by an index.
const LOOK: Duration = Duration::from_secs(1);

/// Looks for ever.
pub async fn run(app: Arc<App>) {
    loop {
        let retried = app.store.retry_events().await;
        let reported = app.store.report_events().await;
        for result in [retried, reported] {
            if let Err(error) = result {
                tracing::warn!(
                    error = explain(&error),
                    "What is due of event flows could not be done; trying again."
                );
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
