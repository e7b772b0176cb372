//! What several requests together, and what a client without a key, must not bring about.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::pin::Pin;
use std::sync::Barrier;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use http::{HeaderMap, Uri};
use http_body::Frame;
use s3s::dto::*;
use s3s::{Body, S3, S3ErrorCode, S3Request};
use tempfile::TempDir;

use super::*;
use crate::api::Api;
use crate::conditions::WriteConditions;
use crate::folders::tag;

const BUCKET: &str = "bucket";

/// A server with one bucket.
fn api() -> (TempDir, Api) {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join(BUCKET)).expect("made");
    let folders = Folders::open(root.path().to_owned()).expect("opened");
    (root, Api { folders, region: "us-east-1".to_owned() })
}

fn put(folders: &Folders, key: &str, content: &str, conditions: &WriteConditions) -> S3Result<ETag> {
    let (mut file, unplaced) = folders.unplaced()?;
    std::io::Write::write_all(&mut file, content.as_bytes()).expect("written");
    folders.place(unplaced, &file, BUCKET, key, conditions).map(|metadata| tag(&metadata))
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

fn new_only() -> WriteConditions {
    WriteConditions { if_none_match: Some(ETagCondition::Any), ..WriteConditions::default() }
}

fn only(tag: &ETag) -> WriteConditions {
    WriteConditions { if_match: Some(ETagCondition::ETag(tag.clone())), ..WriteConditions::default() }
}

/// Runs as many at once as asked for; gives how many succeeded.
fn winners(racers: usize, race: impl Fn() -> S3Result<()> + Sync) -> usize {
    let start = Barrier::new(racers);
    thread::scope(|scope| {
        let run = || {
            start.wait();
            race().is_ok()
        };
        let racers: Vec<_> = (0..racers).map(|_| scope.spawn(run)).collect();
        racers.into_iter().filter_map(|racer| racer.join().ok()).filter(|won| *won).count()
    })
}

#[test]
fn of_writes_with_the_same_condition_one_wins() {
    let (_root, api) = api();
    for round in 0..20 {
        let key = format!("{round}/new");
        assert_eq!(winners(4, || put(&api.folders, &key, "x", &new_only()).map(drop)), 1);
        let old = put(&api.folders, "old", &key, &WriteConditions::default()).expect("placed");
        assert_eq!(winners(4, || put(&api.folders, "old", "x", &only(&old)).map(drop)), 1);
        let old = put(&api.folders, "old", &key, &WriteConditions::default()).expect("placed");
        assert_eq!(winners(4, || api.folders.delete(BUCKET, "old", &only(&old))), 1);
    }
}

#[tokio::test]
async fn every_change_asks_its_conditions() {
    let (root, api) = api();
    let old = put(&api.folders, "old", "old", &WriteConditions::default()).expect("placed");
    put(&api.folders, "source", "new", &WriteConditions::default()).expect("placed");
    let is = |content: &str| {
        assert_eq!(fs::read_to_string(root.path().join(BUCKET).join("old")).expect("there"), content);
    };
    let delete = |condition: &str| {
        let input = DeleteObjectInput {
            bucket: BUCKET.into(),
            key: "old".into(),
            if_match: Some(ETagCondition::ETag(ETag::Strong(condition.to_owned()))),
            ..DeleteObjectInput::default()
        };
        api.delete_object(request(input, &[]))
    };
    assert_eq!(code(delete("other").await), S3ErrorCode::PreconditionFailed);
    let copy = |name, value| {
        let copy_source =
            CopySource::Bucket { bucket: BUCKET.into(), key: "source".into(), version_id: None };
        let input = CopyObjectInput::builder()
            .bucket(BUCKET.into())
            .key("old".into())
            .copy_source(copy_source)
            .build()
            .expect("complete");
        api.copy_object(request(input, &[(name, value)]))
    };
    assert_eq!(code(copy("if-none-match", "*").await), S3ErrorCode::PreconditionFailed);
    assert_eq!(code(copy("if-match", "\"other\"").await), S3ErrorCode::PreconditionFailed);
    is("old");
    copy("if-match", &format!("\"{}\"", old.value())).await.expect("it matches");
    is("new");
    let now = api.folders.find(BUCKET, "old").map(|(_, metadata)| tag(&metadata)).expect("there");
    let many = |tag: Option<&str>, size| {
        let object = ObjectIdentifier {
            key: "old".into(),
            e_tag: tag.map(|tag| ETag::Strong(tag.to_owned())),
            size,
            ..ObjectIdentifier::default()
        };
        let delete = Delete { objects: vec![object], quiet: None };
        let input = DeleteObjectsInput::builder().bucket(BUCKET.into()).delete(delete).build();
        let input = input.expect("complete");
        async {
            let errors = api.delete_objects(request(input, &[])).await.expect("answered").output.errors;
            errors.unwrap_or_default().pop().and_then(|error| error.code)
        }
    };
    assert_eq!(many(Some("other"), None).await.as_deref(), Some("PreconditionFailed"));
    assert_eq!(many(None, Some(3)).await.as_deref(), Some("NotImplemented"));
    is("new");
    assert_eq!(many(Some(now.value()), None).await, None);
    assert_eq!(many(Some("*"), None).await.as_deref(), Some("NoSuchKey"));
    put(&api.folders, "old", "x", &WriteConditions::default()).expect("placed");
    assert_eq!(many(Some("*"), None).await, None);
    assert_eq!(code(delete("other").await), S3ErrorCode::NoSuchKey, "a condition on what is not there");
    let gone = put(&api.folders, "old", "x", &only(&now));
    assert_eq!(code(gone), S3ErrorCode::NoSuchKey);
}

#[test]
fn links_keep_what_they_lead_to() {
    let (root, api) = api();
    let outside = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(outside.path().join("empty/er")).expect("made");
    let intact = || assert!(outside.path().join("empty/er").is_dir(), "outside of the bucket");
    symlink(outside.path(), root.path().join(BUCKET).join("link")).expect("linked");
    let none = WriteConditions::default();
    assert_eq!(code(put(&api.folders, "link", "x", &none)), S3ErrorCode::InvalidRequest);
    api.folders.delete(BUCKET, "link", &none).expect("nothing to delete");
    intact();
    // Neither through a link nor through one that leads nowhere yet.
    symlink(outside.path().join("new"), root.path().join(BUCKET).join("nowhere")).expect("linked");
    for key in ["link/x", "link/empty/er", "nowhere/x", "nowhere/x/y"] {
        assert_eq!(code(put(&api.folders, key, "x", &none)), S3ErrorCode::InvalidArgument);
        api.folders.delete(BUCKET, key, &none).expect("nothing to delete");
    }
    assert_eq!(fs::read_dir(outside.path()).expect("read").count(), 1);
    intact();
    assert_eq!(code(api.folders.delete_bucket(BUCKET)), S3ErrorCode::BucketNotEmpty);
    symlink(outside.path(), root.path().join("linked")).expect("linked");
    assert_eq!(code(api.folders.delete_bucket("linked")), S3ErrorCode::InvalidRequest);
    intact();
}

#[test]
fn nobody_waits_for_the_other_end_of_a_pipe() {
    let (root, api) = api();
    let pipe = root.path().join(BUCKET).join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("run").success());
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || tell.send(api.folders.find(BUCKET, "pipe").map(drop)));
    assert_eq!(code(told.recv_timeout(Duration::from_secs(10)).expect("answered")), S3ErrorCode::NoSuchKey);
}

#[test]
fn folders_stay_unless_there_is_nothing_in_any_of_them() {
    let (root, api) = api();
    let bucket = root.path().join(BUCKET);
    fs::create_dir_all(bucket.join("a/1/2")).expect("made");
    fs::create_dir_all(bucket.join("z")).expect("made");
    fs::write(bucket.join("z/file"), "x").expect("written");
    assert_eq!(code(api.folders.delete_bucket(BUCKET)), S3ErrorCode::BucketNotEmpty);
    folders::sync(&bucket.join("gone")).expect("nothing to keep");
    assert!(bucket.join("a/1/2").is_dir(), "nothing was removed before everything was looked at");
    fs::remove_file(bucket.join("z/file")).expect("removed");
    put(&api.folders, "a", "x", &WriteConditions::default()).expect("in the place of empty folders");
    // What a process left that ended an hour ago is in nobody's way; what is younger may be whole soon.
    fs::remove_file(bucket.join("a")).expect("removed");
    let left = [bucket.join("z/.tidegate-unfinished-1"), bucket.join(".tidegate-unfinished-run/2")];
    fs::create_dir(left[1].parent().expect("a parent")).expect("made");
    for left in &left {
        fs::write(left, "half").expect("written");
    }
    for left in &left {
        assert_eq!(code(api.folders.delete_bucket(BUCKET)), S3ErrorCode::BucketNotEmpty);
        assert!(left.exists());
        let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
        fs::File::open(left).and_then(|file| file.set_modified(old)).expect("set");
    }
    api.folders.delete_bucket(BUCKET).expect("no objects");
    assert!(!bucket.exists());
}

#[test]
fn a_bucket_on_another_file_system_keeps_no_halves() {
    let (root, api) = api();
    let to = root.path().join(BUCKET).join("k");
    // A file that can be opened and not read.
    folders::beside("/proc/self/mem".as_ref(), &to).expect_err("no such bytes");
    let left = || fs::read_dir(to.parent().expect("a parent")).expect("read").count();
    assert_eq!(left(), 0);
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    if elsewhere.path().metadata().expect("there").dev() == root.path().metadata().expect("there").dev() {
        return;
    }
    fs::remove_dir(to.parent().expect("a parent")).expect("removed");
    symlink(elsewhere.path(), root.path().join(BUCKET)).expect("linked");
    assert_eq!(winners(4, || put(&api.folders, "k", "x", &new_only()).map(drop)), 1);
    assert_eq!(left(), 1);
}

/// An upload of one part; gives what completes it.
async fn upload(api: &Api, key: &str) -> CompleteMultipartUploadInput {
    let begun = CreateMultipartUploadInput {
        bucket: BUCKET.into(),
        key: key.into(),
        ..CreateMultipartUploadInput::default()
    };
    let id = api.create_multipart_upload(request(begun, &[])).await.expect("begun").output.upload_id;
    let id = id.expect("an identifier");
    let part = UploadPartInput::builder()
        .bucket(BUCKET.into())
        .key(key.into())
        .upload_id(id.clone())
        .part_number(1)
        .body(Some(StreamingBlob::from(Body::from(Bytes::from_static(b"part")))))
        .build()
        .expect("complete");
    let e_tag = api.upload_part(request(part, &[])).await.expect("sent").output.e_tag;
    let part = CompletedPart { part_number: Some(1), e_tag, ..CompletedPart::default() };
    CompleteMultipartUploadInput {
        bucket: BUCKET.into(),
        key: key.into(),
        upload_id: id,
        if_none_match: Some(ETagCondition::Any),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(vec![part]) }),
        ..CompleteMultipartUploadInput::default()
    }
}

#[tokio::test]
async fn an_upload_is_completed_once_and_asked_again_says_the_same() {
    let (root, api) = api();
    let input = upload(&api, "k").await;
    let complete = || api.complete_multipart_upload(request(input.clone(), &[]));
    let (one, two) = tokio::join!(complete(), complete());
    let tags = [one, two, complete().await].map(|answer| answer.expect("done").output.e_tag.expect("a tag"));
    let now = api.folders.find(BUCKET, "k").map(|(_, metadata)| tag(&metadata)).expect("there");
    assert_eq!(tags.map(ETag::into_value), [(); 3].map(|()| now.value().to_owned()));
    assert_eq!(fs::read(root.path().join(BUCKET).join("k")).expect("there"), b"part");
    // Its bytes are there once, and it is no upload any more.
    let folder = api.folders.upload(&input.upload_id).expect("an identifier");
    assert!(!folder.join("00001").exists());
    let other = CompleteMultipartUploadInput { multipart_upload: None, ..input.clone() };
    assert_eq!(code(api.complete_multipart_upload(request(other, &[])).await), S3ErrorCode::NoSuchUpload);
    let abort = || {
        let input = AbortMultipartUploadInput {
            bucket: BUCKET.into(),
            key: "k".into(),
            upload_id: input.upload_id.clone(),
            ..AbortMultipartUploadInput::default()
        };
        api.abort_multipart_upload(request(input, &[]))
    };
    assert_eq!(code(abort().await), S3ErrorCode::NoSuchUpload);
    // It is forgotten some minutes later.
    let old = SystemTime::now() - Duration::from_secs(60 * 60);
    fs::File::open(folder.join("done")).and_then(|file| file.set_modified(old)).expect("set");
    upload(&api, "other").await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn an_upload_is_changed_by_one_request_at_a_time() {
    let (_root, api) = api();
    let input = upload(&api, "k").await;
    let mut other = input.clone();
    for part in other.multipart_upload.iter_mut().flat_map(|upload| upload.parts.iter_mut().flatten()) {
        part.e_tag = Some(ETag::Strong("other".to_owned()));
    }
    let refused = api.complete_multipart_upload(request(other, &[])).await;
    assert_eq!(code(refused), S3ErrorCode::InvalidPart);
    // Who ends it waits for whoever changes it.
    let abort = || {
        let (bucket, key, upload_id) = (BUCKET.into(), "k".into(), input.upload_id.clone());
        let input =
            AbortMultipartUploadInput { bucket, key, upload_id, ..AbortMultipartUploadInput::default() };
        api.abort_multipart_upload(request(input, &[]))
    };
    let turn = api.folders.turns.of(&api.folders.upload(&input.upload_id).expect("an identifier")).await;
    tokio::time::timeout(Duration::from_millis(100), abort()).await.expect_err("it waits");
    drop(turn);
    abort().await.expect("forgotten");
    // Of two uploads for a new object one becomes it.
    for round in 0..5 {
        let key = format!("new-{round}");
        let (one, two) = (upload(&api, &key).await, upload(&api, &key).await);
        let complete = |input| api.complete_multipart_upload(request(input, &[]));
        let (one, two) = tokio::join!(complete(one), complete(two));
        assert!(one.is_ok() != two.is_ok());
    }
}

#[tokio::test]
async fn a_part_that_comes_too_late_is_refused() {
    let (_root, api) = api();
    let api = Arc::new(api);
    let input = upload(&api, "k").await;
    // While it is sent, the upload is completed.
    let (meanwhile, upload) = (Arc::clone(&api), input.clone());
    let body = futures::stream::once(async move {
        let completes = async move { meanwhile.complete_multipart_upload(request(upload, &[])).await };
        tokio::spawn(completes).await.expect("ran").expect("completed");
        Ok::<_, std::io::Error>(Bytes::from_static(b"late"))
    });
    let part = UploadPartInput::builder()
        .bucket(BUCKET.into())
        .key("k".into())
        .upload_id(input.upload_id)
        .part_number(2)
        .body(Some(StreamingBlob::wrap(body)))
        .build()
        .expect("complete");
    assert_eq!(code(api.upload_part(request(part, &[])).await), S3ErrorCode::NoSuchUpload);
}

#[tokio::test]
async fn an_object_is_told_though_its_parts_cannot_be_cleared_away() {
    let (_root, api) = api();
    let input = upload(&api, "k").await;
    // A folder in the place of the file that says so.
    let folder = api.folders.upload(&input.upload_id).expect("an identifier");
    fs::create_dir(folder.join("done.new")).expect("made");
    api.complete_multipart_upload(request(input, &[])).await.expect("the object is there");
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
