//! Where rotated OAuth tokens go: into the vault, before they are used.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tidegate_connectors::kit::TokenSink;
use tidegate_core::{AccountId, Connection, ConnectorError, ConnectorErrorKind, Credentials};
use tidegate_store::Store;

use crate::app::binding_of;

/// Stores tokens that a token endpoint has changed.
pub struct VaultSink {
    store: Store,
    account: AccountId,
    /// Credentials that are being proven and are not stored yet, by the
    /// connection that brings them. What rotates while they are proven is kept
    /// here, and stored with the connection or not at all.
    proving: Mutex<HashMap<Key, Option<Credentials>>>,
}

/// A state of a connection: a change of it has another time.
type Key = (String, i64, i64);

fn key(connection: &Connection) -> Key {
    (connection.name.as_str().to_owned(), connection.created_at_ms, connection.updated_at_ms)
}

impl VaultSink {
    /// A sink into the connections of an account.
    pub fn new(store: Store, account: AccountId) -> Arc<Self> {
        Arc::new(Self { store, account, proving: Mutex::default() })
    }

    /// Says that a connection's credentials are not stored yet; until the
    /// answer is dropped, what rotates is kept for [`Proving::rotated`].
    pub fn prove(self: &Arc<Self>, connection: &Connection) -> Proving {
        let key = key(connection);
        self.proving.lock().insert(key.clone(), None);
        Proving { sink: Arc::clone(self), key }
    }
}

/// Credentials that are being proven.
pub struct Proving {
    sink: Arc<VaultSink>,
    key: Key,
}

impl Proving {
    /// The credentials as they became while they were proven, if they did.
    pub fn rotated(&self) -> Option<Credentials> {
        self.sink.proving.lock().get(&self.key).cloned().flatten()
    }
}

impl Drop for Proving {
    fn drop(&mut self) {
        self.sink.proving.lock().remove(&self.key);
    }
}

#[async_trait]
impl TokenSink for VaultSink {
    async fn rotated(
        &self,
        connection: &Connection,
        credentials: &Credentials,
    ) -> Result<(), ConnectorError> {
        if let Some(place) = self.proving.lock().get_mut(&key(connection)) {
            *place = Some(credentials.clone());
            return Ok(());
        }
        let failed = |why: String| {
            tracing::error!(connection = %connection.name, error = why, "A rotated token could not be stored.");
            ConnectorError::new(
                ConnectorErrorKind::Unreachable,
                format!(
                    "The application has issued a new token for the connection {}, and it could not be stored, so it \
                     was not used. Supply the credentials anew if the connection is refused from now on",
                    connection.name
                ),
            )
        };
        let connections = self.store.connections(&self.account);
        let current = connections.get(&connection.name).await.map_err(|error| failed(error.to_string()))?;
        let binding = binding_of(&current);
        if current.created_at_ms != connection.created_at_ms || binding != binding_of(connection) {
            return Err(failed("the connection was changed meanwhile".to_owned()));
        }
        connections
            .update(current, Some(credentials.clone()), &binding, None)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::{ConnectionMode, ConnectorType};
    use tidegate_store::{KeySource, StoreConfig};

    use super::*;

    fn connection(updated_at_ms: i64) -> Connection {
        Connection {
            name: "c".into(),
            connector_type: ConnectorType::SapOData,
            connector_label: None,
            mode: ConnectionMode::Public,
            properties: json!({"applicationHostUrl": "https://sap"}),
            kms_arn: None,
            credentials_arn: None,
            credentials_version: 0,
            created_at_ms: 1,
            updated_at_ms,
        }
    }

    fn token(text: &str) -> Credentials {
        Credentials::new(
            json!({"oAuthCredentials": {"clientId": "i", "clientSecret": "s", "refreshToken": text}}),
        )
    }

    #[tokio::test]
    async fn a_rotated_token_is_stored_and_one_that_is_only_proven_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = StoreConfig { data_dir: dir.path().to_owned(), keys: KeySource::BesideTheData };
        let store = Store::open(config).await.expect("a store");
        let account = AccountId::from("000000000000");
        let connections = store.connections(&account);
        let stored = connection(1);
        connections
            .create(stored.clone(), Some(token("one")), &binding_of(&stored), None)
            .await
            .expect("created");
        let sink = VaultSink::new(store.clone(), account.clone());
        let now = async || {
            let open = connections.open(&"c".into(), binding_of).await.expect("opened");
            open.credentials.get("oAuthCredentials.refreshToken").map(str::to_owned)
        };

        let changed = connection(2);
        let proving = sink.prove(&changed);
        sink.rotated(&changed, &token("two")).await.expect("kept");
        assert_eq!(now().await.as_deref(), Some("one"));
        assert_eq!(proving.rotated(), Some(token("two")));
        drop(proving);

        sink.rotated(&stored, &token("three")).await.expect("stored");
        assert_eq!(now().await.as_deref(), Some("three"));

        let mut elsewhere = connection(1);
        elsewhere.properties = json!({"applicationHostUrl": "https://other"});
        sink.rotated(&elsewhere, &token("four")).await.expect_err("another destination");
        assert_eq!(now().await.as_deref(), Some("three"));
    }
}
