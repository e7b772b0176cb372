//! A flow from OData V4 to Parquet, run through the API and compared with reading the same pages and nothing more.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Client, Server, profile, seconds};
use crate::pages::{self, Digest};
use crate::proxy::{Proxy, Seen};
use crate::report::{Goal, Report};
use crate::source::Source;
use crate::{Outcome, Setting};

const BUCKET: &str = "bench";

/// Records a page.
const PAGE: usize = 1_000;

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A server whose flows read from one source.
struct Bench<'a> {
    setting: &'a Setting,
    source: &'a Source,
    server: &'a Server,
    client: Client<'a>,
    /// What a right result holds.
    digest: Digest,
}

/// A run that has ended well and whose result was checked.
struct Run {
    /// From `startedAt` to `lastUpdatedAt`, as the server tells it.
    server: f64,
    /// From StartFlow to the first answer that tells the end.
    wall: f64,
    /// The processor time that the server used meanwhile.
    processor: f64,
}

/// Measures flows against plain reading, with every source that there is.
pub async fn plain(setting: &Setting, report: &mut Report) -> Outcome<()> {
    against_pages(setting, report, &Source::sample(setting).await?).await?;
    match Source::sap(setting).await? {
        Some(sap) => against_pages(setting, report, &sap).await,
        None => {
            report.about.push((
                "not measured",
                format!("SAP's server is not installed in {}", setting.sap.display()),
            ));
            Ok(())
        }
    }
}

async fn against_pages(setting: &Setting, report: &mut Report, source: &Source) -> Outcome<()> {
    let part = format!("OData V4 → Parquet, {}", source.name);
    let server = Server::start(setting, &setting.work.join(folder("flow", source)), "live").await?;
    let recorder = Proxy::start(source.address, Duration::ZERO).await?;
    let (mut bench, asked) = Bench::prepare(setting, source, &server, &recorder).await?;
    bench.flow("direct", source.address.port(), 1).await?;

    let (mut reading, mut moving, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ratios, mut walls) = (Vec::new(), Vec::new());
    let mut bytes = 0.0;
    for _ in 0..setting.rounds() {
        let read = pages::read(source.address, &asked, |_| Ok(())).await?;
        let run = bench.run("direct").await?;
        let seconds = read.time.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "some hundred million")]
        {
            bytes = read.bytes as f64 / f64::from(1 << 20);
        }
        reading.push(seconds * 1000.0);
        moving.push(run.server * 1000.0);
        processor.push(run.processor * 1000.0);
        ratios.push(run.server / seconds);
        walls.push(run.wall / seconds);
    }
    let peak = server.child.memory("VmHWM")?;
    server.stop().await?;

    let rate = moving.iter().map(|millis| bytes / millis * 1000.0).collect();
    report.part(&part);
    report.add("reading the pages in turn", "ms", reading, Goal::None);
    report.add("the flow, by its record", "ms", moving, Goal::None);
    report.add("the flow, processor time of the server", "ms", processor, Goal::None);
    report.add("the flow to the pages, by its record", "×", ratios, Goal::AtMost(1.2));
    report.add("the flow to the pages, by the client's clock", "×", walls, Goal::AtMost(1.2));
    report.add("JSON read by the flow", "MiB/s", rate, Goal::None);
    report.add("peak memory of the server", "MiB", vec![peak], Goal::AtMost(100.0));
    Ok(())
}

/// Measures what pages in flight are worth when each answer takes 50 ms longer.
pub async fn delayed(setting: &Setting, report: &mut Report) -> Outcome<()> {
    const DELAY: Duration = Duration::from_millis(50);
    let source = Source::sample(setting).await?;
    let server = Server::start(setting, &setting.work.join(folder("delay", &source)), "live").await?;
    let recorder = Proxy::start(source.address, Duration::ZERO).await?;
    let (mut bench, _) = Bench::prepare(setting, &source, &server, &recorder).await?;
    let proxy = Proxy::start(source.address, DELAY).await?;
    bench.flow("one", proxy.port, 1).await?;
    bench.flow("ten", proxy.port, 10).await?;
    let (mut one, mut ten, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setting.rounds() {
        one.push(bench.run("one").await?.server);
        ten.push(bench.run("ten").await?.server);
        ratios.push(one[one.len() - 1] / ten[ten.len() - 1]);
    }
    let peak = server.child.memory("VmHWM")?;
    server.stop().await?;
    report.part("OData V4 → Parquet, 50 ms added to each answer");
    report.add("maxParallelism 1", "s", one, Goal::None);
    report.add("maxParallelism 10", "s", ten, Goal::None);
    report.add("1 to 10", "×", ratios, Goal::AtLeast(4.0));
    report.add("peak memory of the server", "MiB", vec![peak], Goal::AtMost(100.0));
    Ok(())
}

fn folder(what: &str, source: &Source) -> String {
    let name: String = source.name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{what}-{name}").to_lowercase()
}

impl<'a> Bench<'a> {
    /// Runs a flow through the recorder, to learn which pages the server asks for and how, and reads the same, to
    /// learn what a right result is. The run's own result is then checked like all others.
    async fn prepare(
        setting: &'a Setting,
        source: &'a Source,
        server: &'a Server,
        recorder: &Proxy,
    ) -> Outcome<(Self, Vec<Seen>)> {
        let client = server.client().await?;
        let mut bench = Self { setting, source, server, client, digest: Digest::new() };
        bench.empty_bucket()?;
        bench.flow("recorded", recorder.port, 1).await?;
        recorder.take_seen();
        let record = bench.client.run("recorded", PATIENCE).await?.0;
        let asked: Vec<Seen> = recorder
            .take_seen()
            .into_iter()
            .filter(|seen| seen.target.split('?').next().is_some_and(|path| path.ends_with("/Flights")))
            .collect();
        let mut digest = Digest::new();
        pages::read(source.address, &asked, |page| digest.add(page)).await?;
        if digest.rows != setting.size().rows {
            let text = format!("the pages hold {} rows, not {}", digest.rows, setting.size().rows);
            return Err(text.into());
        }
        let first = asked.first().map_or("", |first| first.target.as_str());
        crate::tell(&format!("{}: {} pages, the first is {first}", source.name, asked.len()));
        bench.digest = digest;
        bench.check(&record).await?;
        Ok((bench, asked))
    }

    fn bucket(&self) -> PathBuf {
        self.server.data.join("s3").join(BUCKET)
    }

    /// Makes the bucket anew: what is in it after a run is of that run.
    fn empty_bucket(&self) -> Outcome<()> {
        let bucket = self.bucket();
        if bucket.exists() {
            std::fs::remove_dir_all(&bucket)?;
        }
        Ok(std::fs::create_dir_all(&bucket)?)
    }

    /// Creates a connection to the source at a port, and a flow of the same name that reads through it.
    async fn flow(&mut self, name: &str, port: u16, parallelism: u32) -> Outcome<()> {
        let input = profile(name, self.source.host, port, self.source.path, self.source.user);
        self.client.call("/create-connector-profile", &input).await?;
        let last = self.setting.size().rows.to_string();
        let input = json!({
            "flowName": name,
            "triggerConfig": {"triggerType": "OnDemand"},
            "sourceFlowConfig": {
                "connectorType": "SAPOData",
                "connectorProfileName": name,
                "sourceConnectorProperties": {"SAPOData": {
                    "objectPath": "Flights",
                    "paginationConfig": {"maxPageSize": PAGE},
                    "parallelismConfig": {"maxParallelism": parallelism},
                }},
            },
            "destinationFlowConfigList": [{
                "connectorType": "S3",
                "destinationConnectorProperties": {"S3": {
                    "bucketName": BUCKET,
                    "s3OutputFormatConfig": {"fileType": "PARQUET", "preserveSourceDataTyping": true},
                }},
            }],
            "tasks": [
                {"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"SAPOData": "NO_OP"},
                 "taskProperties": {}},
                {"taskType": "Filter", "sourceFields": ["ID"], "destinationField": "",
                 "connectorOperator": {"SAPOData": "LESS_THAN_OR_EQUAL_TO"},
                 "taskProperties": {"DATA_TYPE": "Edm.Int32", "VALUE": last}},
            ],
        });
        self.client.call("/create-flow", &input).await?;
        Ok(())
    }

    /// Runs a flow into an empty bucket and checks what it wrote.
    async fn run(&mut self, name: &str) -> Outcome<Run> {
        self.empty_bucket()?;
        let used = self.server.child.processor_time()?;
        let (record, wall) = self.client.run(name, PATIENCE).await?;
        let processor = (self.server.child.processor_time()? - used).as_secs_f64();
        self.check(&record).await?;
        Ok(Run { server: seconds(&record)?, wall, processor })
    }

    /// Compares the record and the files of a run with the source.
    async fn check(&self, record: &Value) -> Outcome<()> {
        let counted = &record["executionResult"]["recordsProcessed"];
        if counted.as_u64() != Some(self.digest.rows) {
            return Err(
                format!("the run tells {counted} records, and the source has {}", self.digest.rows).into()
            );
        }
        // Another reader than the one that Tidegate's own code would use.
        let mut command = Command::new(&self.setting.python);
        command.arg(self.setting.root.join("bench/check.py")).arg(self.bucket());
        command.arg(json!(self.digest.columns).to_string());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await?
            .map_err(|error| format!("{} does not start: {error}", self.setting.python.display()))?;
        if !output.status.success() {
            return Err(format!("check.py failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let found: Value = serde_json::from_slice(&output.stdout)?;
        if found["rows"].as_u64() != Some(self.digest.rows) || found["sum"].as_u64() != Some(self.digest.sum)
        {
            let text = format!("the Parquet files hold {found}, and the source holds {:?}", self.digest);
            return Err(text.into());
        }
        Ok(())
    }
}
