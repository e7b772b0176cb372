//! The S3 API over folders: each folder below a root is a bucket, each file in
//! it an object. It serves the local buckets of Tidegate to AWS's own clients.
//!
//! Reading order: [`Gateway`] answers requests; `api` is S3's operations, `answers` what they answer with;
//! `names` says what a bucket's name and a key may be; `folders` finds and
//! replaces files, `conditions` says when, `listing` lists them; `receive` takes
//! what is sent, `body` in time; `multipart` puts parts together, `turns` one
//! request after the other.
//!
//! Three promises: an object is replaced whole or not at all; nothing outside
//! of the buckets can be named, the staged output of runs included; and every
//! request is signed (SigV4) with a key that the server knows.

mod answers;
mod api;
mod body;
mod conditions;
mod folders;
mod listing;
mod multipart;
mod names;
mod receive;
#[cfg(test)]
mod tests;
mod turns;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Result, StdError, s3_error};
use tidegate_core::Secret;

pub use body::{IDLE_TIME, late};
use folders::Folders;

/// Who may call.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The secret of an access key; `None` when there is none that counts.
    ///
    /// # Errors
    /// When it cannot be found out now; the text is for the log.
    async fn secret(&self, id: &str) -> Result<Option<Secret<String>>, String>;
}

/// The S3 API.
#[derive(Clone)]
pub struct Gateway(S3Service);

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

impl Gateway {
    /// Serves the folders below a root, and clears away what uploads of an
    /// earlier process have left there.
    ///
    /// # Errors
    /// The root cannot be read or written.
    pub fn new(root: PathBuf, region: &str, keys: Arc<dyn Keys>) -> std::io::Result<Self> {
        let folders = Folders::open(root)?;
        let mut builder = S3ServiceBuilder::new(api::Api { folders, region: region.to_owned() });
        builder.set_auth(Auth(keys));
        builder.set_access(SignedOnly);
        Ok(Self(builder.build()))
    }

    /// Answers one request.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        StdError: From<B::Error>,
    {
        let answer = if is_form(&request) {
            s3_error!(NotImplemented, "Uploads by a form are not offered: use a presigned URL")
                .to_http_response()
                .map_err(|error| s3s::HttpError::new(Box::new(error)))
        } else {
            self.0.call(request.map(|body| body::timely(Body::http_body_unsync(body)))).await
        };
        match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(?error, "An S3 request could not be answered.");
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                answer
            }
        }
    }
}

/// Whether a request uploads by a form. Its signature is a field of the form, so
/// the form would be read, and kept in memory, before it is known who sends it.
fn is_form<B>(request: &Request<B>) -> bool {
    const FORM: &[u8] = b"multipart/form-data";
    request.method() == Method::POST
        && request.headers().get_all(header::CONTENT_TYPE).iter().any(|value| {
            let value = value.as_bytes().trim_ascii_start();
            value.get(..FORM.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(FORM))
        })
}

struct Auth(Arc<dyn Keys>);

#[async_trait]
impl S3Auth for Auth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.secret(access_key).await {
            Ok(Some(secret)) => Ok(SecretKey::from(secret.expose().as_str())),
            Ok(None) => Err(s3_error!(InvalidAccessKeyId, "The access key is not known or is disabled")),
            Err(error) => {
                tracing::error!(error, "An access key could not be looked up.");
                Err(s3_error!(ServiceUnavailable, "The access key cannot be looked up now; try again"))
            }
        }
    }
}

/// Admits what is signed with SigV4, by header or by a presigned URL.
struct SignedOnly;

#[async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let by_header = context
            .headers()
            .get(header::AUTHORIZATION)
            .is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
        let by_url = context.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="));
        if context.credentials().is_some() && (by_header || by_url) {
            return conditions::refuse_unbuilt(context.s3_op().name(), context.method(), context.headers());
        }
        Err(s3_error!(AccessDenied, "The request is not signed with Signature Version 4"))
    }
}
