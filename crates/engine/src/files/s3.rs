//! An S3 endpoint as the place of buckets.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::path::Path;
use object_store::{
    Attribute, BackoffConfig, ClientOptions, CredentialProvider, GetOptions, GetRange, GetResult,
    ObjectStore as _, ObjectStoreExt as _, RetryConfig,
};
use tidegate_core::{Secret, fault};

use super::buckets::{BucketError, Object};
use super::opened::{ObjectBytes, Opened, Store, Version};

/// How often an answer is asked for that ends before it is whole.
const TRIES: usize = 3;
/// Bytes that are asked for at once: an endpoint may take its time for an
/// answer however long that is.
const RANGE_SIZE: u64 = 64 * 1024 * 1024;
/// Bytes of an answer that are handed on together.
const PIECE: usize = 1024 * 1024;
/// Bytes that are asked for when an object is opened: several are open ahead of
/// their turn, and most objects are small.
const FIRST_SIZE: u64 = 512 * 1024;

/// How long one request may take with its answer; both have some MiB at most.
/// An endpoint that says nothing for so long will say nothing more.
const TIMEOUT: Duration = Duration::from_secs(180);

/// [`TIMEOUT`], but where a test does not want to wait for so long.
fn timeout() -> Duration {
    fault::number("s3.timeout.ms").map_or(TIMEOUT, Duration::from_millis)
}

/// An access key in clear, for the length of one request.
#[derive(Clone, Debug)]
pub struct S3Keys {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Secret<String>,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<Secret<String>>,
}

/// Who gives the access key; asked before each request, so that keys that
/// expire may be renewed there (and cached there).
#[async_trait]
pub trait S3KeySource: Send + Sync {
    /// The key to use now.
    ///
    /// # Errors
    ///
    /// Why there is none, in words for the user and without secrets.
    async fn keys(&self) -> Result<S3Keys, String>;
}

/// A key that does not change.
#[async_trait]
impl S3KeySource for S3Keys {
    async fn keys(&self) -> Result<S3Keys, String> {
        Ok(self.clone())
    }
}

/// How an S3 endpoint is reached.
#[derive(Clone)]
pub struct S3Config {
    /// The endpoint's URL, such as `http://127.0.0.1:9000`; `None` is AWS's own.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Who gives the access key.
    pub keys: Arc<dyn S3KeySource>,
    /// Whether `http://` may lead to another machine than this one.
    pub allow_plain_http: bool,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// The buckets of an S3 endpoint; see [`super::buckets::Buckets::s3`].
#[derive(Debug)]
pub struct S3Buckets {
    config: S3Config,
    allow_http: bool,
    stores: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

impl S3Buckets {
    pub(super) fn new(config: S3Config) -> Result<Self, BucketError> {
        let mut allow_http = false;
        if let Some(endpoint) = &config.endpoint {
            if let Some(rest) = endpoint.strip_prefix("http://") {
                let authority = rest.split('/').next().unwrap_or(rest);
                if !config.allow_plain_http && !is_loopback(authority) {
                    return Err(BucketError::Invalid(format!(
                        "The S3 endpoint {endpoint} is plain HTTP to another machine. Use https://, or allow it with --allow-plain-http"
                    )));
                }
                allow_http = true;
            } else if !endpoint.starts_with("https://") {
                return Err(BucketError::Invalid(format!(
                    "The S3 endpoint {endpoint} must begin with https:// or http://"
                )));
            }
        }
        Ok(Self { config, allow_http, stores: Mutex::default() })
    }

    /// The client of a bucket, whose name has been checked.
    pub(crate) fn store(&self, bucket: &str) -> Result<Arc<AmazonS3>, BucketError> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(bucket) {
            return Ok(store.clone());
        }
        let options = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(Duration::from_secs(10))
            .with_timeout(timeout());
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 5,
            retry_timeout: Duration::from_secs(60),
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&self.config.region)
            .with_credentials(Arc::new(Credentials(self.config.keys.clone())))
            .with_client_options(options)
            .with_retry(retry);
        builder = match &self.config.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')),
            None => builder.with_virtual_hosted_style_request(!bucket.contains('.')),
        };
        let store = builder
            .build()
            .map(Arc::new)
            .map_err(|error| BucketError::Invalid(format!("The S3 endpoint cannot be used: {error}")))?;
        stores.insert(bucket.to_owned(), store.clone());
        Ok(store)
    }

    /// Asks for keys that nobody has, which is the cheapest question that
    /// needs the bucket.
    pub(super) async fn check(&self, bucket: &str) -> Result<(), BucketError> {
        let prefix = ".tidegate-check";
        let found = self.store(bucket)?.list(Some(&path(prefix)?)).next().await;
        found.transpose().map(|_| ()).map_err(|error| explain(bucket, prefix, error))
    }

    pub(super) async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, BucketError> {
        let store = self.store(bucket)?;
        let path = path(prefix)?;
        let mut tries = 1..TRIES;
        let mut objects: Vec<Object> = loop {
            let pages = store.list((!prefix.is_empty()).then_some(&path)).map_ok(object);
            match pages.try_collect().await {
                Ok(objects) => break objects,
                Err(error) if is_torn(&error) && tries.next().is_some() => {}
                Err(error) => return Err(explain(bucket, prefix, error)),
            }
        };
        if objects.is_empty() && !prefix.is_empty() {
            // The prefix may be an object's own key.
            match store.head(&path).await {
                Ok(meta) => objects.push(object(meta)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(explain(bucket, prefix, error)),
            }
        }
        Ok(objects)
    }

    /// The objects of one folder whose names begin with the prefix's last part.
    pub(super) async fn beginning_with(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Object>, BucketError> {
        let around = prefix.rsplit_once('/').map(|(around, _)| path(around)).transpose()?;
        let listed = self.store(bucket)?.list_with_delimiter(around.as_ref()).await;
        let listed = listed.map_err(|error| explain(bucket, prefix, error))?;
        Ok(listed.objects.into_iter().map(object).filter(|object| object.key.starts_with(prefix)).collect())
    }

    /// Opens an object and reads its first bytes, by which its version is known.
    pub(super) async fn open(&self, bucket: &str, key: &str) -> Result<Opened, BucketError> {
        let object = S3Object { store: self.store(bucket)?, path: path(key)?, bucket: bucket.to_owned() };
        let (version, answer) = object.get(0..FIRST_SIZE).await?;
        let encoding = answer.attributes.get(&Attribute::ContentEncoding).map(|value| value.to_string());
        let first = answer.bytes().await.map_err(|error| object.explain(error))?;
        let store = Store::S3(Arc::new(object));
        Ok(Opened { key: key.to_owned(), version, first, encoding, store })
    }
}

/// An object that is read in ranges.
#[derive(Debug)]
pub(super) struct S3Object {
    store: Arc<AmazonS3>,
    path: Path,
    bucket: String,
}

impl S3Object {
    /// Reads a range of a version.
    pub(super) async fn read(&self, range: Range<u64>, version: &Version) -> Result<Bytes, BucketError> {
        let length = range.end - range.start;
        let (now, answer) = self.get(range).await?;
        let piece = answer.bytes().await.map_err(|error| self.explain(error))?;
        if !version.is(&now) || piece.len() as u64 != length {
            return Err(self.replaced());
        }
        Ok(piece)
    }

    /// A version from a place on, in pieces.
    pub(super) fn rest(self: Arc<Self>, at: u64, version: Version) -> ObjectBytes {
        let rest = Rest { object: self, version, at, answer: None };
        let pieces = futures::stream::try_unfold(rest, |mut rest| async move {
            Ok(rest.piece().await?.map(|piece| (piece, rest)))
        });
        pieces.boxed()
    }

    async fn get(&self, range: Range<u64>) -> Result<(Version, GetResult), BucketError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let answer = self.store.get_opts(&self.path, options).await.map_err(|error| self.explain(error))?;
        let meta = &answer.meta;
        let tag = match &meta.e_tag {
            Some(tag) => bare_tag(tag),
            None => Version::of_time(meta.last_modified.timestamp_millis()),
        };
        Ok((Version { size: meta.size, tag: Some(tag) }, answer))
    }

    fn explain(&self, error: object_store::Error) -> BucketError {
        match explain(&self.bucket, self.path.as_ref(), error) {
            // The object has become shorter than the one that was listed or opened.
            BucketError::Failed(text) if text.contains("InvalidRange") => self.replaced(),
            other => other,
        }
    }

    fn replaced(&self) -> BucketError {
        BucketError::Replaced(self.bucket.clone(), self.path.to_string())
    }
}

/// What is still to be read of an object.
struct Rest {
    object: Arc<S3Object>,
    version: Version,
    at: u64,
    answer: Option<Answer>,
}

/// An answer on its way.
struct Answer {
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    /// Where it begins and ends in the object.
    range: Range<u64>,
}

impl Rest {
    async fn piece(&mut self) -> Result<Option<Bytes>, BucketError> {
        let mut piece = BytesMut::new();
        while self.at < self.version.size && piece.len() < PIECE {
            let answer = match self.answer.take() {
                Some(answer) => self.answer.insert(answer),
                None => {
                    let range = self.at..self.version.size.min(self.at + RANGE_SIZE);
                    let (now, answer) = self.object.get(range.clone()).await?;
                    if !self.version.is(&now) {
                        return Err(self.object.replaced());
                    }
                    self.answer.insert(Answer { bytes: answer.into_stream(), range })
                }
            };
            match answer.bytes.next().await {
                Some(Ok(bytes)) if bytes.len() as u64 <= answer.range.end - self.at => {
                    if piece.is_empty() {
                        piece.reserve(PIECE);
                    }
                    self.at += bytes.len() as u64;
                    piece.extend_from_slice(&bytes);
                    if self.at == answer.range.end {
                        self.answer = None;
                    }
                }
                // It is longer than what was asked for.
                Some(Ok(_)) => return Err(self.object.replaced()),
                // A source that waits for its destination may wait longer than an
                // endpoint does. What has brought something is asked for again from
                // there; what has not will not do better.
                broken => {
                    let error = match broken {
                        Some(Err(error)) => self.object.explain(error),
                        _ => BucketError::Failed("the answer ended before it was whole".to_owned()),
                    };
                    if self.at == answer.range.start {
                        return Err(error);
                    }
                    self.answer = None;
                }
            }
        }
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }
}

/// An entity tag without the signs around it, which not every answer of an
/// endpoint has.
fn bare_tag(tag: &str) -> String {
    tag.trim_start_matches("W/").trim_matches('"').to_owned()
}

/// Whether the answer came and then broke off, which the client does not try
/// again by itself.
fn is_torn(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. }) && chain(error).contains("response body")
}

/// An object's path as the client wants it: the key itself, nothing encoded.
pub(super) fn path(key: &str) -> Result<Path, BucketError> {
    Path::parse(key).map_err(|error| BucketError::Invalid(format!("The key {key:?} cannot be used: {error}")))
}

/// Puts the endpoint's answer into S3's own terms. The client tells the body
/// of an answer in its error's text, and not always a kind.
pub(super) fn explain(bucket: &str, key: &str, error: object_store::Error) -> BucketError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let text = chain(&error);
    let code = element(&text, "Code").unwrap_or_default();
    let said = match (code, element(&text, "Message")) {
        ("", _) => text.clone(),
        (code, None) => code.to_owned(),
        (code, Some(message)) => format!("{code}: {message}"),
    };
    match (code, &error) {
        ("NoSuchBucket", _) => BucketError::NoSuchBucket(bucket.to_owned()),
        ("NoSuchKey" | "", NotFound { .. }) => BucketError::NoSuchKey(bucket.to_owned(), key.to_owned()),
        (
            "AccessDenied"
            | "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "ExpiredToken"
            | "InvalidToken"
            | "RequestTimeTooSkewed",
            _,
        )
        | (_, PermissionDenied { .. } | Unauthenticated { .. }) => {
            BucketError::Refused(format!("S3 refused access to {key:?} in the bucket {bucket}: {said}"))
        }
        _ => BucketError::Failed(format!("S3 failed on {key:?} in the bucket {bucket}: {said}")),
    }
}

/// The text of the first XML element of a name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inner).filter(|inner| !inner.is_empty())
}

/// An error and its sources, without repetitions.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Bridges to the client's own trait.
struct Credentials(Arc<dyn S3KeySource>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let keys = self
            .0
            .keys()
            .await
            .map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })?;
        Ok(Arc::new(AwsCredential {
            key_id: keys.access_key_id,
            secret_key: keys.secret_access_key.into_inner(),
            token: keys.session_token.map(Secret::into_inner),
        }))
    }
}

fn object(meta: object_store::ObjectMeta) -> Object {
    Object {
        key: meta.location.to_string(),
        size: meta.size,
        changed_ms: meta.last_modified.timestamp_millis(),
        tag: meta.e_tag.as_deref().map(bare_tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: &str, allow_plain_http: bool) -> S3Config {
        let keys = S3Keys {
            access_key_id: "AKIATEST".to_owned(),
            secret_access_key: "hidden".to_owned().into(),
            session_token: None,
        };
        S3Config {
            endpoint: Some(endpoint.to_owned()),
            region: "us-east-1".to_owned(),
            keys: Arc::new(keys),
            allow_plain_http,
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for endpoint in
            ["http://127.0.0.1:9000", "http://[::1]:9000/", "http://localhost", "https://s3.example"]
        {
            assert!(S3Buckets::new(config(endpoint, false)).is_ok(), "{endpoint}");
        }
        for endpoint in
            ["http://s3.example", "http://127.0.0.1.example:80", "ftp://127.0.0.1", "127.0.0.1:9000"]
        {
            assert!(S3Buckets::new(config(endpoint, false)).is_err(), "{endpoint}");
        }
        assert!(S3Buckets::new(config("http://minio.internal:9000", true)).is_ok());
        assert!(!format!("{:?}", config("http://127.0.0.1", false)).contains("hidden"));
    }
}
