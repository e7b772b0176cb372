//! The runs of an account, searched by flow, state, identifier and time.

use sqlx::{QueryBuilder, Sqlite};
use tidegate_core::run::{Run, RunStatus};
use tidegate_core::{AccountId, ExecutionId, FlowName};

use crate::Page;
use crate::error::{Kind, StoreError};
use crate::runs::{COLUMNS, Runs, decode};

/// Which runs. What is not given admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Of this flow.
    pub flow: Option<FlowName>,
    /// In one of these states, if any are named.
    pub statuses: Vec<RunStatus>,
    /// This one.
    pub id: Option<ExecutionId>,
    /// Asked for at this time or later, in epoch milliseconds.
    pub started_from_ms: Option<i64>,
    /// Asked for before this time, in epoch milliseconds.
    pub started_before_ms: Option<i64>,
    /// The position behind which to begin, as [`Page::next`] gave it.
    pub after: Option<String>,
    /// How many to leave out from there.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl Runs<'_> {
    /// A part of the runs that the query admits, those asked for last first,
    /// and how many it admits in all.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a position that no page gave.
    pub async fn search(&self, query: &RunQuery) -> Result<(Page<Run>, u64), StoreError> {
        let (store, account) = self.parts();
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM run");
        conditions(&mut count, account, query);
        let total: i64 = count.build_query_scalar().fetch_one(store.reads()).await?;

        let mut rows = QueryBuilder::new("SELECT ");
        rows.push(COLUMNS).push(" FROM run");
        conditions(&mut rows, account, query);
        if let Some(after) = &query.after {
            let bad = || StoreError::not_found(Kind::Run, "at this position");
            let (time, id) = after.split_once(' ').ok_or_else(bad)?;
            let time: i64 = time.parse().map_err(|_| bad())?;
            rows.push(" AND (started_at_ms < ").push_bind(time);
            rows.push(" OR (started_at_ms = ").push_bind(time);
            rows.push(" AND id < ").push_bind(id.to_owned()).push("))");
        }
        rows.push(" ORDER BY started_at_ms DESC, id DESC LIMIT ").push_bind(i64::from(query.limit) + 1);
        rows.push(" OFFSET ").push_bind(i64::from(query.offset));
        let rows = rows.build().fetch_all(store.reads()).await?;
        let items = rows.iter().map(|row| decode(row).map(|(run, _)| run)).collect::<Result<Vec<_>, _>>()?;
        let page = Page::cut(items, query.limit, |run| format!("{} {}", run.started_at_ms, run.id));
        Ok((page, total.unsigned_abs()))
    }
}

fn conditions(sql: &mut QueryBuilder<Sqlite>, account: &AccountId, query: &RunQuery) {
    sql.push(" WHERE account = ").push_bind(account.as_str().to_owned());
    if let Some(flow) = &query.flow {
        sql.push(" AND flow = ").push_bind(flow.as_str().to_owned());
    }
    if let Some(id) = &query.id {
        sql.push(" AND id = ").push_bind(id.as_str().to_owned());
    }
    if let Some(from) = query.started_from_ms {
        sql.push(" AND started_at_ms >= ").push_bind(from);
    }
    if let Some(before) = query.started_before_ms {
        sql.push(" AND started_at_ms < ").push_bind(before);
    }
    if !query.statuses.is_empty() {
        sql.push(" AND status IN (");
        let mut list = sql.separated(", ");
        for status in &query.statuses {
            list.push_bind(status.as_str());
        }
        sql.push(")");
    }
}
