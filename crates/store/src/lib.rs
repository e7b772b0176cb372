//! The store: metadata, the run queue and the credential vault. No other crate
//! names SQL or touches a key.
//!
//! Reading order: [`Store`] opens everything; `writer` groups writes into
//! commits; [`connections`] (and [`listing`]), [`flows`], [`runs`] (and [`run_search`]), [`queue`],
//! [`scheduler`], [`events`], [`outbox`], [`keys`], [`users`], [`sessions`] and [`idempotency`] are one aggregate each; [`vault`] seals, `secrets` keeps
//! what is sealed, [`rotation`] changes the key.

mod aftermath;
pub mod connections;
mod error;
pub mod events;
mod files;
pub mod flows;
pub mod idempotency;
pub mod keys;
pub mod listing;
mod meta;
mod migrate;
pub mod outbox;
pub mod queue;
pub mod rotation;
pub mod run_search;
pub mod runs;
pub mod scheduler;
mod secrets;
pub mod sessions;
pub mod users;
pub mod vault;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool};
use tidegate_core::AccountId;
use tokio::sync::watch;

pub use aftermath::Finished;
pub use connections::{ConnectionFilter, Connections};
pub use error::{Kind, StoreError};
pub use events::{Backlog, Delivered, EventReport, Events, NewEvent};
pub use flows::{Activation, FlowRecord, FlowState, Flows};
pub use idempotency::{Idempotent, Outcome};
pub use keys::{AccessKey, AccessKeys, KeyKind, NewAccessKey, RootKeyChange};
pub use listing::{
    CheckResult, ConnectionCheck, ConnectionQuery, ConnectionSort, HealthFilter, ListedConnection,
};
pub use outbox::{Announcer, Notification, Outbox, Waiting};
pub use queue::{ClaimedRun, Ending, Lease, Queue, Signal, Work};
pub use rotation::Rotation;
pub use run_search::RunQuery;
pub use runs::{NewRun, Runs};
pub use scheduler::{ScheduledFlow, Scheduler, TickRun};
pub use sessions::{NewSession, Revoked, Session, Sessions, SignedInAs};
pub use users::{User, UserPassword, Users};
pub use vault::{KeySource, VaultError};

use idempotency::Prepared;
use outbox::Announcing;
use vault::{FingerprintKey, KeyFile, Vault};
use writer::Writer;

/// Connections that read at once. More than a few only take each other's CPU.
const READERS: u32 = 4;

/// Where the store lies and where its keys come from.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The data folder; made with mode 0700 when it is missing.
    pub data_dir: PathBuf,
    /// The source of the vault's keys.
    pub keys: KeySource,
}

/// What the server tells about the keyring when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringInfo {
    /// The file of keys.
    pub path: PathBuf,
    /// Whether it lies in the data folder by default, so that a copy of that
    /// folder is the whole secret.
    pub beside_the_data: bool,
    /// Whether this start made it.
    pub created: bool,
    /// The identifier of the key that seals.
    pub key_id: String,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next part starts; `None` at the end. It is not for clients'
    /// eyes: the server wraps it into an opaque token.
    pub next: Option<String>,
}

/// The open store. Clones share one writer and one pool of readers.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    writer: Writer,
    reads: SqlitePool,
    vault: Arc<Vault>,
    fingerprints: FingerprintKey,
    keyring_created: bool,
    rotating: tokio::sync::Mutex<()>,
    queued: watch::Sender<()>,
    scheduled: watch::Sender<()>,
    cancelled: watch::Sender<()>,
    announced: watch::Sender<()>,
    announcer: OnceLock<Arc<dyn Announcer>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("vault", &self.0.vault).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store, and makes it on the first start: folder, database,
    /// keyring, schema.
    ///
    /// # Errors
    /// A database with sealed rows whose keys the keyring lacks is refused
    /// ([`VaultError::NoMatchingKey`], [`VaultError::KeyringMissing`]), and no
    /// new keyring is made for it.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        files::private_folder(&config.data_dir)?;
        let path = files::private_database(&config.data_dir)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            // What was deleted is overwritten, and not left in free pages.
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        migrate::run(&mut connection).await?;
        let used = meta::sealing_keys(&mut connection).await?;
        let file = KeyFile::new(config.keys, &config.data_dir);
        let (vault, keyring_created) = Vault::start(file, &used, now_ms())?;
        let fingerprints = meta::first_rows(&mut connection, &vault).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self(Arc::new(Inner {
            writer: Writer::spawn(connection),
            reads,
            vault: Arc::new(vault),
            fingerprints,
            keyring_created,
            rotating: tokio::sync::Mutex::new(()),
            queued: watch::Sender::new(()),
            scheduled: watch::Sender::new(()),
            cancelled: watch::Sender::new(()),
            announced: watch::Sender::new(()),
            announcer: OnceLock::new(),
        })))
    }

    /// Finishes what is under way and closes the database. Every later call
    /// answers [`StoreError::Closed`].
    pub async fn close(&self) {
        self.0.reads.close().await;
        self.0.writer.close().await;
    }

    /// What to tell about the keyring at the start.
    pub fn keyring(&self) -> KeyringInfo {
        let file = self.0.vault.file();
        KeyringInfo {
            path: file.path().to_owned(),
            beside_the_data: *file.source() == KeySource::BesideTheData,
            created: self.0.keyring_created,
            key_id: self.0.vault.current().id().to_owned(),
        }
    }

    /// The connections of an account.
    pub fn connections(&self, account: &AccountId) -> Connections<'_> {
        Connections::new(self, account.clone())
    }

    /// The flows of an account.
    pub fn flows(&self, account: &AccountId) -> Flows<'_> {
        Flows::new(self, account.clone())
    }

    /// The runs of an account, as its users see them.
    pub fn runs(&self, account: &AccountId) -> Runs<'_> {
        Runs::new(self, account.clone())
    }

    /// The runs of all accounts, as workers see them.
    pub fn queue(&self) -> Queue<'_> {
        Queue::new(self)
    }

    /// The notifications that wait for their delivery.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(self)
    }

    /// From now on, what happens to runs is announced. Only the first call counts.
    pub fn announce(&self, announcer: Arc<dyn Announcer>) {
        let _ = self.0.announcer.set(announcer);
    }

    /// The schedules of all accounts, as the scheduler sees them.
    pub fn scheduler(&self) -> Scheduler<'_> {
        Scheduler::new(self)
    }

    /// The access keys of all accounts: a request names its key before it is
    /// known whose it is.
    pub fn access_keys(&self) -> AccessKeys<'_> {
        AccessKeys::new(self)
    }

    /// The users of the console, of one account.
    pub fn users(&self, account: &AccountId) -> Users<'_> {
        Users::new(self, account.clone())
    }

    /// The sessions of the console, of one account.
    pub fn sessions(&self, account: &AccountId) -> Sessions<'_> {
        Sessions::new(self, account.clone())
    }

    fn reads(&self) -> &SqlitePool {
        &self.0.reads
    }

    fn vault(&self) -> &Arc<Vault> {
        &self.0.vault
    }

    fn queued(&self) -> &watch::Sender<()> {
        &self.0.queued
    }

    fn scheduled(&self) -> &watch::Sender<()> {
        &self.0.scheduled
    }

    fn cancelled(&self) -> &watch::Sender<()> {
        &self.0.cancelled
    }

    fn announced(&self) -> &watch::Sender<()> {
        &self.0.announced
    }

    fn announcer(&self) -> Announcing {
        self.0.announcer.get().cloned()
    }

    fn fingerprints(&self) -> &FingerprintKey {
        &self.0.fingerprints
    }

    fn prepared(&self, call: &Idempotent) -> Prepared {
        Prepared::new(&self.0.fingerprints, call)
    }

    /// Runs a write in the writer and waits until it is durable.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        self.0.writer.write(work).await
    }

    /// As [`Store::write`], for a call that may come twice.
    async fn write_once<T, F>(
        &self,
        account: &AccountId,
        call: Option<&Idempotent>,
        work: F,
    ) -> Result<Outcome<T>, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let prepared = call.map(|call| self.prepared(call));
        let account = account.clone();
        self.write(move |tx| {
            Box::pin(async move {
                if let Some(prepared) = prepared
                    && let Some(result) = prepared.claim(&mut *tx, &account).await?
                {
                    return Ok(Outcome::Replayed(result));
                }
                work(tx).await.map(Outcome::Fresh)
            })
        })
        .await
    }
}

/// The present, in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A stored count or version, which is never negative; a damaged one reads as 0.
pub(crate) fn unsigned(value: i64) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

impl<T> Page<T> {
    /// Makes a page of a query that asked for one item more than the limit.
    fn cut(mut items: Vec<T>, limit: u32, position: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(position) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests;
