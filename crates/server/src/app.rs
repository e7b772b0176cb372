//! Everything that a request or a run needs, made once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use tidegate_connectors::descriptions;
use tidegate_connectors::kit::Outbound;
use tidegate_core::connector::Connector;
use tidegate_core::description::Description;
use tidegate_core::{Connection, ConnectionName, ConnectorType, OpenConnection, Scope};
use tidegate_engine::Engine;
use tidegate_store::{Revoked, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::authorizations::Authorizations;
use crate::catalog::Catalog;
use crate::config::{Compat, ConnectionCheck, Quotas};
use crate::entities::EntityCache;
use crate::error::ApiError;
use crate::http::PublicUrl;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::session::Sessions;
use crate::tasks::rotate::RotationState;
use crate::tokens::VaultSink;

/// The parts of a running server.
pub struct App {
    /// Account and region.
    pub scope: Scope,
    /// Metadata, queue and vault.
    pub store: Store,
    /// Who may call.
    pub keys: Keys,
    /// Who is signed in to the console.
    pub sessions: Sessions,
    /// What runs flows.
    pub engine: Engine,
    /// The connectors whose reader exists.
    pub readers: Readers,
    /// What applications said of their entities.
    pub entities: EntityCache,
    /// Whether connections are proven before they are stored.
    pub connection_check: ConnectionCheck,
    /// The URL that clients know the server by, if it is not the listener's.
    pub public_url: Option<PublicUrl>,
    /// What is refused because AppFlow refuses it.
    pub compat: Compat,
    /// What is limited.
    pub quotas: Quotas,
    /// Bytes of events that may wait for one flow.
    pub event_inbox_limit: u64,
    /// What is counted.
    pub metrics: Metrics,
    /// Where rotated tokens go.
    pub tokens: Arc<VaultSink>,
    /// Authorizations that people have begun.
    pub authorizations: Authorizations,
    /// The one client of all connectors.
    pub outbound: Arc<Outbound>,
    /// Where flows register what they have written.
    pub catalog: Catalog,
    /// The rotation of the vault's key.
    pub rotation: RotationState,
    /// Cancelled when the server is told to stop.
    pub stopping: CancellationToken,
}

impl App {
    /// Ends sessions and keys in the store, and then in memory. It goes on when
    /// the caller does not wait any more: a page that signs out and closes must
    /// not leave its keys alive in memory.
    ///
    /// # Errors
    /// The outer one only when the work could not be carried out at all.
    pub async fn revoke<F>(
        self: &Arc<Self>,
        work: impl FnOnce(Store) -> F,
    ) -> Result<Result<Revoked, StoreError>, ApiError>
    where
        F: Future<Output = Result<Revoked, StoreError>> + Send + 'static,
    {
        let (app, work) = (Arc::clone(self), work(self.store.clone()));
        let task = tokio::spawn(async move {
            let gone = work.await?;
            app.forget(&gone);
            Ok(gone)
        });
        task.await.map_err(ApiError::internal)
    }

    /// Drops what is kept in memory of sessions and keys that have ended in the store.
    pub fn forget(&self, gone: &Revoked) {
        if *gone != Revoked::default() {
            self.sessions.forget(gone);
            self.keys.forget(&gone.keys);
        }
    }

    /// A connection with its credentials in clear, for one use.
    ///
    /// # Errors
    /// When there is none of that name, or the vault refuses.
    pub async fn open(&self, name: &ConnectionName) -> Result<OpenConnection, StoreError> {
        self.store.connections(&self.scope.account).open(name, binding_of).await
    }
}

/// The text that a connection's credentials are bound to.
pub fn binding_of(connection: &Connection) -> String {
    descriptions::of(connection.connector_type)
        .destination_binding(connection.connector_label.as_deref(), &connection.properties)
}

/// The description of a connection's connector.
pub fn description_of(connection: &Connection) -> &'static Description {
    descriptions::of(connection.connector_type)
}

/// As [`description_of`], narrowed to the connection's own label where that is
/// one of a vended connector.
pub fn described(connection: &Connection) -> &'static Description {
    let label = connection.connector_label.as_deref();
    label.and_then(descriptions::vended_label).unwrap_or_else(|| description_of(connection))
}

/// The connectors whose reader exists, by type.
pub struct Readers(HashMap<ConnectorType, Box<dyn Connector>>);

impl Readers {
    /// Opens every reader there is, over one outbound client.
    pub fn new(outbound: &Arc<Outbound>) -> Self {
        let readers = ConnectorType::ALL
            .iter()
            .filter_map(|kind| Some((*kind, tidegate_connectors::reader(*kind, Arc::clone(outbound))?)))
            .collect();
        Self(readers)
    }

    /// The reader of a type, if it exists.
    pub fn find(&self, kind: ConnectorType) -> Option<&dyn Connector> {
        self.0.get(&kind).map(AsRef::as_ref)
    }

    /// The reader of a type.
    ///
    /// # Errors
    /// `UnsupportedOperationException` that names the type.
    pub fn get(&self, kind: ConnectorType) -> Result<&dyn Connector, ApiError> {
        self.find(kind).ok_or_else(|| {
            ApiError::unsupported(format!(
                "This server has no reader of entities for {} yet: it can neither test its connections nor list what \
                 they hold.",
                kind.as_str()
            ))
        })
    }
}
