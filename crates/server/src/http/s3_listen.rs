//! `--s3-listen`: the local buckets over the S3 API, for the access keys of
//! people and programs. Keys that are lent to a browser's session do not count
//! here: they are worth something only together with its cookie.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use tidegate_core::Secret;
use tidegate_s3_gateway::{Gateway, Keys};

use crate::app::App;

/// The routes of the second listener.
///
/// # Errors
/// The folder of the buckets cannot be used.
pub fn router(app: &Arc<App>, root: PathBuf) -> Result<Router, String> {
    let cannot = |error| format!("the buckets in {} cannot be served: {error}", root.display());
    let keys = Arc::new(KeysOf(Arc::clone(app)));
    let gateway = Gateway::new(root.clone(), &app.scope.region, keys).map_err(cannot)?;
    let app = Arc::clone(app);
    Ok(Router::new().fallback(move |request: Request| {
        let (app, gateway) = (Arc::clone(&app), gateway.clone());
        async move {
            let begun = Instant::now();
            let answer = gateway.call(request).await;
            app.metrics.request("S3", answer.status().as_u16(), begun.elapsed());
            answer.map(Body::new)
        }
    }))
}

struct KeysOf(Arc<App>);

#[async_trait]
impl Keys for KeysOf {
    async fn secret(&self, id: &str) -> Result<Option<Secret<String>>, String> {
        let found = self.0.keys.find(id).await.map_err(|error| error.message)?;
        Ok(found
            .filter(|key| key.session_id().is_none())
            .map(|key| Secret::new(key.as_access_key().secret.to_owned())))
    }
}
