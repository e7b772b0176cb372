//! The same promises against a real S3 server, `s3s-fs`, whose program the
//! variable `TIDEGATE_S3S_FS` names. `cargo xtask test` always sets it; without
//! it there is nothing to test against.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tempfile::TempDir;
use tidegate_core::ConnectorErrorKind;
use tidegate_core::connector::{CursorCell, Progress, Scan};
use tidegate_core::flow::{FlowSpec, InputFormat, OutputFormat};
use tidegate_core::run::{CommitList, CommitStep};
use tidegate_core::task::Task;
use tidegate_engine::{Buckets, Engine, RunError, RunIdentity, S3Config, S3Keys, SourceInput};
use tokio_util::sync::CancellationToken;

use crate::formats::orders;
use crate::partition::pages;
use crate::support::{counted, engine, files, flow, map_all, run, s3, sap, scan, scan_of};

struct Server {
    process: Child,
    endpoint: String,
    root: TempDir,
    data: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Server {
    fn start() -> Option<Self> {
        let program = std::env::var_os("TIDEGATE_S3S_FS")?;
        // The provider that the server's main installs; a second try fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = tempfile::tempdir().unwrap();
        for bucket in ["in-bucket", "out-bucket"] {
            fs::create_dir(root.path().join(bucket)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["--access-key", "AKIATEST", "--secret-key", "secret", "--host", "127.0.0.1"])
            .args(["--port", &port.to_string()])
            .arg(root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            endpoint: format!("http://127.0.0.1:{port}"),
            root,
            data: tempfile::tempdir().unwrap(),
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "s3s-fs does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn engine(&self, secret: &str) -> Engine {
        let keys = S3Keys {
            access_key_id: "AKIATEST".to_owned(),
            secret_access_key: secret.to_owned().into(),
            session_token: None,
        };
        let buckets = Buckets::s3(S3Config {
            endpoint: Some(self.endpoint.clone()),
            region: "us-east-1".to_owned(),
            keys: Arc::new(keys),
            allow_plain_http: false,
        });
        engine(self.data.path(), buckets.unwrap())
    }

    /// Visible objects of the destination: the server keeps its notes and its
    /// unfinished uploads in hidden files beside the buckets.
    fn objects(&self) -> Vec<(String, Vec<u8>)> {
        files(&self.root.path().join("out-bucket"))
    }

    /// Parts of unfinished uploads.
    fn parts(&self) -> usize {
        let is_part = |name: &str| name.contains("upload") && name.contains("part");
        files(self.root.path()).iter().filter(|(name, _)| is_part(name)).count()
    }
}

async fn stage(engine: &Engine, spec: &FlowSpec, source: SourceInput) -> Result<CommitList, RunError> {
    let progress = Arc::default();
    let source = counted(source, &progress);
    engine.stage(spec, source, &run(), progress, CancellationToken::new()).await
}

/// Enough records for several parts of 8 MiB.
fn many() -> SourceInput {
    scan(&orders().schema(), vec![Ok(orders()); 30_000])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_become_visible_when_they_are_published_and_only_once() {
    let Some(server) = Server::start() else { return };
    let engine = server.engine("secret");
    let spec = flow(sap(), OutputFormat::Json, map_all());
    let list = stage(&engine, &spec, many()).await.unwrap();
    assert_eq!(server.objects(), []);
    let [CommitStep::CompleteUpload { key, parts, bytes, .. }] = list.steps.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!(key, "flow/run-1");
    assert!(parts.len() > 1, "{}", parts.len());
    // Another process completes it, and then one more does it again.
    for _ in 0..2 {
        server.engine("secret").publish(&run().execution, &list).await.unwrap();
        let objects = server.objects();
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].1.len() as u64, *bytes);
        assert_eq!(objects[0].1.iter().filter(|byte| **byte == b'\n').count(), 90_000);
    }
    assert_eq!(files(&server.data.path().join(".staging")), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_two_uploads_is_repaired_by_publishing_again() {
    let Some(server) = Server::start() else { return };
    let engine = server.engine("secret");
    let mut spec = flow(sap(), OutputFormat::Csv, map_all());
    spec.destination.aggregation.target_file_size_mb = Some(0);
    let list = stage(&engine, &spec, scan(&orders().schema(), vec![Ok(orders()); 4])).await.unwrap();
    assert_eq!(list.steps.len(), 4);
    // The work of a process that died after two of them; without the notes
    // nothing else is cleared away.
    fs::remove_dir_all(server.data.path().join(".staging")).unwrap();
    let begun = CommitList { steps: list.steps[..2].to_vec(), output: None };
    engine.publish(&run().execution, &begun).await.unwrap();
    assert_eq!(server.objects().len(), 2);
    server.engine("secret").publish(&run().execution, &list).await.unwrap();
    let names: Vec<_> = server.objects().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [1, 2, 3, 4].map(|number| format!("flow/run-1/run-1-0000{number}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discarded_and_broken_runs_leave_no_upload() {
    let Some(server) = Server::start() else { return };
    let engine = server.engine("secret");
    let spec = flow(sap(), OutputFormat::Json, map_all());
    stage(&engine, &spec, many()).await.unwrap();
    assert!(server.parts() > 1, "{:?}", files(server.root.path()).iter().map(|f| &f.0).collect::<Vec<_>>());
    // A new process knows of the upload from the staging area only.
    server.engine("secret").discard(&run()).await.unwrap();
    assert_eq!(server.parts(), 0);

    let cancel = CancellationToken::new();
    let endless = futures::stream::repeat_with(|| Ok(orders())).boxed();
    let source = SourceInput::Scan(Scan {
        schema: orders().schema(),
        pushed: vec![],
        batches: endless,
        next_cursor: CursorCell::default(),
    });
    let identity = RunIdentity { attempt: 2, ..run() };
    let running = engine.stage(&spec, source, &identity, Arc::default(), cancel.clone());
    let stop = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        cancel.cancel();
        Instant::now()
    };
    let (result, cancelled_at) = tokio::join!(running, stop);
    assert_eq!(result, Err(RunError::Cancelled));
    assert!(cancelled_at.elapsed() < Duration::from_secs(1));
    assert_eq!(server.parts(), 0);
    assert_eq!(server.objects(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_partitions_than_can_be_open_are_uploaded_and_become_visible_when_they_are_published() {
    let Some(server) = Server::start() else { return };
    let engine = server.engine("secret");
    let mut spec = flow(sap(), OutputFormat::Csv, map_all());
    spec.tasks.push(Task::Partition { keys: vec!["group".to_owned()] });
    let list = stage(&engine, &spec, pages(4, 150, 150)).await.unwrap();
    assert_eq!((list.steps.len(), server.objects()), (150, vec![]));
    let staged = files(&server.data.path().join(".staging"));
    assert_eq!(
        staged.len(),
        1,
        "what is uploaded takes no room here; the note of uploads is left: {staged:?}"
    );
    server.engine("secret").publish(&run().execution, &list).await.unwrap();
    let objects = server.objects();
    assert_eq!(objects.len(), 150);
    for (name, content) in objects {
        assert!(name.starts_with("flow/group=g") && name.ends_with("/run-1"), "{name}");
        assert_eq!(content.split(|byte| *byte == b'\n').count(), 6, "a header and four lines");
    }

    let again = RunIdentity { attempt: 2, ..run() };
    let progress = Arc::default();
    let source = counted(pages(4, 150, 150), &progress);
    engine.stage(&spec, source, &again, progress, CancellationToken::new()).await.unwrap();
    assert_eq!(server.parts(), 150);
    server.engine("secret").discard(&again).await.unwrap();
    assert_eq!(server.parts(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_from_the_endpoint() {
    let Some(server) = Server::start() else { return };
    let folder = server.root.path().join("in-bucket/in/sub");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("b.csv"), "x,y\n3,\"4\"\"\"\n").unwrap();
    fs::write(server.root.path().join("in-bucket/in/a b+ü.csv"), "x\n1\n").unwrap();
    let engine = server.engine("secret");
    let spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, map_all());
    let list = stage(&engine, &spec, SourceInput::Files).await.unwrap();
    engine.publish(&run().execution, &list).await.unwrap();
    let objects = server.objects();
    assert_eq!(objects.len(), 1);
    assert_eq!(String::from_utf8_lossy(&objects[0].1), "x,y\r\n1,\r\n3,\"4\"\"\"\r\n");
    // Objects of several ranges, of one range, and of one byte more.
    let line = b"{\"n\":1}\n";
    let range = line.repeat(4 * 1024 * 1024 / line.len());
    let rows = range.len() / line.len();
    let more = [&range[..], b"\n"].concat();
    let cases = [("large", line.repeat(1_200_000), 1_200_000), ("range", range, rows), ("more", more, rows)];
    for (key, content, rows) in cases {
        fs::write(server.root.path().join("in-bucket").join(key), content).unwrap();
        let spec = flow(s3(InputFormat::Json, key), OutputFormat::Json, map_all());
        let (progress, source) = (Arc::default(), SourceInput::Files);
        engine.stage(&spec, source, &run(), Arc::clone(&progress), CancellationToken::new()).await.unwrap();
        assert_eq!(Progress::get(&progress.records_read), rows as u64, "{key}");
    }
    let listed = engine.buckets().list("in-bucket", "in/sub/b.csv").await.unwrap();
    assert_eq!(listed.len(), 1);
    // Names that begin so, where there is neither a folder nor an object of that name.
    for (prefix, expected) in [("in/sub/b.c", 1), ("in/su", 0), ("lar", 1), ("lar/", 0)] {
        let listed = engine.buckets().list("in-bucket", prefix).await.unwrap();
        assert_eq!(listed.len(), expected, "{prefix}: {listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_endpoint_refuses_is_told() {
    let Some(server) = Server::start() else { return };
    let engine = server.engine("secret");
    let mut spec = flow(sap(), OutputFormat::Json, map_all());
    spec.destination.bucket = "no-bucket".to_owned();
    let error = stage(&engine, &spec, scan_of(&orders())).await.unwrap_err();
    let text = "The specified bucket does not exist (NoSuchBucket): no-bucket";
    assert_eq!(error, RunError::Destination(text.to_owned()));

    let wrong = server.engine("wrong");
    let spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Json, map_all());
    match stage(&wrong, &spec, SourceInput::Files).await {
        Err(RunError::Connector(error)) => {
            assert_eq!(error.kind, ConnectorErrorKind::Refused, "{error}");
            assert!(!error.message.contains("wrong"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(Path::new(server.data.path()).exists());
}
