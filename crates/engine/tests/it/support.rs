//! A bench to run flows on: buckets in a temporary folder, scans from memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tidegate_core::connector::{CursorCell, Progress, Scan};
use tidegate_core::flow::{
    ErrorHandling, FlowSpec, InputFormat, OutputFormat, S3Destination, S3Source, SourceSpec,
};
use tidegate_core::run::CommitList;
use tidegate_core::task::{Policies, RawTask, Task, parse};
use tidegate_core::{ConnectorError, ConnectorType};
use tidegate_engine::{Buckets, Engine, EngineConfig, RunError, RunIdentity, SourceInput};
use tokio_util::sync::CancellationToken;

pub const STARTED_AT_MS: i64 = 1_672_549_200_000;

/// Buckets `in` and `out` below a temporary folder, and an engine over them.
pub struct Bench {
    pub folder: TempDir,
    pub engine: Engine,
    pub progress: Arc<Progress>,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for bucket in ["in-bucket", "out-bucket"] {
            fs::create_dir(folder.path().join(bucket)).unwrap();
        }
        let engine = engine(folder.path(), Buckets::local(folder.path()));
        Self { folder, engine, progress: Arc::default() }
    }

    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join("in-bucket").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out-bucket")
    }

    pub fn staging(&self) -> PathBuf {
        self.folder.path().join(".staging")
    }

    pub async fn stage(&self, spec: &FlowSpec, source: SourceInput) -> Result<CommitList, RunError> {
        let cancel = CancellationToken::new();
        let source = counted(source, &self.progress);
        let result = self.engine.stage(spec, source, &run(), self.progress.clone(), cancel).await;
        assert!(result.is_err() || self.progress.adds_up(), "{:?}", self.progress);
        result
    }

    /// Stages and publishes; the one object's content.
    pub async fn content(&self, spec: &FlowSpec, source: SourceInput) -> Result<Vec<u8>, RunError> {
        let list = self.stage(spec, source).await?;
        self.engine.publish(&run().execution, &list).await?;
        let files = files(&self.out());
        assert!(files.len() <= 1, "more than one object: {files:?}");
        Ok(files.first().map(|(_, content)| content.clone()).unwrap_or_default())
    }
}

pub fn engine(folder: &Path, buckets: Buckets) -> Engine {
    let staging = folder.join(".staging");
    Engine::new(EngineConfig { buckets, staging, memory_limit: 64 * 1024 * 1024 }).unwrap()
}

pub fn run() -> RunIdentity {
    RunIdentity { execution: "run-1".into(), attempt: 1, started_at_ms: STARTED_AT_MS }
}

/// Every file below a folder, with its path relative to it, in order.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    if folder.exists() {
        walk(folder, folder, &mut found);
    }
    found.sort();
    found
}

pub fn sap() -> SourceSpec {
    SourceSpec::Connection {
        connector_type: ConnectorType::SapOData,
        connection: "sap".into(),
        entity: "/Orders".to_owned(),
        page_size: None,
        parallelism: None,
    }
}

pub fn s3(format: InputFormat, prefix: &str) -> SourceSpec {
    SourceSpec::S3(S3Source {
        bucket: "in-bucket".to_owned(),
        prefix: prefix.to_owned(),
        format,
        changed: None,
    })
}

pub fn flow(source: SourceSpec, format: OutputFormat, tasks: Vec<Task>) -> FlowSpec {
    let destination = S3Destination { bucket: "out-bucket".to_owned(), format, ..S3Destination::default() };
    FlowSpec {
        name: "flow".into(),
        schema_version: 1,
        source,
        destination,
        tasks,
        policies: Policies::default(),
        errors: ErrorHandling::default(),
    }
}

/// Counts what a scan delivers, as a connector does.
pub fn counted(source: SourceInput, progress: &Arc<Progress>) -> SourceInput {
    match source {
        SourceInput::Scan(mut scan) => {
            let progress = progress.clone();
            let counted = scan.batches.inspect(move |batch| {
                let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
                Progress::add(&progress.records_read, rows as u64);
            });
            scan.batches = counted.boxed();
            SourceInput::Scan(scan)
        }
        files => files,
    }
}

/// A Map task that keeps a field's name and type.
pub fn map(field: &str) -> Task {
    Task::Map {
        source: field.to_owned(),
        destination: field.to_owned(),
        source_type: None,
        destination_type: None,
    }
}

pub fn map_all() -> Vec<Task> {
    vec![Task::MapAll { exclude: vec![], include_new: false }]
}

pub fn scan(schema: &SchemaRef, batches: Vec<Result<RecordBatch, ConnectorError>>) -> SourceInput {
    SourceInput::Scan(Scan {
        schema: schema.clone(),
        pushed: vec![],
        batches: futures::stream::iter(batches).boxed(),
        next_cursor: CursorCell::default(),
    })
}

pub fn scan_of(batch: &RecordBatch) -> SourceInput {
    scan(&batch.schema(), vec![Ok(batch.clone())])
}

/// Tasks as the wire sends them, from JSON: type, operator, sources,
/// destination and properties.
pub fn tasks_of(value: &Value, source: ConnectorType) -> Vec<Task> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let raw: Vec<RawTask> = value
        .as_array()
        .unwrap()
        .iter()
        .map(|task| RawTask {
            task_type: text(&task["type"]).unwrap(),
            source_fields: task["from"].as_array().into_iter().flatten().filter_map(text).collect(),
            operator: text(&task["operator"]),
            destination_field: text(&task["to"]),
            properties: task["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), text(value).unwrap()))
                .collect(),
        })
        .collect();
    parse(&raw, source).unwrap()
}

/// The file of a name in `tests/data`.
pub fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
