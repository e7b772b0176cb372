//! Takes notifications out of the outbox and delivers them, at least once each,
//! for as long as they are worth it.

use std::sync::Arc;
use std::time::Duration;

use tidegate_store::Waiting;
use tokio_util::sync::CancellationToken;

use super::Sink;
use crate::app::App;
use crate::server::explain;

/// How often to look for notifications that were put off.
const LOOK: Duration = Duration::from_secs(1);

/// How long a sink is left alone after nothing arrived there: twice as long
/// each time, up to the second.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest time, in seconds, that one notification is put off.
const LONGEST_WAIT_SECONDS: u32 = 900;

/// How long a notification is worth its delivery; EventBridge's own targets
/// have as long.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many may wait for one sink.
const MOST: u32 = 100_000;

/// How often both are looked at.
const BOUND_PERIOD: Duration = Duration::from_secs(60);

/// Delivers to one sink until the server stops, and then what is still due,
/// as long as it goes well.
pub async fn run(app: Arc<App>, sink: Arc<dyn Sink>, last: CancellationToken) {
    let name = sink.name();
    let outbox = app.store.outbox();
    let (mut pause, mut down) = (FIRST_PAUSE, false);
    app.metrics.sink_up(name, true);
    loop {
        let changed = outbox.changed();
        let due = outbox.due(name, sink.batch()).await.unwrap_or_else(|error| {
            tracing::warn!(
                sink = name,
                error = explain(&error),
                "The outbox could not be read; trying again."
            );
            Vec::new()
        });
        if due.is_empty() {
            tokio::select! {
                () = changed => continue,
                () = tokio::time::sleep(LOOK) => continue,
                () = last.cancelled() => return,
            }
        }
        let Delivery { arrived, error } = deliver(&app, sink.as_ref(), due).await;
        match (arrived, error) {
            (true, _) if down => {
                tracing::info!(sink = name, "Notifications arrive again.");
                (pause, down) = (FIRST_PAUSE, false);
            }
            (true, _) | (_, None) => pause = FIRST_PAUSE,
            (false, Some(error)) => {
                if !down {
                    tracing::warn!(
                        sink = name,
                        error,
                        "Notifications do not arrive; they wait, and are tried again without further words."
                    );
                }
                down = true;
            }
        }
        app.metrics.sink_up(name, !down);
        if down {
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = last.cancelled() => return,
            }
        }
    }
}

struct Delivery {
    /// Some arrived.
    arrived: bool,
    /// Why one did not.
    error: Option<String>,
}

async fn deliver(app: &App, sink: &dyn Sink, due: Vec<Waiting>) -> Delivery {
    let name = sink.name();
    let results = sink.deliver(&due).await;
    let (mut delivered, mut failed, mut last) = (Vec::new(), Vec::new(), None);
    for (notification, result) in due.into_iter().zip(results) {
        match result {
            Ok(()) => delivered.push(notification.id),
            Err(error) => {
                failed.push((notification.id, wait_ms(notification.attempts)));
                last = Some(error);
            }
        }
    }
    app.metrics.notified(name, delivered.len(), failed.len());
    let arrived = !delivered.is_empty();
    if let Err(error) = app.store.outbox().settle(name, delivered, failed).await {
        // They are delivered a second time then.
        tracing::warn!(sink = name, error = explain(&error), "The outbox could not be written.");
        tokio::time::sleep(LOOK).await;
    }
    Delivery { arrived, error: last }
}

/// How long a notification is put off that was tried so often before.
fn wait_ms(attempts: u32) -> i64 {
    i64::from(1u32.checked_shl(attempts).unwrap_or(u32::MAX).min(LONGEST_WAIT_SECONDS)) * 1000
}

/// Keeps the outbox in its bounds, also when there is no sink any more.
pub async fn bound(app: Arc<App>) {
    let age_ms = i64::try_from(AGE.as_millis()).unwrap_or(i64::MAX);
    loop {
        match app.store.outbox().bound(age_ms, MOST).await {
            Ok(sinks) => {
                for (sink, (gone, _)) in &sinks {
                    if *gone > 0 {
                        tracing::warn!(
                            sink,
                            gone,
                            "Notifications that could not be delivered were given up."
                        );
                    }
                }
                app.metrics.outbox(&sinks);
            }
            Err(error) => tracing::warn!(error = explain(&error), "The outbox could not be looked at."),
        }
        tokio::time::sleep(BOUND_PERIOD).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_rarer_and_never_stop() {
        assert_eq!((0..4).map(wait_ms).collect::<Vec<_>>(), [1000, 2000, 4000, 8000]);
        assert_eq!([wait_ms(31), wait_ms(32), wait_ms(400)], [900_000; 3]);
    }
}
