//! A connection to a test server, and a small OData service written from the specification.

use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tidegate_connectors::kit::{Outbound, OutboundPolicy};
use tidegate_connectors::reader;
use tidegate_core::connector::{Connector, Progress};
use tidegate_core::plan::ReadRequest;
use tidegate_core::{
    Connection, ConnectionMode, ConnectionName, ConnectorError, ConnectorType, Credentials, OpenConnection,
};

use crate::peer::{Peer, Reply, Request};

pub const USER: &str = "ALICE";
pub const PASSWORD: &str = "s3cret/+ pässword%41";

/// A connection to `http://127.0.0.1:port/odata` by user and password.
pub fn connection(port: u16) -> OpenConnection {
    with(port, json!({}), json!({"basicAuthCredentials": {"username": USER, "password": PASSWORD}}))
}

/// A connection with further properties and other credentials.
pub fn with(port: u16, more: Value, credentials: Value) -> OpenConnection {
    let mut properties = json!({
        "applicationHostUrl": "http://127.0.0.1",
        "applicationServicePath": "/odata",
        "portNumber": port,
        "clientNumber": "100",
        "logonLanguage": "EN",
    });
    for (name, value) in more.as_object().unwrap() {
        properties[name] = value.clone();
    }
    OpenConnection {
        connection: Connection {
            name: ConnectionName::new("test"),
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
        credentials: Credentials::new(credentials),
    }
}

pub fn outbound() -> Arc<Outbound> {
    Outbound::new(OutboundPolicy::default()).unwrap()
}

pub fn connector() -> Box<dyn Connector> {
    reader(ConnectorType::SapOData, outbound()).unwrap()
}

/// Everything that a scan gave.
#[derive(Debug)]
pub struct Read {
    pub batches: Vec<RecordBatch>,
    pub pushed: Vec<bool>,
    pub progress: Arc<Progress>,
}

impl Read {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The values of the column `ID`.
    pub fn ids(&self) -> Vec<i32> {
        use arrow_array::cast::AsArray as _;
        use arrow_array::types::Int32Type;
        self.batches
            .iter()
            .flat_map(|batch| {
                batch.column_by_name("ID").unwrap().as_primitive::<Int32Type>().values().to_vec()
            })
            .collect()
    }
}

pub async fn read(open: &OpenConnection, request: ReadRequest) -> Result<Read, ConnectorError> {
    let progress = Arc::new(Progress::default());
    let mut scan = connector().scan(open, request, Arc::clone(&progress)).await?;
    let mut batches = Vec::new();
    while let Some(batch) = scan.batches.next().await {
        batches.push(batch?);
    }
    Ok(Read { batches, pushed: scan.pushed, progress })
}

pub fn request(entity: &str) -> ReadRequest {
    ReadRequest { entity: entity.to_owned(), ..ReadRequest::default() }
}

/// `$metadata` of a service with one entity set `Things` of the given properties.
pub fn metadata(version: &str, properties: &str, key: &str) -> String {
    let key =
        if key.is_empty() { String::new() } else { format!("<Key><PropertyRef Name=\"{key}\"/></Key>") };
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="{version}" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Thing">{key}{properties}</EntityType>
<EntityContainer Name="C"><EntitySet Name="Things" EntityType="T.Thing"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#
    )
}

/// How the small service behaves.
#[derive(Clone)]
pub struct Service {
    pub version: &'static str,
    /// The identifiers of its records, in their order.
    pub ids: Arc<Mutex<Vec<i32>>>,
    /// The server's own page size.
    pub page: Option<usize>,
    pub has_key: bool,
    pub has_count: bool,
    /// Whether it knows `$top` and `$skip`.
    pub has_windows: bool,
}

impl Service {
    pub fn new(version: &'static str, rows: i32) -> Self {
        Self {
            version,
            ids: Arc::new(Mutex::new((1..=rows).collect())),
            page: None,
            has_key: true,
            has_count: true,
            has_windows: true,
        }
    }

    pub async fn start(self) -> Peer {
        Peer::start(move |request| self.answer(request)).await
    }

    pub fn answer(&self, request: &Request) -> Reply {
        match request.path.as_str() {
            "/odata/$metadata" => {
                let properties = r#"<Property Name="ID" Type="Edm.Int32" Nullable="false"/>
                    <Property Name="name" Type="Edm.String"/>"#;
                Reply::new(200, metadata(self.version, properties, if self.has_key { "ID" } else { "" }))
                    .with("content-type", "application/xml")
            }
            "/odata/" => Reply::json(&json!({"value": []})),
            "/odata/Things/$count" if !self.has_count => {
                Reply::new(404, r#"{"error":{"code":"X","message":"no count here"}}"#)
            }
            "/odata/Things/$count" => Reply::new(200, self.selected(request).len().to_string()),
            "/odata/Things" => self.page(request),
            _ => Reply::new(404, r#"{"error":{"code":"404","message":"Not here"}}"#),
        }
    }

    fn selected(&self, request: &Request) -> Vec<i32> {
        let after = request
            .option("$filter")
            .and_then(|filter| filter.split("ID gt ").nth(1))
            .map_or(i32::MIN, |rest| rest.trim_matches([' ', ')']).parse().unwrap());
        self.ids.lock().unwrap().iter().copied().filter(|id| *id > after).collect()
    }

    fn page(&self, request: &Request) -> Reply {
        let number = |name: &str| {
            let known = self.has_windows || name == "$skiptoken";
            request.option(name).filter(|_| known).map(|text| text.parse::<usize>().unwrap())
        };
        let mut ids = self.selected(request);
        if request.option("$orderby").is_some() {
            ids.sort_unstable();
        }
        ids.drain(..number("$skip").unwrap_or(0).min(ids.len()));
        ids.truncate(number("$top").unwrap_or(usize::MAX));
        let from = number("$skiptoken").unwrap_or(0).min(ids.len());
        let to = self.page.map_or(ids.len(), |page| (from + page).min(ids.len()));
        let mut link = None;
        if to < ids.len() {
            let mut query: Vec<String> = request
                .query
                .iter()
                .filter(|(name, _)| *name != "$skiptoken")
                .map(|(name, value)| {
                    let value =
                        percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
                    format!("{name}={value}")
                })
                .collect();
            query.push(format!("$skiptoken={to}"));
            link = Some(format!("Things?{}", query.join("&")));
        }
        let rows: Vec<Value> =
            ids[from..to].iter().map(|id| json!({"ID": id, "name": format!("thing {id}")})).collect();
        if self.version.starts_with('4') {
            let mut page = json!({"value": rows});
            if let Some(link) = link {
                page["@odata.nextLink"] = link.into();
            }
            Reply::json(&page)
        } else {
            let mut page = json!({"results": rows});
            if let Some(link) = link {
                let host = request.header("host");
                page["__next"] = format!("http://{host}/odata/{link}").into();
            }
            Reply::json(&json!({"d": page}))
        }
    }
}
