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
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Version, header};
use tidegate_core::Secret;
use tidegate_s3_gateway::{Gateway, IDLE_TIME, Keys, late};

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
            let uninvited = is_uninvited(&request);
            let mut answer = gateway.call(invited(request).await).await;
            app.metrics.request("S3", answer.status().as_u16(), begun.elapsed());
            if uninvited {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            answer.map(Body::new)
        }
    }))
}

/// Whether a client waits for leave to send nothing: then none is given. Botocore
/// takes the next answer on this connection for a part of this one, so there is none.
fn is_uninvited(request: &Request) -> bool {
    let is_empty = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    is_empty && request.headers().contains_key(header::EXPECT) && request.version() < Version::HTTP_2
}

/// Tells a client that waits for leave to send its body (`Expect: 100-continue`)
/// to go on before anything else is done: some take an answer that comes late
/// for the beginning of the next one. Nobody knows yet who it is, so it has to come in time.
async fn invited(request: Request) -> Request {
    if !request.headers().contains_key(header::EXPECT) {
        return request;
    }
    let (head, body) = request.into_parts();
    let mut rest = body.into_data_stream();
    // The leave goes out when the body is asked for the first time.
    match tokio::time::timeout(IDLE_TIME, rest.next()).await {
        Ok(first) => Request::from_parts(head, Body::from_stream(stream::iter(first).chain(rest))),
        Err(_) => Request::from_parts(head, Body::from_stream(stream::iter([Err::<Bytes, _>(late())]))),
    }
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
