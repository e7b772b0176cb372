//! What the cases share: a store in a temporary folder, and samples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidegate_core::flow::FlowStatus;
use tidegate_core::{
    AccountId, Connection, ConnectionMode, ConnectionName, ConnectorType, Credentials, ExecutionId, FlowName,
    OpenConnection, Secret,
};
use tidegate_store::{FlowRecord, FlowState, Idempotent, KeySource, NewRun, Store, StoreConfig, StoreError};

/// A fresh store in a folder of its own, which goes with it.
pub struct Fixture {
    folder: tempfile::TempDir,
    store: Option<Store>,
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder.path().join("data")).await.expect("the store opens");
        Self { folder, store: Some(store) }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn close(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().await;
        }
    }

    pub async fn reopen(&mut self) -> &Store {
        self.close().await;
        self.store = Some(open(&self.data()).await.expect("the store opens again"));
        self.store()
    }
}

pub async fn open(data: &Path) -> Result<Store, StoreError> {
    Store::open(StoreConfig { data_dir: data.to_owned(), keys: KeySource::BesideTheData }).await
}

pub fn account() -> AccountId {
    AccountId::new("000000000000")
}

pub fn connection(name: &str) -> Connection {
    Connection {
        name: name.into(),
        connector_type: ConnectorType::SapOData,
        connector_label: None,
        mode: ConnectionMode::Public,
        properties: json!({"applicationHostUrl": "https://sap.example", "portNumber": 443}),
        kms_arn: None,
        credentials_arn: Some(format!("arn:{name}")),
        credentials_version: 9,
        created_at_ms: 100,
        updated_at_ms: 100,
    }
}

pub fn credentials(password: &str) -> Credentials {
    Credentials::new(json!({"basicAuthCredentials": {"username": "ALICE", "password": password}}))
}

/// Where the sample's credentials may go, from its properties.
pub fn destination(connection: &Connection) -> String {
    format!("{}:{}", connection.properties["applicationHostUrl"], connection.properties["portNumber"])
}

/// Stores a sample with a password.
pub async fn create(store: &Store, name: &str, password: &str) -> Connection {
    let sample = connection(name);
    let place = destination(&sample);
    let secret = Some(credentials(password));
    let outcome = store.connections(&account()).create(sample, secret, &place, None).await;
    outcome.expect("created").fresh().expect("fresh")
}

pub async fn open_connection(store: &Store, name: &str) -> Result<OpenConnection, StoreError> {
    store.connections(&account()).open(&name.into(), destination).await
}

/// The password of a sample, opened.
pub async fn password(store: &Store, name: &str) -> Result<String, StoreError> {
    let open = open_connection(store, name).await?;
    Ok(open.credentials.get("basicAuthCredentials.password").expect("a password").to_owned())
}

pub fn flow(name: &str) -> FlowRecord {
    FlowRecord {
        name: name.into(),
        definition: json!({"flowName": name, "tasks": []}),
        status: FlowStatus::Active,
        status_message: None,
        schema_version: 1,
        tags: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        created_at_ms: 100,
        updated_at_ms: 100,
        created_by: "arn:aws:iam::0:root".to_owned(),
        updated_by: "arn:aws:iam::0:root".to_owned(),
        state: FlowState::default(),
    }
}

pub async fn create_flow(store: &Store, name: &str, uses: &[&str]) {
    let uses: Vec<ConnectionName> = uses.iter().map(|name| (*name).into()).collect();
    store.flows(&account()).create(flow(name), &uses, None).await.expect("created");
}

/// Asks for a run and gives its identifier.
pub async fn start(store: &Store, flow: &str) -> ExecutionId {
    let id = ExecutionId::random();
    store
        .runs(&account())
        .enqueue(&FlowName::from(flow), vec![NewRun::plain(&id)], None)
        .await
        .expect("queued");
    id
}

pub fn call(operation: &'static str, token: &str, input: &str, result: Value) -> Idempotent {
    Idempotent { operation, token: token.to_owned(), input: Secret::new(input.as_bytes().to_vec()), result }
}

/// The database itself, for cases that tamper with it.
pub async fn raw(data: &Path) -> sqlx::SqliteConnection {
    use sqlx::Connection as _;
    let url = format!("sqlite://{}", data.join("tidegate.db").display());
    sqlx::SqliteConnection::connect(&url).await.expect("the database opens")
}
