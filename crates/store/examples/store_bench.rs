//! Measures the store alone: durable creates and single-name reads per second
//! with 16 callers, at 10 and at 10,000 connections, and beside them the
//! disk's own time for one synced append.
//!
//! `cargo run --release -p tidegate-store --example store_bench [FOLDER]`

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_core::{
    AccountId, Connection, ConnectionMode, ConnectionName, ConnectorType, Credentials, Secret,
};
use tidegate_store::{ConnectionFilter, Idempotent, KeySource, Store, StoreConfig};

const CALLERS: usize = 16;
const FEW: usize = 10;
const MANY: usize = 10_000;
const READ_FOR: Duration = Duration::from_secs(3);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("tidegate-store-bench-{}", std::process::id()));
    let config = StoreConfig { data_dir: folder.clone(), keys: KeySource::BesideTheData };
    let store = Store::open(config).await?;
    println!("{:>7.0} µs  one append of 4 KiB and fdatasync (median)", sync_micros(&folder)?);
    create(&store, 0, FEW).await?;
    println!("{:>7.0} /s  reads of one name at {FEW} connections", read(&store, FEW).await?);
    println!("{:>7.0} /s  durable creates from {FEW} on", create(&store, FEW, MANY / 2).await?);
    create(&store, MANY / 2, MANY).await?;
    println!("{:>7.0} /s  reads of one name at {MANY} connections", read(&store, MANY).await?);
    println!("{:>7.0} /s  durable creates from {MANY} on", create(&store, MANY, MANY + MANY / 2).await?);
    store.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn sync_micros(folder: &Path) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let path = folder.join("sync-probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6)
}

fn account() -> AccountId {
    AccountId::new("000000000000")
}

/// Creates connections with 16 callers; gives how many a second.
async fn create(store: &Store, from: usize, to: usize) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let next = Arc::new(AtomicUsize::new(from));
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (store, next) = (store.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= to {
                        return Outcome::Ok(());
                    }
                    create_one(&store, number).await?;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    Ok((to - from) as f64 / start.elapsed().as_secs_f64())
}

async fn create_one(store: &Store, number: usize) -> Outcome {
    let connection = Connection {
        name: ConnectionName::new(format!("connection-{number:06}")),
        connector_type: ConnectorType::SapOData,
        connector_label: None,
        mode: ConnectionMode::Public,
        properties: json!({"applicationHostUrl": "https://sap.example", "portNumber": 443, "clientNumber": "100",
            "applicationServicePath": "/sap/opu/odata/iwfnd/catalogservice;v=2"}),
        kms_arn: None,
        credentials_arn: Some(format!("arn:aws:secretsmanager:us-east-1:0:secret:appflow!0-{number}")),
        credentials_version: 0,
        created_at_ms: 1,
        updated_at_ms: 1,
    };
    let credentials = json!({"basicAuthCredentials": {"username": "ALICE", "password": "correct horse"}});
    let call = Idempotent {
        operation: "CreateConnectorProfile",
        token: format!("token-{number}"),
        input: Secret::new(format!("{}{credentials}", connection.properties).into_bytes()),
        result: json!({"connectorProfileArn": "arn"}),
    };
    let connections = store.connections(&account());
    connections
        .create(connection, Some(Credentials::new(credentials)), "https://sap.example", Some(&call))
        .await?;
    Ok(())
}

/// Reads single names with 16 callers for a while; gives how many a second.
async fn read(store: &Store, count: usize) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut number = caller;
                let mut reads = 0_usize;
                while start.elapsed() < READ_FOR {
                    number = (number * 7919 + 13) % count;
                    let name = ConnectionName::new(format!("connection-{number:06}"));
                    let filter = ConnectionFilter { names: Some(vec![name]), ..Default::default() };
                    let page = store.connections(&account()).list(&filter, None, 20).await?;
                    assert_eq!(page.items.len(), 1, "every name exists");
                    reads += 1;
                }
                Result::<usize, Box<dyn Error + Send + Sync>>::Ok(reads)
            })
        })
        .collect();
    let mut reads = 0;
    for caller in callers {
        reads += caller.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    Ok(reads as f64 / start.elapsed().as_secs_f64())
}
