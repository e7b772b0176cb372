//! Objects that change, and endpoints that are slow, while a run reads.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datafusion::arrow::array::{AsArray as _, Int64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use futures::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tidegate_core::flow::{InputFormat, S3Source};
use tidegate_core::schedule::PullWindow;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::ahead::{self, Turn};
use super::buckets::Buckets;
use super::s3::{S3Config, S3Keys};
use super::source::{self, Records, Wanted};
use crate::error::RunError;

const MIB: usize = 1024 * 1024;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("bucket/in")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join("bucket/in").join(name)
    }

    async fn open(&self, wanted: Option<&str>, changed: Option<PullWindow>) -> Records {
        let source = S3Source {
            bucket: "bucket".to_owned(),
            prefix: "in".to_owned(),
            format: InputFormat::Csv,
            changed,
        };
        let names = wanted.map(|name| vec![name.to_owned()]);
        let wanted = Wanted::Fields { names, skip_missing: false };
        let buckets = Arc::new(Buckets::local(self.0.path()));
        source::open(buckets, &source, wanted, Arc::default()).await.unwrap().unwrap()
    }
}

/// A file of one column, every value of which is the same letter.
fn csv(letter: &str, bytes: usize) -> String {
    format!("x\n{}", format!("{letter}\n").repeat(bytes / 2))
}

/// Everything that the batches hold, each value once where it repeats.
async fn values(records: Records) -> Result<Vec<String>, RunError> {
    let batches: Vec<RecordBatch> = records.parts.map_ok(|(_, batch)| batch).try_collect().await?;
    let mut values: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    values.dedup();
    Ok(values)
}

fn is_replaced(result: &Result<Vec<String>, RunError>) -> bool {
    result.as_ref().is_err_and(|error| error.to_string().contains("was replaced while it was read"))
}

#[tokio::test]
async fn a_file_that_is_overwritten_while_it_is_read_ends_the_run() {
    let folder = Folder::new();
    fs::write(folder.path("a.csv"), csv("a", 4 * MIB)).unwrap();
    let mut records = folder.open(Some("x"), None).await;
    records.parts.next().await.unwrap().unwrap();
    // The same file, of the same length.
    fs::write(folder.path("a.csv"), csv("b", 4 * MIB)).unwrap();
    let result = values(records).await;
    assert!(is_replaced(&result), "{result:?}");
}

#[tokio::test]
async fn a_file_that_another_takes_the_place_of_is_read_to_its_end() {
    let folder = Folder::new();
    fs::write(folder.path("a.csv"), csv("a", 4 * MIB)).unwrap();
    let mut records = folder.open(Some("x"), None).await;
    records.parts.next().await.unwrap().unwrap();
    fs::write(folder.path("new"), csv("b", 4 * MIB)).unwrap();
    fs::rename(folder.path("new"), folder.path("a.csv")).unwrap();
    assert_eq!(values(records).await.as_deref(), Ok(&["a".to_owned()][..]));
}

#[tokio::test]
async fn a_file_that_grows_or_shrinks_while_it_is_read_ends_the_run() {
    for length in [4 * MIB + 2, 3 * MIB] {
        let folder = Folder::new();
        fs::write(folder.path("a.csv"), csv("a", 4 * MIB)).unwrap();
        let mut records = folder.open(Some("x"), None).await;
        records.parts.next().await.unwrap().unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(folder.path("a.csv")).unwrap();
        file.set_len(length as u64).unwrap();
        file.flush().unwrap();
        let result = values(records).await;
        assert!(is_replaced(&result), "{length}: {result:?}");
    }
}

#[tokio::test]
async fn a_file_is_read_as_the_run_saw_it_first() {
    let always = PullWindow { start_ms: 0, end_ms: i64::MAX };
    // With all fields, the run has looked at the headers; with a window, it has
    // found the file in it.
    for (wanted, window, is_pinned) in
        [(None, None, true), (Some("x"), Some(always), true), (Some("x"), None, false)]
    {
        let folder = Folder::new();
        fs::write(folder.path("a.csv"), csv("a", 64)).unwrap();
        let records = folder.open(wanted, window).await;
        fs::write(folder.path("new"), csv("b", 64)).unwrap();
        fs::rename(folder.path("new"), folder.path("a.csv")).unwrap();
        let result = values(records).await;
        if is_pinned {
            assert!(is_replaced(&result), "{result:?}");
        } else {
            assert_eq!(result.as_deref(), Ok(&["b".to_owned()][..]));
        }
    }
}

/// An S3 endpoint that answers ranges, each after a while.
struct Endpoint {
    content: Vec<u8>,
    delay: Duration,
    /// The object becomes another one after so many answers.
    changes_after: usize,
    /// Answers break off after so many bytes; then they tell no entity tag, so
    /// that the client does not go on by itself.
    breaks_after: AtomicUsize,
    asked: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Endpoint {
    fn new(content: Vec<u8>) -> Self {
        let (asked, open, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let (changes_after, breaks_after) = (usize::MAX, AtomicUsize::new(usize::MAX));
        Self { content, delay: Duration::ZERO, changes_after, breaks_after, asked, open, most }
    }

    /// Buckets that lie there.
    async fn start(self: &Arc<Self>) -> Arc<Buckets> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(endpoint.clone().serve(stream));
            }
        });
        let keys = S3Keys {
            access_key_id: "AKIATEST".to_owned(),
            secret_access_key: "secret".to_owned().into(),
            session_token: None,
        };
        let config = S3Config {
            endpoint: Some(format!("http://{address}")),
            region: "us-east-1".to_owned(),
            keys: Arc::new(keys),
            allow_plain_http: false,
        };
        Arc::new(Buckets::s3(config).unwrap())
    }

    async fn serve(self: Arc<Self>, mut stream: tokio::net::TcpStream) {
        let mut head = Vec::new();
        while stream.read_buf(&mut head).await.is_ok_and(|length| length > 0) {
            if !head.ends_with(b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let range =
                text.split_once("range: bytes=").and_then(|(_, rest)| rest.split_once("\r\n")).unwrap().0;
            let (start, last) = range.split_once('-').unwrap();
            let start: usize = start.parse().unwrap();
            let end = self.content.len().min(last.parse::<usize>().unwrap() + 1);
            let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(open, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            self.open.fetch_sub(1, Ordering::SeqCst);
            let is_old = self.asked.fetch_add(1, Ordering::SeqCst) < self.changes_after;
            let (tag, minute) = if is_old { ("ETag: \"old\"\r\n", 0) } else { ("ETag: \"new\"\r\n", 1) };
            let breaks_after = self.breaks_after.load(Ordering::SeqCst);
            let tag = if breaks_after == usize::MAX { tag } else { "" };
            let answer = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n\
                 {tag}Last-Modified: Tue, 24 Nov 2026 12:0{minute}:00 GMT\r\n\r\n",
                end - start,
                end - 1,
                self.content.len(),
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let given = end.min(start.saturating_add(breaks_after));
            // Whoever has enough goes away.
            if stream.write_all(&self.content[start..given]).await.is_err() || given < end {
                return;
            }
            head.clear();
        }
    }
}

fn turns(count: usize) -> Vec<Turn> {
    (0..count).map(|at| Turn { key: format!("in/{at}"), pinned: None }).collect()
}

/// What is read of an object of 9 MiB, or why not all of it.
async fn read_from(endpoint: Endpoint) -> Result<(), String> {
    let content = endpoint.content.clone();
    let buckets = Arc::new(endpoint).start().await;
    let opened = ahead::open(&buckets, "bucket", turns(1)).next().await.unwrap().unwrap();
    let read: Result<Vec<_>, _> = opened.into_bytes().try_collect().await;
    let pieces = read.map_err(|error| error.to_string())?;
    assert!(pieces.len() > 5, "in pieces");
    assert!(pieces.concat() == content);
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_ends_the_run() {
    let endpoint = || Endpoint::new(csv("a", 9 * MIB).into_bytes());
    assert_eq!(read_from(endpoint()).await, Ok(()));
    let error = read_from(Endpoint { changes_after: 1, ..endpoint() }).await.unwrap_err();
    assert!(error.contains("was replaced"), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_from_there() {
    let endpoint = || Endpoint {
        breaks_after: AtomicUsize::new(MIB + 17),
        ..Endpoint::new(csv("a", 9 * MIB).into_bytes())
    };
    assert_eq!(read_from(endpoint()).await, Ok(()));
    let error = read_from(Endpoint { changes_after: 4, ..endpoint() }).await.unwrap_err();
    assert!(error.contains("was replaced"), "{error}");
    // One that brings nothing will not do better the next time.
    let endpoint = Arc::new(endpoint());
    let buckets = endpoint.start().await;
    let opened = ahead::open(&buckets, "bucket", turns(1)).next().await.unwrap().unwrap();
    let asked = endpoint.asked.load(Ordering::SeqCst);
    endpoint.breaks_after.store(0, Ordering::SeqCst);
    let read: Result<Vec<_>, _> = opened.into_bytes().try_collect().await;
    assert!(read.is_err());
    assert_eq!(endpoint.asked.load(Ordering::SeqCst), asked + 1);
}

#[tokio::test]
async fn objects_are_opened_ahead_and_handed_out_in_their_order() {
    const OBJECTS: usize = 64;
    let delay = Duration::from_millis(100);
    let endpoint = Arc::new(Endpoint { delay, ..Endpoint::new(csv("a", 64).into_bytes()) });
    let buckets = endpoint.start().await;
    let began = Instant::now();
    let opened: Vec<_> = ahead::open(&buckets, "bucket", turns(OBJECTS)).try_collect().await.unwrap();
    let took = began.elapsed();
    let keys: Vec<String> = opened.into_iter().map(|opened| opened.key).collect();
    assert_eq!(keys, (0..OBJECTS).map(|at| format!("in/{at}")).collect::<Vec<_>>());
    assert!(took < delay * OBJECTS as u32 / 2, "one after the other: {took:?}");
    let most = endpoint.most.load(Ordering::SeqCst);
    assert!((8..=16).contains(&most), "{most} at once");
}

/// A Parquet file whose one row group is larger than what is read at once.
fn parquet() -> Vec<u8> {
    let numbers: Int64Array = (0..2_000_000).map(|n: i64| n.wrapping_mul(0x1e37_79b9_7f4a_7c15)).collect();
    let batch = RecordBatch::try_from_iter([("x", Arc::new(numbers) as _)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parquet_object_is_of_one_version_too() {
    let content = parquet();
    assert!(content.len() > 12 * MIB, "{}", content.len());
    // The end is read before the pages: a change after that is one in between.
    for (changes_after, is_whole) in [(usize::MAX, true), (8, false)] {
        let endpoint = Arc::new(Endpoint { changes_after, ..Endpoint::new(content.clone()) });
        let buckets = endpoint.start().await;
        let asked = super::parquet_in::Asked { names: None, skip_missing: false };
        let records = super::parquet_in::open(&buckets, "bucket", turns(1), asked, Arc::default()).await;
        let parts = records.unwrap().unwrap().parts;
        let batches: Result<Vec<RecordBatch>, _> = parts.map_ok(|(_, batch)| batch).try_collect().await;
        match batches {
            Ok(batches) => {
                assert!(is_whole);
                assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_000_000);
            }
            Err(error) => assert!(!is_whole && error.to_string().contains("was replaced"), "{error}"),
        }
        assert!(endpoint.asked.load(Ordering::SeqCst) > 8, "the object was read at once");
    }
}
