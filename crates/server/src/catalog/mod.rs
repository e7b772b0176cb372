//! What flows have written, as tables of a data catalog (`metadataCatalogConfig`).
//!
//! It comes after a run's output is visible, and a catalog that refuses or
//! does not answer never fails the run: its record tells.

mod glue;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::Builder;
use tidegate_connectors::kit::Outbound;
use tidegate_core::flow::{FlowSpec, SourceSpec};
use tidegate_core::run::{CatalogDetail, OutputShape, Registration};
use tidegate_wire as wire;
use tokio::sync::OnceCell;

use crate::app::App;
use crate::aws;
use crate::convert::now_ms;

/// How long the registration of one run may take.
const LONGEST: Duration = Duration::from_secs(300);

/// The data catalog of the server.
pub struct Catalog {
    services: Arc<Outbound>,
    region: String,
    endpoint: Option<String>,
    client: OnceCell<Client>,
}

impl Catalog {
    /// Glue at an endpoint, or where AWS's clients find it.
    pub fn new(services: &Arc<Outbound>, region: &str, endpoint: Option<&str>) -> Self {
        Self {
            services: Arc::clone(services),
            region: region.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            client: OnceCell::new(),
        }
    }

    async fn client(&self) -> Result<&Client, String> {
        let make = async || {
            const NO_KEYS: &str = "There are no keys for Glue: give them to the server as the AWS CLI takes them \
                                   (environment or profile files)";
            let config = aws::client_config(&self.services, &self.region).await;
            let keys = config.credentials_provider().ok_or(NO_KEYS)?;
            keys.provide_credentials().await.map_err(|_| NO_KEYS.to_owned())?;
            let mut config = Builder::from(&config);
            if let Some(endpoint) = &self.endpoint {
                config = config.endpoint_url(endpoint);
            }
            Ok(Client::from_conf(config.build()))
        };
        self.client.get_or_try_init(make).await
    }
}

/// Registers what a run has written; one detail for each table.
pub async fn register(
    app: &App,
    glue: &wire::GlueDataCatalogConfig,
    spec: &FlowSpec,
    execution: &str,
    shape: &OutputShape,
) -> Vec<CatalogDetail> {
    let labels = labels(app, spec).await;
    let flow = spec.name.as_str();
    let tables = tables::tables(&glue.table_prefix, flow, execution, shape, &labels);
    let failed = |error: String| {
        let registration = Registration { count: 0, error: Some(error) };
        let (tables, partitions) = (registration.clone(), registration);
        vec![CatalogDetail { table: String::new(), tables, partitions }]
    };
    let registering = async {
        let database = glue::Database {
            client: app.catalog.client().await?,
            name: &glue.database_name,
            flow,
            format: shape.format,
            now: now_ms() / 1000,
        };
        let mut details = Vec::with_capacity(tables.len());
        for table in &tables {
            details.push(database.register(table).await);
        }
        Ok::<_, String>(details)
    };
    match tokio::time::timeout(LONGEST, registering).await {
        Ok(Ok(details)) => details,
        Ok(Err(error)) => failed(error),
        Err(_) => failed(format!("Glue took longer than {} s", LONGEST.as_secs())),
    }
}

/// What the vendor says of the fields; nothing if it cannot be asked.
async fn labels(app: &App, spec: &FlowSpec) -> tables::Labels {
    let SourceSpec::Connection { connection, entity, .. } = &spec.source else {
        return tables::Labels::new();
    };
    let asked = async {
        let connection = app.store.connections(&app.scope.account).get(connection).await.ok()?;
        app.describe_entity(&connection, entity).await.ok()
    };
    asked.await.map(|fields| tables::labels(&spec.tasks, &fields)).unwrap_or_default()
}
