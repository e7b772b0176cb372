//! A flow from CSV to Parquet, and Polars, DuckDB and a bare DataFusion program that do the same.

use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Server, seconds};
use crate::report::{Goal, Report};
use crate::{Outcome, Setting, csv};

/// How long one of the contenders may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// The bucket of the CSV file, and that of the output.
const BUCKETS: [&str; 2] = ["bench-in", "bench-out"];

/// Keys of the S3 endpoint.
const S3_KEY: [&str; 2] = ["AKIABENCH00000000000", "bench/s3+secret=0123456789"];

/// One contender's run.
struct Run {
    seconds: f64,
    peak: f64,
}

/// Measures how long a run takes that has nothing to read, from StartFlow to the answer that tells its success.
pub async fn empty(setting: &Setting, report: &mut Report) -> Outcome<()> {
    let data = setting.work.join("empty");
    let server = Server::start(setting, &data, "off").await?;
    let [input, output] = BUCKETS.map(|bucket| data.join("s3").join(bucket));
    for folder in [input.join("in"), output] {
        std::fs::create_dir_all(folder)?;
    }
    // A flow is created over fields that are there; its runs find a header and no record.
    csv::write(&input.join("in/data.csv"), 0)?;
    let mut client = server.client().await?;
    client.call("/create-flow", &flow()).await?;
    let (mut walls, mut records) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds() * 10 {
        // Asked again and again without a pause: 20 ms would be half of what is measured.
        let (record, wall) = client.run_at_once("csv", PATIENCE).await?;
        walls.push(wall * 1000.0);
        records.push(seconds(&record)? * 1000.0);
    }
    server.stop().await?;
    report.part("a run with nothing to move");
    report.add("from StartFlow to Successful", "ms", walls, Goal::AtMost(50.0));
    report.add("by its record", "ms", records, Goal::None);
    Ok(())
}

/// Measures the flow and its peers, on the local store with both sizes and at an S3 endpoint with the smaller one.
pub async fn run(setting: &Setting, report: &mut Report) -> Outcome<()> {
    let [many, few] = setting.size().csv;
    let peak = local(setting, report, many).await?;
    let small = local(setting, report, few).await?;
    report.part("CSV → Parquet, memory");
    let names = "peak of the server with the larger file to that with the smaller one";
    report.add(names, "×", vec![peak / small], Goal::AtMost(1.2));
    endpoint(setting, report, few).await
}

/// Gives the server's peak memory in MiB.
async fn local(setting: &Setting, report: &mut Report, rows: u64) -> Outcome<f64> {
    let part = format!("CSV → Parquet, {} rows", crate::report::number(exact(rows)));
    let data = setting.work.join(format!("csv-{rows}"));
    let server = Server::start(setting, &data, "off").await?;
    let [input, output] = BUCKETS.map(|bucket| data.join("s3").join(bucket));
    for folder in [input.join("in"), output.clone()] {
        std::fs::create_dir_all(folder)?;
    }
    let source = input.join("in/data.csv");
    csv::write(&source, rows)?;
    let mut client = server.client().await?;
    client.call("/create-flow", &flow()).await?;

    let mut figures = Figures::default();
    for round in 0..setting.rounds().min(3) {
        let folder = |name: &str| -> Outcome<PathBuf> {
            let folder = setting.work.join("peers").join(name);
            std::fs::create_dir_all(&folder)?;
            Ok(folder)
        };
        let folders = [folder("polars")?, folder("duckdb")?, folder("bare")?];
        let target = |at: usize| folders[at].join("data.parquet");
        let python = |name: &str| vec![setting.root.join("bench/peers.py").into_os_string(), name.into()];
        if output.exists() {
            std::fs::remove_dir_all(&output)?;
        }
        std::fs::create_dir_all(&output)?;
        // Who comes first in one round comes last in the next.
        let first = if round % 2 == 1 { Some(client.run("csv", PATIENCE).await?) } else { None };
        let peers = [
            peer(&setting.python, python("polars"), source.as_os_str(), target(0).as_os_str(), &[])?,
            peer(&setting.python, python("duckdb"), source.as_os_str(), target(1).as_os_str(), &[])?,
            peer(&setting.bare, Vec::new(), source.as_os_str(), target(2).as_os_str(), &[])?,
        ];
        let (record, wall) = match first {
            Some(first) => first,
            None => client.run("csv", PATIENCE).await?,
        };
        // Comparing twenty million rows one by one takes more memory than there is.
        let how = if rows <= 2_000_000 && round == 0 { "all" } else { "sums" };
        let mut results = vec![output.as_path()];
        results.extend(folders.iter().map(PathBuf::as_path));
        check(setting, how, &results, &record)?;
        std::fs::remove_dir_all(setting.work.join("peers"))?;
        figures.add(&peers, seconds(&record)?, wall);
    }
    let peak = server.child.memory("VmHWM")?;
    server.stop().await?;
    std::fs::remove_dir_all(&data)?;

    report.part(&part);
    figures.report(report);
    report.add("peak memory of the server", "MiB", vec![peak], Goal::AtMost(150.0));
    Ok(peak)
}

/// The same through an S3 endpoint. DuckDB would have to load its extension from the network, so Polars is the peer.
async fn endpoint(setting: &Setting, report: &mut Report, rows: u64) -> Outcome<()> {
    let root = setting.work.join("s3s");
    let [input, output] = BUCKETS.map(|bucket| root.join(bucket));
    for folder in [input.join("in"), output.clone()] {
        std::fs::create_dir_all(folder)?;
    }
    csv::write(&input.join("in/data.csv"), rows)?;
    let endpoint = Endpoint::start(setting, &root)?;
    let [key, secret] = S3_KEY.map(str::to_owned);
    let keys = [
        ("TIDEGATE_S3_ENDPOINT", endpoint.url.clone()),
        ("TIDEGATE_S3_ACCESS_KEY_ID", key.clone()),
        ("TIDEGATE_S3_SECRET_ACCESS_KEY", secret.clone()),
    ];
    let server = Server::start_with(setting, &setting.work.join("csv-s3"), "off", &keys).await?;
    let mut client = server.client().await?;
    client.call("/create-flow", &flow()).await?;
    let env = [("S3_ENDPOINT", endpoint.url.clone()), ("S3_KEY", key), ("S3_SECRET", secret)];
    let (mut theirs, mut ours, mut walls, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setting.rounds().min(3) {
        let script = vec![setting.root.join("bench/peers.py").into_os_string(), "polars".into()];
        let [source, target] = ["s3://bench-in/in/data.csv", "s3://bench-out/polars/data.parquet"];
        let polars = peer(&setting.python, script, source.as_ref(), target.as_ref(), &env)?;
        let (record, wall) = client.run("csv", PATIENCE).await?;
        check(setting, "sums", &[&output.join("csv"), &output.join("polars")], &record)?;
        for folder in ["csv", "polars"] {
            std::fs::remove_dir_all(output.join(folder))?;
        }
        theirs.push(polars.seconds);
        ours.push(seconds(&record)?);
        ratios.push(wall / polars.seconds);
        walls.push(wall);
    }
    let peak = server.child.memory("VmHWM")?;
    server.stop().await?;
    report.part(&format!("CSV → Parquet through s3s-fs, {} rows", crate::report::number(exact(rows))));
    report.add("Polars", "s", theirs, Goal::None);
    report.add("the flow, by its record", "s", ours, Goal::None);
    report.add("the flow, by the client's clock", "s", walls, Goal::None);
    report.add("the flow to Polars, by the client's clock", "×", ratios, Goal::AtMost(1.0));
    report.add("peak memory of the server", "MiB", vec![peak], Goal::AtMost(150.0));
    Ok(())
}

/// What the rounds gave.
#[derive(Default)]
struct Figures {
    polars: Vec<f64>,
    duckdb: Vec<f64>,
    bare: Vec<f64>,
    record: Vec<f64>,
    wall: Vec<f64>,
    to_peers: Vec<f64>,
    to_bare: Vec<f64>,
    peaks: [f64; 3],
}

impl Figures {
    fn add(&mut self, peers: &[Run; 3], record: f64, wall: f64) {
        let [polars, duckdb, bare] = peers;
        self.polars.push(polars.seconds);
        self.duckdb.push(duckdb.seconds);
        self.bare.push(bare.seconds);
        self.record.push(record);
        self.wall.push(wall);
        self.to_peers.push(wall / polars.seconds.min(duckdb.seconds));
        self.to_bare.push(wall / bare.seconds);
        for (peak, peer) in self.peaks.iter_mut().zip(peers) {
            *peak = peak.max(peer.peak);
        }
    }

    fn report(self, report: &mut Report) {
        let [polars, duckdb, bare] = self.peaks;
        report.add("Polars", "s", self.polars, Goal::None);
        report.add("DuckDB", "s", self.duckdb, Goal::None);
        report.add("a bare DataFusion program", "s", self.bare, Goal::None);
        report.add("the flow, by its record", "s", self.record, Goal::None);
        report.add("the flow, by the client's clock", "s", self.wall, Goal::None);
        report.add("the flow to the faster of Polars and DuckDB", "×", self.to_peers, Goal::AtMost(1.0));
        report.add("the flow to the bare program", "×", self.to_bare, Goal::AtMost(1.05));
        report.add("peak memory of Polars", "MiB", vec![polars], Goal::None);
        report.add("peak memory of DuckDB", "MiB", vec![duckdb], Goal::None);
        report.add("peak memory of the bare program", "MiB", vec![bare], Goal::None);
    }
}

/// Runs a contender, which tells its own time: starting Python and importing is not counted.
fn peer(
    program: &Path,
    mut arguments: Vec<OsString>,
    source: &OsStr,
    target: &OsStr,
    env: &[(&str, String)],
) -> Outcome<Run> {
    arguments.extend([source.to_owned(), target.to_owned()]);
    let mut command = Command::new(program);
    command.args(arguments).envs(env.iter().map(|(name, value)| (name, value)));
    let told = tell(&mut command)?;
    let member =
        |name: &str| told[name].as_f64().ok_or_else(|| format!("{command:?} tells no {name}: {told}"));
    Ok(Run { seconds: member("seconds")?, peak: member("peak_mib")? })
}

/// Compares what all have written, and the record's count.
fn check(setting: &Setting, how: &str, folders: &[&Path], record: &Value) -> Outcome<()> {
    let mut command = Command::new(&setting.python);
    command.arg(setting.root.join("bench/peers.py")).args(["check", how]).args(folders);
    let found = tell(&mut command)?;
    let counted = &record["executionResult"]["recordsProcessed"];
    if found["rows"] != *counted {
        return Err(format!("the run tells {counted} records, and all have written {}", found["rows"]).into());
    }
    Ok(())
}

/// Runs a program that prints one JSON line.
fn tell(command: &mut Command) -> Outcome<Value> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[expect(clippy::cast_precision_loss, reason = "some million")]
const fn exact(rows: u64) -> f64 {
    rows as f64
}

/// An S3 endpoint over a folder. It is killed when this value is dropped.
struct Endpoint {
    child: std::process::Child,
    url: String,
}

impl Endpoint {
    fn start(setting: &Setting, root: &Path) -> Outcome<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = std::fs::File::create(setting.work.join("s3s.log"))?;
        let [key, secret] = S3_KEY;
        let mut command = Command::new(&setting.s3);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--access-key", key]);
        command.args(["--secret-key", secret]).arg(root).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().map_err(|error| format!("{}: {error}", setting.s3.display()))?;
        let endpoint = Self { child, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err("s3s-fs does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(endpoint)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Nothing of it is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Projection, rename, mask, arithmetic and two filters; every field is read as text and converted where it counts.
fn flow() -> Value {
    let fields = [
        "id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "city",
        "status",
        "quantity",
        "price",
        "created_at",
        "region",
    ];
    let task = |kind: &str, operator: &str, from: &[&str], to: &str, properties: Value| {
        json!({
            "taskType": kind, "sourceFields": from, "destinationField": to,
            "connectorOperator": {"S3": operator}, "taskProperties": properties,
        })
    };
    let map = |from: &str, to: &str, kind: &str| {
        task(
            "Map",
            "NO_OP",
            &[from],
            to,
            json!({"SOURCE_DATA_TYPE": "string", "DESTINATION_DATA_TYPE": kind}),
        )
    };
    let filter = |field: &str, operator: &str, kind: &str, value: &str| {
        task("Filter", operator, &[field], "", json!({"DATA_TYPE": kind, "VALUE": value}))
    };
    let numbers = json!({"MATH_OPERATION_FIELDS_ORDER": "quantity,price", "SOURCE_DATA_TYPE": "double"});
    json!({
        "flowName": "csv",
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {
            "connectorType": "S3",
            "sourceConnectorProperties": {"S3": {
                "bucketName": BUCKETS[0], "bucketPrefix": "in", "s3InputFormatConfig": {"s3InputFileType": "CSV"},
            }},
        },
        "destinationFlowConfigList": [{
            "connectorType": "S3",
            "destinationConnectorProperties": {"S3": {
                "bucketName": BUCKETS[1],
                "s3OutputFormatConfig": {"fileType": "PARQUET", "preserveSourceDataTyping": true},
            }},
        }],
        "tasks": [
            task("Filter", "PROJECTION", &fields, "", json!({})),
            filter("status", "NOT_EQUAL_TO", "string", "closed"),
            filter("price", "GREATER_THAN", "double", "250"),
            task("Mask", "MASK_LAST_N", &["phone"], "", json!({"MASK_LENGTH": "4", "MASK_VALUE": "*"})),
            task("Arithmetic", "MULTIPLICATION", &["quantity", "price"], "total", numbers),
            map("id", "id", "long"),
            map("first_name", "given_name", "string"),
            map("last_name", "last_name", "string"),
            map("email", "email", "string"),
            map("phone", "phone", "string"),
            map("city", "city", "string"),
            map("quantity", "quantity", "long"),
            map("price", "price", "double"),
            map("total", "total", "double"),
            map("created_at", "created_at", "string"),
            map("region", "region", "string"),
        ],
    })
}
