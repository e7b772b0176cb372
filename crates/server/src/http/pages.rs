//! The operator's pages: is it alive, is it ready, what does it count.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::app::App;

/// `GET /healthz`: the process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers too, and the server is not stopping.
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match app.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "The store does not answer.");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
        }
    }
}

/// `GET /metrics`: the text format of Prometheus.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.store.queue().counts().await {
        Ok(counts) => app.metrics.runs(&counts),
        Err(error) => {
            tracing::warn!(%error, "The metrics tell an earlier number of runs: the store does not answer.")
        }
    }
    match app.store.event_backlog().await {
        Ok(backlog) => app.metrics.events_waiting(backlog),
        Err(error) => {
            tracing::warn!(%error, "The metrics tell an earlier number of events: the store does not answer.")
        }
    }
    let text = app.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
