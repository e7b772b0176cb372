//! The schema's migrations, compiled in; applied in order, each once.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqliteConnection};

use crate::error::StoreError;

/// Every migration that ever was; a released one is never edited.
fn all() -> Vec<Migration> {
    [
        (1, "initial", include_str!("../migrations/0001_initial.sql")),
        (2, "users and sessions", include_str!("../migrations/0002_users_and_sessions.sql")),
        (3, "connection check", include_str!("../migrations/0003_connection_check.sql")),
        (4, "flow engine", include_str!("../migrations/0004_flow_engine.sql")),
        (5, "run search", include_str!("../migrations/0005_run_search.sql")),
        (6, "session terms", include_str!("../migrations/0006_session_terms.sql")),
        (7, "notifications", include_str!("../migrations/0007_notifications.sql")),
        (8, "events", include_str!("../migrations/0008_events.sql")),
    ]
    .into_iter()
    .map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    })
    .collect()
}

/// Brings the database to this version's schema. A database of a newer version
/// is refused.
pub(crate) async fn run(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    Ok(Migrator::with_migrations(all()).run(connection).await?)
}
