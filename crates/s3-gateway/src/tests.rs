//! What a client without a key, and one that stops sending, must not bring about.

use std::fs;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use http::{HeaderMap, Uri};
use http_body::Frame;
use s3s::dto::*;
use s3s::{Body, S3, S3ErrorCode, S3Request};
use tempfile::TempDir;

use super::*;
use crate::api::Api;

const BUCKET: &str = "bucket";

/// A server with one bucket.
fn api() -> (TempDir, Api) {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join(BUCKET)).expect("made");
    let folders = Folders::open(root.path().to_owned()).expect("opened");
    (root, Api { folders, region: "us-east-1".to_owned() })
}

fn request<T>(input: T, headers: &[(&'static str, &str)]) -> S3Request<T> {
    let value = |(name, value): &(&'static str, &str)| {
        (http::HeaderName::from_static(name), value.parse().expect("a value"))
    };
    S3Request {
        input,
        method: Method::PUT,
        uri: Uri::default(),
        headers: headers.iter().map(value).collect::<HeaderMap>(),
        extensions: http::Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

fn code<T>(result: S3Result<T>) -> S3ErrorCode {
    result.err().expect("refused").code().clone()
}

/// A body that never ends.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

/// Sends an object whose pieces come with pauses between them.
async fn put_slowly(api: &Api, pauses: &[Duration]) -> S3Result<()> {
    let pieces = futures::stream::iter(pauses.to_vec()).then(|pause| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece"))
    });
    let body = body::timely(Body::from(StreamingBlob::wrap(pieces)));
    let input = PutObjectInput::builder()
        .bucket(BUCKET.into())
        .key("k".into())
        .body(Some(StreamingBlob::from(body)))
        .build()
        .expect("complete");
    api.put_object(request(input, &[])).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_ends_its_request() {
    let (root, api) = api();
    let begun = tokio::time::Instant::now();
    // However long it takes: what counts is that the next piece comes.
    put_slowly(&api, &[IDLE_TIME * 9 / 10; 5]).await.expect("slow");
    assert!(begun.elapsed() > IDLE_TIME * 4);
    let begun = tokio::time::Instant::now();
    let never = Duration::from_secs(1_000_000);
    assert_eq!(code(put_slowly(&api, &[Duration::ZERO, never]).await), S3ErrorCode::RequestTimeout);
    assert!(begun.elapsed() < IDLE_TIME * 2);
    assert_eq!(fs::read_dir(root.path().join(".uploads")).expect("read").count(), 0);
}

struct NoKeys;

#[async_trait]
impl Keys for NoKeys {
    async fn secret(&self, _: &str) -> Result<Option<Secret<String>>, String> {
        Ok(None)
    }
}

/// Time stands still unless everybody waits for it, so what is answered after no time was not waited for.
#[tokio::test(start_paused = true)]
async fn a_form_is_refused_before_it_is_read() {
    let root = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::new(root.path().to_owned(), "us-east-1", Arc::new(NoKeys)).expect("opened");
    for kind in ["multipart/form-data; boundary=x", "Multipart/Form-Data;boundary=x"] {
        let begun = tokio::time::Instant::now();
        let request = Request::post("http://localhost/bucket").header("content-type", kind);
        let answer = gateway.call(request.body(Endless).expect("a request")).await;
        assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
