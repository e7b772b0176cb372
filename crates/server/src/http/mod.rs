//! HTTP: the listener, the pipeline of one request, and the operator's pages.

mod listener;
mod pages;
mod pipeline;
mod public_url;
pub mod sigv4;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub use listener::{Bound, TlsFiles};
pub use public_url::PublicUrl;

/// Every route of the server: three pages for operators, and the API for
/// everything else.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(pages::healthz))
        .route("/readyz", get(pages::readyz))
        .route("/metrics", get(pages::metrics))
        .fallback(pipeline::handle)
        .with_state(app)
}
