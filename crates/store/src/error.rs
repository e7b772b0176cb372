//! What can go wrong in the store. Every text is safe to show and to log.

use std::path::PathBuf;
use std::sync::Arc;

use tidegate_core::{ConnectionName, FlowName};

use crate::vault::VaultError;

/// The kinds of rows that can be missing or already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A connection (connector profile).
    Connection,
    /// A flow.
    Flow,
    /// A run of a flow.
    Run,
    /// An access key.
    AccessKey,
    /// A user of the console.
    User,
    /// A session of the console.
    Session,
}

impl Kind {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Flow => "flow",
            Self::Run => "run",
            Self::AccessKey => "access key",
            Self::User => "user",
            Self::Session => "session",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something of this name exists already, or has become another thing
    /// since the caller looked.
    #[error("the {kind} {name} exists already, or has changed meanwhile")]
    Conflict {
        /// What exists.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    NotFound {
        /// What is missing.
        kind: Kind,
        /// The name that was asked for.
        name: String,
    },
    /// Flows use the connection.
    #[error("the connection {connection} is used by {} flow(s)", flows.len())]
    InUse {
        /// The connection.
        connection: ConnectionName,
        /// The flows that use it, in the order of their names.
        flows: Vec<FlowName>,
    },
    /// The flow has a run that has not ended.
    #[error("the flow {flow} has a run that has not ended")]
    FlowActive {
        /// The flow.
        flow: FlowName,
        /// Whether the run is making its output visible right now; then not
        /// even force helps, because half of the output would stay.
        publishing: bool,
    },
    /// Events wait in the flow's inbox that no run has published.
    #[error("{count} events wait for the flow {flow}, and no run has published them")]
    EventsWait {
        /// The flow.
        flow: FlowName,
        /// How many.
        count: u64,
    },
    /// The flow's inbox has no room for what was delivered. Nothing of it was kept.
    #[error("{waiting} bytes of events wait for the flow {flow}, and {most} may; {delivered} were delivered")]
    InboxFull {
        /// The flow.
        flow: FlowName,
        /// Bytes that wait.
        waiting: u64,
        /// Bytes that were delivered.
        delivered: u64,
        /// Bytes that may wait.
        most: u64,
    },
    /// The caller saw, within the transaction, that its change must not be made.
    /// Nothing was written.
    #[error("the change is refused: {0}")]
    Refused(String),
    /// The client token was used before, with another input.
    #[error("the client token was used before with a different input")]
    IdempotencyMismatch,
    /// Stored credentials were to be kept, but they were given for another
    /// destination than the properties now name.
    #[error("the stored credentials were given for another destination; supply them anew")]
    DestinationChanged,
    /// The vault refused.
    #[error("the vault refused")]
    Vault(#[from] VaultError),
    /// The caller's lease on the run is over: somebody else has taken it, or
    /// it has ended. Nothing was written.
    #[error("the lease on this run is over; another worker has taken it or it has ended")]
    Stale,
    /// The database is held by another process, or the same work is under way.
    #[error("the store is busy: {0}")]
    Busy(&'static str),
    /// The disk is full or failed. Nothing of the write was kept.
    #[error("the disk failed or is full; nothing was written")]
    Disk(#[source] Arc<sqlx::Error>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// A row could not be understood: another version wrote it, or it was damaged.
    #[error("a row of the table {table} cannot be understood: {what}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// Which part, without its value.
        what: &'static str,
    },
    /// A file or folder of the store could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The schema of the database could not be brought up to date.
    #[error("the database cannot be brought to this version's schema")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The integrity check found damage.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else the database said.
    #[error("the database failed")]
    Database(#[source] Arc<sqlx::Error>),
}

impl StoreError {
    pub(crate) fn not_found(kind: Kind, name: impl ToString) -> Self {
        Self::NotFound { kind, name: name.to_string() }
    }

    pub(crate) fn conflict(kind: Kind, name: impl ToString) -> Self {
        Self::Conflict { kind, name: name.to_string() }
    }

    /// The error for one of several callers that an error of the database concerns.
    pub(crate) fn from_shared(error: &Arc<sqlx::Error>) -> Self {
        let inner: &sqlx::Error = error;
        match (inner, primary_code(inner)) {
            (sqlx::Error::PoolTimedOut, _) => Self::Busy("no read connection became free in time"),
            (sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed, _) => Self::Closed,
            (sqlx::Error::Io(_), _) | (_, Some(7 | 8 | 10 | 13 | 14)) => Self::Disk(Arc::clone(error)),
            (_, Some(5 | 6)) => Self::Busy("another process holds the database"),
            _ => Self::Database(Arc::clone(error)),
        }
    }

    /// Turns a violated uniqueness into a conflict that names what exists.
    pub(crate) fn on_unique(error: sqlx::Error, kind: Kind, name: impl ToString) -> Self {
        match error.as_database_error() {
            Some(inner) if inner.is_unique_violation() => Self::conflict(kind, name),
            _ => error.into(),
        }
    }
}

/// SQLite's primary result codes that decide what a caller can do: 5 and 6 are
/// "busy" and "locked"; 7, 8, 10, 13 and 14 are out of memory, read-only, I/O
/// error, full, and cannot open.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::from_shared(&Arc::new(error))
    }
}
