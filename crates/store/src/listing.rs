//! The list of connections as people look at it: filtered, sorted, counted,
//! each with the result of its last check and the number of flows that use it.
//!
//! A page is read in three small steps of one snapshot: the total, the names of
//! the page, and what is shown of those names. So neither sorting nor counting
//! ever touches the documents of connections that are not on the page.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, QueryBuilder, Row as _, Sqlite, SqliteConnection};
use tidegate_core::{AccountId, Connection, ConnectionMode, ConnectionName, ConnectorType};

use crate::connections::{Connections, read_mode};
use crate::error::StoreError;
use crate::unsigned;

/// How a login over a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// The application accepted the credentials.
    Proved,
    /// It refused them.
    Refused,
    /// It could not be reached, or did not answer as it should.
    Unreachable,
    /// This server cannot log in to such an application.
    CannotBeTested,
}

impl CheckResult {
    /// All results.
    pub const ALL: [Self; 4] = [Self::Proved, Self::Refused, Self::Unreachable, Self::CannotBeTested];

    /// The word that is stored and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "Proved",
            Self::Refused => "Refused",
            Self::Unreachable => "Unreachable",
            Self::CannotBeTested => "CannotBeTested",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == text)
    }
}

/// The last check of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionCheck {
    /// How it went.
    pub result: CheckResult,
    /// What was done or what was answered; it holds no secret.
    pub message: String,
    /// Epoch milliseconds.
    pub checked_at_ms: i64,
}

/// One connection of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedConnection {
    /// The name.
    pub name: ConnectionName,
    /// What it connects to.
    pub connector_type: ConnectorType,
    /// The label of a custom or vended connector.
    pub connector_label: Option<String>,
    /// Public or private.
    pub mode: ConnectionMode,
    /// Epoch milliseconds.
    pub created_at_ms: i64,
    /// Epoch milliseconds.
    pub updated_at_ms: i64,
    /// The last check, if the connection was checked since its last change.
    pub check: Option<ConnectionCheck>,
    /// How many flows use it.
    pub used_by: u32,
}

/// What the list is sorted by; equal ones are in the order of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionSort {
    /// The name.
    #[default]
    Name,
    /// The connector's type, then its label.
    ConnectorType,
    /// Public before private.
    Mode,
    /// The time of the last change.
    Updated,
    /// The result of the last check, those without one first.
    Health,
    /// The number of flows.
    UsedBy,
}

/// Which results of a check the list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthFilter {
    /// Connections whose last check went so.
    pub results: Vec<CheckResult>,
    /// Connections without a check.
    pub unchecked: bool,
}

/// A page of the list; an absent part of the filter admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionQuery {
    /// Only this type.
    pub connector_type: Option<ConnectorType>,
    /// Only this label.
    pub connector_label: Option<String>,
    /// Only names that contain this text, whatever the case of ASCII letters.
    pub name_contains: Option<String>,
    /// Only these results of a check.
    pub health: Option<HealthFilter>,
    /// The order.
    pub sort: ConnectionSort,
    /// Largest first. The names of equal ones stay in ascending order.
    pub descending: bool,
    /// How many connections to leave out at the start.
    pub offset: u32,
    /// How many connections to give at most.
    pub limit: u32,
}

impl Connections<'_> {
    /// A page of the connections, and how many the filter admits.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn page(&self, query: &ConnectionQuery) -> Result<(Vec<ListedConnection>, u64), StoreError> {
        let mut reader = self.store.reads().acquire().await?;
        let mut snapshot = reader.begin().await?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM connection c");
        self.push_filter(&mut count, query);
        let total: i64 = count.build_query_scalar().fetch_one(&mut *snapshot).await?;
        let names: Vec<String> = self.names(query).build_query_scalar().fetch_all(&mut *snapshot).await?;
        let items = self.shown(&mut snapshot, &names).await?;
        Ok((items, total.unsigned_abs()))
    }

    /// The last check of a connection.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_check(&self, name: &ConnectionName) -> Result<Option<ConnectionCheck>, StoreError> {
        let row = sqlx::query(
            "SELECT result, message, checked_at_ms FROM connection_check WHERE account = $1 AND connection = $2",
        )
        .bind(self.account.as_str())
        .bind(name.as_str())
        .fetch_optional(self.store.reads())
        .await?;
        row.as_ref().map(check_of).transpose().map(Option::flatten)
    }

    /// Keeps how a check of a connection went, in place of the one before. A
    /// check of what the connection is no longer (it was changed, or deleted
    /// and made anew) is dropped, and so is one older than the one that is kept.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn checked(&self, connection: &Connection, check: ConnectionCheck) -> Result<(), StoreError> {
        let account = self.account.clone();
        let (name, created, updated) =
            (connection.name.clone(), connection.created_at_ms, connection.updated_at_ms);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO connection_check (account, connection, result, message, checked_at_ms)
                         SELECT account, name, $5, $6, $7 FROM connection
                         WHERE account = $1 AND name = $2 AND created_at_ms = $3 AND updated_at_ms = $4
                         ON CONFLICT (account, connection) DO UPDATE
                         SET result = excluded.result, message = excluded.message,
                             checked_at_ms = excluded.checked_at_ms
                         WHERE connection_check.checked_at_ms <= excluded.checked_at_ms",
                    )
                    .bind(account.as_str())
                    .bind(name.as_str())
                    .bind(created)
                    .bind(updated)
                    .bind(check.result.as_str())
                    .bind(check.message)
                    .bind(check.checked_at_ms)
                    .execute(tx)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    fn push_filter(&self, to: &mut QueryBuilder<Sqlite>, query: &ConnectionQuery) {
        to.push(" WHERE c.account = ").push_bind(self.account.as_str().to_owned());
        if let Some(kind) = query.connector_type {
            to.push(" AND c.connector_type = ").push_bind(kind.as_str());
        }
        if let Some(label) = &query.connector_label {
            to.push(" AND c.connector_label = ").push_bind(label.clone());
        }
        if let Some(text) = query.name_contains.as_ref().filter(|text| !text.is_empty()) {
            to.push(" AND LOWER(c.name) LIKE ").push_bind(contains(text)).push(" ESCAPE '\\'");
        }
        let Some(health) = &query.health else { return };
        let check = "SELECT 1 FROM connection_check h WHERE h.account = c.account AND h.connection = c.name";
        to.push(" AND (1 = 0");
        if health.unchecked {
            to.push(format!(" OR NOT EXISTS ({check})"));
        }
        if !health.results.is_empty() {
            to.push(format!(" OR EXISTS ({check} AND h.result IN ("));
            let mut list = to.separated(", ");
            for result in &health.results {
                list.push_bind(result.as_str());
            }
            to.push("))");
        }
        to.push(")");
    }

    fn names(&self, query: &ConnectionQuery) -> QueryBuilder<Sqlite> {
        let mut names = QueryBuilder::new("SELECT c.name FROM connection c");
        match query.sort {
            ConnectionSort::Health => {
                names
                    .push(" LEFT JOIN connection_check k ON k.account = c.account AND k.connection = c.name");
            }
            ConnectionSort::UsedBy => {
                names
                    .push(" LEFT JOIN (SELECT connection, COUNT(*) AS flows FROM flow_connection WHERE account = ")
                    .push_bind(self.account.as_str().to_owned())
                    .push(" GROUP BY connection) u ON u.connection = c.name");
            }
            _ => {}
        }
        self.push_filter(&mut names, query);
        let by: &[&str] = match query.sort {
            ConnectionSort::Name => &["c.name"],
            ConnectionSort::ConnectorType => &["c.connector_type", "c.connector_label"],
            // 'Private' is before 'Public' as a word, and after it in this order.
            ConnectionSort::Mode => &["CASE c.mode WHEN 'Public' THEN 0 ELSE 1 END"],
            ConnectionSort::Updated => &["c.updated_at_ms"],
            ConnectionSort::Health => &["COALESCE(k.result, '')"],
            ConnectionSort::UsedBy => &["COALESCE(u.flows, 0)"],
        };
        let way = if query.descending { " DESC, " } else { ", " };
        names.push(" ORDER BY ");
        for column in by {
            names.push(*column).push(way);
        }
        // After the name itself this adds nothing and costs nothing.
        names.push("c.name LIMIT ").push_bind(i64::from(query.limit));
        names.push(" OFFSET ").push_bind(i64::from(query.offset));
        names
    }

    async fn shown(
        &self,
        reader: &mut SqliteConnection,
        names: &[String],
    ) -> Result<Vec<ListedConnection>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(
            "SELECT c.name, c.connector_type, c.connector_label, c.mode, c.created_at_ms, c.updated_at_ms,
                    k.result, k.message, k.checked_at_ms,
                    (SELECT COUNT(*) FROM flow_connection f WHERE f.account = c.account AND f.connection = c.name)
                    AS used_by
             FROM connection c
             LEFT JOIN connection_check k ON k.account = c.account AND k.connection = c.name
             WHERE c.account = ",
        );
        query.push_bind(self.account.as_str().to_owned()).push(" AND c.name IN (");
        let mut list = query.separated(", ");
        for name in names {
            list.push_bind(name.clone());
        }
        query.push(")");
        let mut found: HashMap<String, ListedConnection> = HashMap::with_capacity(names.len());
        for row in query.build().fetch_all(reader).await? {
            let listed = decode(&row)?;
            found.insert(listed.name.as_str().to_owned(), listed);
        }
        Ok(names.iter().filter_map(|name| found.remove(name)).collect())
    }
}

/// A pattern that finds the text anywhere, with LIKE's own characters escaped.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

fn check_of(row: &SqliteRow) -> Result<Option<ConnectionCheck>, StoreError> {
    let Some(result) = row.try_get::<Option<&str>, _>("result")? else { return Ok(None) };
    let bad = StoreError::BadRow { table: "connection_check", what: "result" };
    Ok(Some(ConnectionCheck {
        result: CheckResult::parse(result).ok_or(bad)?,
        message: row.try_get("message")?,
        checked_at_ms: row.try_get("checked_at_ms")?,
    }))
}

fn decode(row: &SqliteRow) -> Result<ListedConnection, StoreError> {
    let bad = |what| StoreError::BadRow { table: "connection", what };
    Ok(ListedConnection {
        name: ConnectionName::new(row.try_get::<String, _>("name")?),
        connector_type: ConnectorType::parse(row.try_get("connector_type")?)
            .ok_or_else(|| bad("connector_type"))?,
        connector_label: row.try_get("connector_label")?,
        mode: read_mode(row.try_get("mode")?).ok_or_else(|| bad("mode"))?,
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        check: check_of(row)?,
        used_by: unsigned(row.try_get("used_by")?),
    })
}

/// Takes the last check away, because what was checked is no longer so.
pub(crate) async fn forget_check(
    tx: &mut SqliteConnection,
    account: &AccountId,
    name: &ConnectionName,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM connection_check WHERE account = $1 AND connection = $2")
        .bind(account.as_str())
        .bind(name.as_str())
        .execute(tx)
        .await?;
    Ok(())
}
