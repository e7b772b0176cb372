//! Reads an entity of an OData service as fast as it comes, and says how fast that was.
//!
//! `sap_read URL USER ENTITY [PAGE_SIZE [PARALLELISM]]`; the password comes from `SAP_PASSWORD`.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int32Type;
use futures::StreamExt as _;
use tidegate_connectors::kit::{Outbound, OutboundPolicy};
use tidegate_connectors::reader;
use tidegate_core::connector::Progress;
use tidegate_core::plan::ReadRequest;
use tidegate_core::{Connection, ConnectionMode, ConnectionName, ConnectorType, Credentials, OpenConnection};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, user, entity, rest @ ..] = arguments.as_slice() else {
        return Err("usage: sap_read URL USER ENTITY [PAGE_SIZE [PARALLELISM]]".into());
    };
    let url = reqwest::Url::parse(url)?;
    let host = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    let properties = serde_json::json!({
        "applicationHostUrl": host, "applicationServicePath": url.path(),
        "portNumber": url.port_or_known_default(), "clientNumber": "100",
    });
    let password = std::env::var("SAP_PASSWORD").unwrap_or_default();
    let open = OpenConnection {
        connection: Connection {
            name: ConnectionName::new("example"),
            connector_type: ConnectorType::SapOData,
            connector_label: None,
            mode: ConnectionMode::Public,
            properties,
            kms_arn: None,
            credentials_arn: None,
            credentials_version: 1,
            created_at_ms: 0,
            updated_at_ms: 0,
        },
        credentials: Credentials::new(
            serde_json::json!({"basicAuthCredentials": {"username": user, "password": password}}),
        ),
    };
    let number = |at: usize| rest.get(at).map(|text: &String| text.parse()).transpose();
    let request = ReadRequest {
        entity: entity.clone(),
        page_size: number(0)?,
        parallelism: number(1)?,
        ..ReadRequest::default()
    };
    let outbound = Outbound::new(OutboundPolicy { allow_plain_http: true, ..OutboundPolicy::default() })?;
    let connector = reader(ConnectorType::SapOData, outbound).ok_or("no reader")?;
    println!("{}", connector.check(&open).await?.did);
    let progress = Arc::new(Progress::default());
    let started = Instant::now();
    let mut scan = connector.scan(&open, request, Arc::clone(&progress)).await?;
    let (mut rows, mut checksum) = (0, 0_i64);
    while let Some(batch) = scan.batches.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        // Of the first column of whole numbers, so that two readings can be compared, order included.
        let numbers = batch.columns().iter().find_map(|column| column.as_primitive_opt::<Int32Type>());
        for number in numbers.into_iter().flat_map(|numbers| numbers.values()) {
            checksum = checksum.wrapping_mul(31).wrapping_add(i64::from(*number));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{rows} rows in {seconds:.2} s: {:.0} rows/s, {:.1} MiB/s; checksum {checksum:x}; {:?}",
        rows as f64 / seconds,
        Progress::get(&progress.bytes_read) as f64 / seconds / f64::from(1 << 20),
        progress.notes()
    );
    Ok(())
}
