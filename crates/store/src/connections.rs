//! Connections and their sealed credentials.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use tidegate_core::{
    AccountId, Connection, ConnectionMode, ConnectionName, ConnectorType, Credentials, FlowName,
    OpenConnection,
};

use crate::error::{Kind, StoreError};
use crate::vault::{Destination, Purpose, SealContext, VaultError};
use crate::{Idempotent, Outcome, Page, Store, flows, listing, secrets, unsigned};

const COLUMNS: &str = "c.name, c.id, c.connector_type, c.connector_label, c.mode, c.properties, c.kms_arn, \
                       c.credentials_arn, c.credentials_version, c.created_at_ms, c.updated_at_ms";

/// Which connections a list is about; an absent part admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// Only these names; unknown ones are simply not found.
    pub names: Option<Vec<ConnectionName>>,
    /// Only this type.
    pub connector_type: Option<ConnectorType>,
    /// Only this label.
    pub connector_label: Option<String>,
}

/// The connections of one account.
#[derive(Debug)]
pub struct Connections<'a> {
    pub(crate) store: &'a Store,
    pub(crate) account: AccountId,
}

impl<'a> Connections<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Stores a new connection with the times that it carries. Its
    /// `credentials_version` is set here: 1 with credentials, 0 without.
    ///
    /// `destination` is the canonical text of the properties that decide where
    /// the credentials may be sent; whoever opens them must give the same text.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    pub async fn create(
        &self,
        mut connection: Connection,
        credentials: Option<Credentials>,
        destination: &str,
        call: Option<&Idempotent>,
    ) -> Result<Outcome<Connection>, StoreError> {
        connection.credentials_version = u32::from(credentials.is_some());
        if credentials.is_none() {
            connection.credentials_arn = None;
        }
        let secret = credentials.as_ref().map(|given| secrets::encode(given.expose())).transpose()?;
        let destination = Destination::of(destination);
        let (account, vault) = (self.account.clone(), self.store.vault().clone());
        self.store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    let id = uuid::Uuid::new_v4().to_string();
                    insert(tx, &account, &id, &connection).await?;
                    if let Some(secret) = secret {
                        let context = context(&account, &connection, &id, 1, destination);
                        secrets::put(tx, &vault, &context, &secret).await?;
                    }
                    Ok(connection)
                })
            })
            .await
    }

    /// A connection by its name.
    pub async fn get(&self, name: &ConnectionName) -> Result<Connection, StoreError> {
        let row = sqlx::query(
            "SELECT name, id, connector_type, connector_label, mode, properties, kms_arn, credentials_arn,
                    credentials_version, created_at_ms, updated_at_ms
             FROM connection WHERE account = $1 AND name = $2",
        )
        .bind(self.account.as_str())
        .bind(name.as_str())
        .fetch_optional(self.store.reads())
        .await?;
        decode(&row.ok_or_else(|| StoreError::not_found(Kind::Connection, name))?)
    }

    /// Connections in the order of their names, from the one after `after`. A
    /// connection that comes or goes meanwhile moves no other one.
    pub async fn list(
        &self,
        filter: &ConnectionFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Connection>, StoreError> {
        if filter.names.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM connection c WHERE c.account = ").push_bind(self.account.as_str());
        if let Some(names) = &filter.names {
            query.push(" AND c.name IN (");
            let mut list = query.separated(", ");
            for name in names {
                list.push_bind(name.as_str());
            }
            query.push(")");
        }
        if let Some(kind) = filter.connector_type {
            query.push(" AND c.connector_type = ").push_bind(kind.as_str());
        }
        if let Some(label) = &filter.connector_label {
            query.push(" AND c.connector_label = ").push_bind(label.as_str());
        }
        if let Some(after) = after {
            query.push(" AND c.name > ").push_bind(after);
        }
        query.push(" ORDER BY c.name LIMIT ").push_bind(i64::from(limit) + 1);
        let rows = query.build().fetch_all(self.store.reads()).await?;
        let items = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, limit, |connection| connection.name.to_string()))
    }

    /// How many connections there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM connection WHERE account = $1")
            .bind(self.account.as_str())
            .fetch_one(self.store.reads())
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Replaces mode and properties, and the credentials when new ones are
    /// given; then the version before stays beside the new one. Name, type,
    /// label, key and creation time stay; the ARN of the credentials is taken
    /// from `connection` only when there was none.
    ///
    /// Without new credentials the stored ones stay bound to the destination
    /// that they were given for. They are opened here with `destination`, so
    /// an update cannot leave a connection whose credentials do not open.
    ///
    /// # Errors
    /// [`StoreError::DestinationChanged`] in that case;
    /// [`StoreError::Conflict`] when the connection has become one of another
    /// type or label since the caller looked.
    pub async fn update(
        &self,
        connection: Connection,
        credentials: Option<Credentials>,
        destination: &str,
        call: Option<&Idempotent>,
    ) -> Result<Outcome<Connection>, StoreError> {
        self.replace_row(connection, credentials, destination, None, call).await
    }

    /// As [`Connections::update`], for credentials that were made from a stored
    /// version of them.
    ///
    /// # Errors
    /// Also [`StoreError::Conflict`] when that version is not the current one
    /// any more: a token has rotated, or somebody else has changed them.
    pub async fn update_over(
        &self,
        connection: Connection,
        credentials: Option<Credentials>,
        destination: &str,
        version: u32,
    ) -> Result<Connection, StoreError> {
        match self.replace_row(connection, credentials, destination, Some(version), None).await? {
            Outcome::Fresh(stored) => Ok(stored),
            Outcome::Replayed(_) => Err(StoreError::IdempotencyMismatch),
        }
    }

    async fn replace_row(
        &self,
        connection: Connection,
        credentials: Option<Credentials>,
        destination: &str,
        over: Option<u32>,
        call: Option<&Idempotent>,
    ) -> Result<Outcome<Connection>, StoreError> {
        let secret = credentials.as_ref().map(|given| secrets::encode(given.expose())).transpose()?;
        let destination = Destination::of(destination);
        let (account, vault) = (self.account.clone(), self.store.vault().clone());
        self.store
            .write_once(&self.account, call, move |tx| {
                Box::pin(async move {
                    let (mut stored, id) = find(tx, &account, &connection.name).await?;
                    if stored.connector_type != connection.connector_type
                        || stored.connector_label != connection.connector_label
                        || over.is_some_and(|version| version != stored.credentials_version)
                    {
                        return Err(StoreError::conflict(Kind::Connection, &connection.name));
                    }
                    // A rotated token is stored under the old time, and tells nothing
                    // against the last check; any other change does.
                    if stored.updated_at_ms != connection.updated_at_ms {
                        listing::forget_check(&mut *tx, &account, &connection.name).await?;
                    }
                    stored.mode = connection.mode;
                    stored.properties = connection.properties;
                    stored.updated_at_ms = connection.updated_at_ms.max(stored.created_at_ms);
                    if let Some(secret) = secret {
                        stored.credentials_version += 1;
                        stored.credentials_arn = stored.credentials_arn.or(connection.credentials_arn);
                        let version = stored.credentials_version;
                        let context = context(&account, &stored, &id, version, destination);
                        secrets::put(tx, &vault, &context, &secret).await?;
                        let name = stored.name.as_str();
                        secrets::remove_below(tx, &account, Purpose::Connection, name, version - 1).await?;
                    } else if stored.credentials_version > 0 {
                        let context =
                            context(&account, &stored, &id, stored.credentials_version, destination);
                        match secrets::open(&mut *tx, &vault, &context).await {
                            Err(StoreError::Vault(VaultError::NotAuthentic)) => {
                                return Err(StoreError::DestinationChanged);
                            }
                            opened => drop(opened?),
                        }
                    }
                    replace(tx, &account, &stored).await?;
                    Ok(stored)
                })
            })
            .await
    }

    /// A connection with its credentials in clear. `destination` is computed
    /// from its current properties; credentials that were given for another
    /// one do not open.
    ///
    /// # Errors
    /// [`VaultError::NotAuthentic`], also when anything of the sealed row was changed.
    pub async fn open(
        &self,
        name: &ConnectionName,
        destination: impl FnOnce(&Connection) -> String + Send,
    ) -> Result<OpenConnection, StoreError> {
        self.open_row(name, 0, destination).await
    }

    /// As [`Connections::open`], with the version of the credentials before
    /// the current one.
    pub async fn open_previous(
        &self,
        name: &ConnectionName,
        destination: impl FnOnce(&Connection) -> String + Send,
    ) -> Result<OpenConnection, StoreError> {
        self.open_row(name, 1, destination).await
    }

    async fn open_row(
        &self,
        name: &ConnectionName,
        back: u32,
        destination: impl FnOnce(&Connection) -> String + Send,
    ) -> Result<OpenConnection, StoreError> {
        let row = sqlx::query(
            "SELECT c.name, c.id, c.connector_type, c.connector_label, c.mode, c.properties, c.kms_arn,
                    c.credentials_arn, c.credentials_version, c.created_at_ms, c.updated_at_ms,
                    s.wrapped_key, s.body
             FROM connection c LEFT JOIN sealed_secret s
             ON s.account = c.account AND s.purpose = 'connection' AND s.owner = c.name
                AND s.version = c.credentials_version - $3
             WHERE c.account = $1 AND c.name = $2",
        )
        .bind(self.account.as_str())
        .bind(name.as_str())
        .bind(i64::from(back))
        .fetch_optional(self.store.reads())
        .await?
        .ok_or_else(|| StoreError::not_found(Kind::Connection, name))?;
        let connection = decode(&row)?;
        let version = connection.credentials_version.saturating_sub(back);
        let credentials = if version == 0 {
            Credentials::new(Value::Object(serde_json::Map::new()))
        } else {
            // A version that must be there and is not counts as tampering.
            let sealed = secrets::sealed(&row)?.ok_or(VaultError::NotAuthentic)?;
            let destination = Destination::of(&destination(&connection));
            let context = context(&self.account, &connection, row.try_get("id")?, version, destination);
            secrets::decode(&self.store.vault().open(&context, &sealed)?)?
        };
        Ok(OpenConnection { connection, credentials })
    }

    /// The flows that use a connection, in the order of their names.
    pub async fn flows_using(&self, name: &ConnectionName) -> Result<Vec<FlowName>, StoreError> {
        flows::using(self.store.reads(), &self.account, name).await
    }

    /// Deletes a connection and all versions of its credentials.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when flows use it and `force` is not given.
    pub async fn delete(&self, name: &ConnectionName, force: bool) -> Result<(), StoreError> {
        let (account, name) = (self.account.clone(), name.clone());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let gone = sqlx::query("DELETE FROM connection WHERE account = $1 AND name = $2")
                        .bind(account.as_str())
                        .bind(name.as_str())
                        .execute(&mut *tx)
                        .await?
                        .rows_affected();
                    if gone == 0 {
                        return Err(StoreError::not_found(Kind::Connection, name));
                    }
                    let flows = flows::using(&mut *tx, &account, &name).await?;
                    if !force && !flows.is_empty() {
                        return Err(StoreError::InUse { connection: name, flows });
                    }
                    secrets::remove_below(tx, &account, Purpose::Connection, name.as_str(), u32::MAX).await
                })
            })
            .await
    }
}

fn context<'a>(
    account: &'a AccountId,
    connection: &'a Connection,
    id: &'a str,
    version: u32,
    destination: Destination,
) -> SealContext<'a> {
    SealContext {
        purpose: Purpose::Connection,
        account,
        owner: connection.name.as_str(),
        owner_id: id,
        version,
        destination,
    }
}

const fn mode_text(mode: ConnectionMode) -> &'static str {
    match mode {
        ConnectionMode::Public => "Public",
        ConnectionMode::Private => "Private",
    }
}

pub(crate) fn read_mode(text: &str) -> Option<ConnectionMode> {
    match text {
        "Public" => Some(ConnectionMode::Public),
        "Private" => Some(ConnectionMode::Private),
        _ => None,
    }
}

fn decode(row: &SqliteRow) -> Result<Connection, StoreError> {
    let bad = |what| StoreError::BadRow { table: "connection", what };
    Ok(Connection {
        name: ConnectionName::new(row.try_get::<String, _>("name")?),
        connector_type: ConnectorType::parse(row.try_get("connector_type")?)
            .ok_or_else(|| bad("connector_type"))?,
        connector_label: row.try_get("connector_label")?,
        mode: read_mode(row.try_get("mode")?).ok_or_else(|| bad("mode"))?,
        properties: serde_json::from_str(row.try_get("properties")?).map_err(|_| bad("properties"))?,
        kms_arn: row.try_get("kms_arn")?,
        credentials_arn: row.try_get("credentials_arn")?,
        credentials_version: unsigned(row.try_get("credentials_version")?),
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
    })
}

async fn find(
    tx: &mut SqliteConnection,
    account: &AccountId,
    name: &ConnectionName,
) -> Result<(Connection, String), StoreError> {
    let row = sqlx::query(
        "SELECT name, id, connector_type, connector_label, mode, properties, kms_arn, credentials_arn,
                credentials_version, created_at_ms, updated_at_ms
         FROM connection WHERE account = $1 AND name = $2",
    )
    .bind(account.as_str())
    .bind(name.as_str())
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| StoreError::not_found(Kind::Connection, name))?;
    Ok((decode(&row)?, row.try_get("id")?))
}

async fn insert(
    tx: &mut SqliteConnection,
    account: &AccountId,
    id: &str,
    connection: &Connection,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO connection
         (account, name, id, connector_type, connector_label, mode, properties, kms_arn, credentials_arn,
          credentials_version, created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(account.as_str())
    .bind(connection.name.as_str())
    .bind(id)
    .bind(connection.connector_type.as_str())
    .bind(connection.connector_label.as_deref())
    .bind(mode_text(connection.mode))
    .bind(connection.properties.to_string())
    .bind(connection.kms_arn.as_deref())
    .bind(connection.credentials_arn.as_deref())
    .bind(i64::from(connection.credentials_version))
    .bind(connection.created_at_ms)
    .bind(connection.updated_at_ms)
    .execute(tx)
    .await
    .map_err(|error| StoreError::on_unique(error, Kind::Connection, &connection.name))?;
    Ok(())
}

async fn replace(
    tx: &mut SqliteConnection,
    account: &AccountId,
    connection: &Connection,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE connection SET mode = $3, properties = $4, credentials_arn = $5, credentials_version = $6,
                updated_at_ms = $7
         WHERE account = $1 AND name = $2",
    )
    .bind(account.as_str())
    .bind(connection.name.as_str())
    .bind(mode_text(connection.mode))
    .bind(connection.properties.to_string())
    .bind(connection.credentials_arn.as_deref())
    .bind(i64::from(connection.credentials_version))
    .bind(connection.updated_at_ms)
    .execute(tx)
    .await?;
    Ok(())
}
