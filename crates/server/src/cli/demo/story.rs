//! What the demo does, step by step, with the public API alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::folder::{BUCKET, Folder};
use super::show;
use super::source::Source;
use crate::cli::key::text;
use crate::cli::{Client, Failure, output};

/// The names that the demo gives.
const CONNECTION: &str = "demo-sap";
const FLOW: &str = "late-flights";

/// How long a run may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Goes through the steps.
///
/// # Errors
/// The first step that fails, with the server's words.
pub async fn tell(client: &Client, url: &str, source: &Source, folder: &Folder) -> Result<(), Failure> {
    output::line(&format!(
        "The server is up at {url}, and everything lies in {}.\n",
        folder.path().display()
    ));

    show::step(1, &format!("Create an SAP OData connection to {}", source.title()));
    let profile = source.profile(CONNECTION);
    client.call("/create-connector-profile", profile.expose()).await?;
    output::line("   The server has logged in with it, and sealed the password in its vault.");

    show::step(2, "Read it back: no credential is ever returned");
    let found =
        client.call("/describe-connector-profiles", &json!({"connectorProfileNames": [CONNECTION]})).await?;
    show::connection(&found["connectorProfileDetails"][0]);

    show::step(3, "List its entities");
    let entities =
        client.call("/list-connector-entities", &json!({"connectorProfileName": CONNECTION})).await?;
    let names = show::entities(&entities);
    let entity = match source.entity() {
        Some(entity) => entity.to_owned(),
        None => names.first().cloned().ok_or_else(|| Failure::new("the service has no entity set"))?,
    };
    let described = client
        .call(
            "/describe-connector-entity",
            &json!({"connectorProfileName": CONNECTION, "connectorEntityName": entity}),
        )
        .await?;
    show::fields(&entity, &described);

    show::step(4, &format!("Create a flow from {entity} to the bucket {BUCKET}, as Parquet"));
    client.call("/create-flow", &flow(source, &entity)).await?;
    if source.is_sample() {
        output::line(
            "   Fields are renamed, the aircraft's tail number is masked, and only flights that left",
        );
        output::line("   15 minutes late or more are kept.");
    }

    show::step(5, "Run it");
    let run = run(client, source.expected().await).await?;
    let seconds = number(&run, "lastUpdatedAt") - number(&run, "startedAt");
    let result = &run["executionResult"];

    show::step(6, "The first rows that it wrote");
    let file = written(folder)?;
    show::rows(&file)?;

    output::line("");
    output::line(&format!("   written to   {}", file.display()));
    output::line(&format!("   records      {}", show::grouped(count(result, "recordsProcessed"))));
    output::line(&format!("   time         {seconds:.2} s"));
    let read = show::mebibytes(count(result, "bytesProcessed"));
    output::line(&format!("   read         {read:.1} MiB, {:.1} MiB/s", read / seconds.max(0.001)));
    output::line(&format!(
        "   peak memory  {:.0} MiB (the server, the sample service and this demo together)",
        show::peak_mebibytes()
    ));
    show::next(folder.path());
    Ok(())
}

fn flow(source: &Source, entity: &str) -> Value {
    let mut properties = json!({"objectPath": entity});
    if source.is_sample() {
        properties["paginationConfig"] = json!({"maxPageSize": 5000});
    }
    json!({
        "flowName": FLOW,
        "description": "Made by tidegate demo",
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {
            "connectorType": "SAPOData",
            "connectorProfileName": CONNECTION,
            "sourceConnectorProperties": {"SAPOData": properties},
        },
        "destinationFlowConfigList": [{
            "connectorType": "S3",
            "destinationConnectorProperties": {"S3": {
                "bucketName": BUCKET,
                "bucketPrefix": "sap",
                "s3OutputFormatConfig": {"fileType": "PARQUET", "preserveSourceDataTyping": true},
            }},
        }],
        "tasks": source.tasks(),
    })
}

/// Starts the flow and watches the run to its end.
async fn run(client: &Client, expected: Option<u64>) -> Result<Value, Failure> {
    let started = client.call("/start-flow", &json!({"flowName": FLOW})).await?;
    let id = text(&started, "executionId");
    let begun = Instant::now();
    let mut bar = show::Bar::new(expected);
    loop {
        let records = client.call("/describe-flow-execution-records", &json!({"flowName": FLOW})).await?;
        let run = records["flowExecutions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|run| text(run, "executionId") == id)
            .cloned()
            .ok_or_else(|| Failure::new(format!("the run {id} is not among the flow's runs")))?;
        bar.draw(count(&run["executionResult"], "recordsProcessed"));
        match text(&run, "executionStatus").as_str() {
            "InProgress" | "CancelStarted" => {}
            "Successful" => {
                bar.finish();
                return Ok(run);
            }
            other => {
                bar.finish();
                let why = text(&run["executionResult"]["errorInfo"], "executionMessage");
                return Err(Failure::new(format!("the run ended as {other}: {why}")));
            }
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::new("the run did not end within an hour"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The one file below the bucket's `sap/late-flights`.
fn written(folder: &Folder) -> Result<PathBuf, Failure> {
    let mut places = vec![folder.bucket().join("sap").join(FLOW)];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(&place)? {
            let path = entry?.path();
            if path.is_file() {
                return Ok(path);
            }
            places.push(path);
        }
    }
    Err(Failure::new("the run wrote no file: the source has no such records"))
}

fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn number(value: &Value, name: &str) -> f64 {
    value.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}
