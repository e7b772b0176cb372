//! The inbox of a flow: events that were delivered to it and that no run has
//! published yet, in the order in which they arrived.
//!
//! A delivery is one row ("batch") and one transaction, which also sees to it
//! that a run will come (`runs`). A run takes what has arrived until a worker
//! claims it for the first time; that mark stays with the run, so that each
//! attempt at it reads the same events, and they are gone in the transaction
//! that ends it well. Payloads are customers' data, and are sealed.

mod report;
mod runs;

use std::collections::HashSet;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use tidegate_core::{AccountId, FlowName, fault};

use crate::error::{Kind, StoreError};
use crate::vault::FingerprintKey;
use crate::{FlowRecord, Store, flows, now_ms};

pub use report::EventReport;
pub(crate) use runs::{Taken, fix_mark, settle, wake_for};

/// How many of a flow's latest events are remembered by their identifiers: one
/// that is delivered again within that is recognised.
pub const REMEMBERED_IDS: i64 = 100_000;

/// Identifiers that one statement looks up.
const STATEMENT: usize = 500;

/// Bytes of events that one read of the inbox gives, unless one batch alone is larger.
const READ_BYTES: i64 = 1024 * 1024;

/// Batches that are looked at for that.
const READ_BATCHES: i64 = 1000;

/// An event on its way into an inbox.
pub struct NewEvent {
    /// The identifier that its source gave it, such as a replay id, if any.
    pub id: Option<String>,
    /// The record: one JSON object, without a line break.
    pub record: String,
}

impl std::fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewEvent").field("id", &self.id).field("record", &"[redacted]").finish()
    }
}

/// What came of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Events that are in the inbox now.
    pub accepted: u64,
    /// Events that had been delivered before, and were left out.
    pub duplicates: u64,
}

/// What waits in inboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events.
    pub events: u64,
    /// Their bytes, in clear.
    pub bytes: u64,
}

/// The inboxes of one account.
#[derive(Debug)]
pub struct Events<'a> {
    store: &'a Store,
    account: AccountId,
}

impl<'a> Events<'a> {
    pub(crate) const fn new(store: &'a Store, account: AccountId) -> Self {
        Self { store, account }
    }

    /// Puts events into a flow's inbox, all of them or none, and queues a run
    /// if none will take them otherwise. An event whose identifier is among
    /// those remembered of the flow is left out, whatever it holds. `admit` may
    /// refuse the flow as it is within the transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such flow,
    /// [`StoreError::Refused`] with what `admit` says, and
    /// [`StoreError::InboxFull`] when more than `most_bytes` would wait.
    pub async fn deliver(
        &self,
        flow: &FlowName,
        events: Vec<NewEvent>,
        most_bytes: u64,
        admit: impl FnOnce(&FlowRecord) -> Result<(), String> + Send + 'static,
    ) -> Result<Delivered, StoreError> {
        let (account, name, key) = (self.account.clone(), flow.clone(), self.store.fingerprints().clone());
        let delivered = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let row = sqlx::query("SELECT * FROM flow WHERE account = $1 AND name = $2")
                        .bind(account.as_str())
                        .bind(name.as_str())
                        .fetch_optional(&mut *tx)
                        .await?
                        .ok_or_else(|| StoreError::not_found(Kind::Flow, &name))?;
                    let flow = flows::decode(&row)?;
                    admit(&flow).map_err(StoreError::Refused)?;
                    let delivery = Delivery { account: &account, flow: &flow, key: &key, most_bytes };
                    delivery.carry_out(tx, events).await
                })
            })
            .await?;
        fault::point("events.stored");
        if delivered.accepted > 0 {
            self.store.queued().send_replace(());
        }
        Ok(delivered)
    }

    /// What waits in a flow's inbox.
    pub async fn waiting(&self, flow: &FlowName) -> Result<Backlog, StoreError> {
        let row =
            sqlx::query("SELECT waiting, waiting_bytes FROM event_inbox WHERE account = $1 AND flow = $2")
                .bind(self.account.as_str())
                .bind(flow.as_str())
                .fetch_optional(self.store.reads())
                .await?;
        row.as_ref().map(backlog).transpose().map(Option::unwrap_or_default)
    }

    /// Reads a flow's inbox up to an event's number, in the order of arrival, as
    /// JSON Lines: each piece ends with a line's end.
    pub fn read(&self, flow: &FlowName, mark: i64) -> BoxStream<'static, Result<Vec<u8>, StoreError>> {
        let state =
            Reading { store: self.store.clone(), account: self.account.clone(), flow: flow.clone(), mark };
        let pieces = futures::stream::try_unfold((state, 0), |(reading, after)| async move {
            let piece = reading.next(after).await?;
            Ok(piece.map(|(lines, last)| (lines, (reading, last))))
        });
        pieces.boxed()
    }
}

impl Store {
    /// The inboxes of an account.
    pub fn events(&self, account: &AccountId) -> Events<'_> {
        Events::new(self, account.clone())
    }

    /// What waits in all inboxes of all accounts.
    pub async fn event_backlog(&self) -> Result<Backlog, StoreError> {
        let row = sqlx::query(
            "SELECT COALESCE(SUM(waiting), 0) AS waiting, COALESCE(SUM(waiting_bytes), 0) AS waiting_bytes
             FROM event_inbox",
        )
        .fetch_one(self.reads())
        .await?;
        backlog(&row)
    }
}

fn backlog(row: &sqlx::sqlite::SqliteRow) -> Result<Backlog, StoreError> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    Ok(Backlog { events: count("waiting")?, bytes: count("waiting_bytes")? })
}

/// The place that a batch is sealed for.
fn sealed<T>(account: &AccountId, flow: &FlowName, last_seq: i64, work: impl FnOnce(&[&[u8]]) -> T) -> T {
    work(&[b"events", account.as_str().as_bytes(), flow.as_str().as_bytes(), &last_seq.to_be_bytes()])
}

/// A delivery within its transaction.
struct Delivery<'d> {
    account: &'d AccountId,
    flow: &'d FlowRecord,
    key: &'d FingerprintKey,
    most_bytes: u64,
}

impl Delivery<'_> {
    async fn carry_out(
        &self,
        tx: &mut SqliteConnection,
        events: Vec<NewEvent>,
    ) -> Result<Delivered, StoreError> {
        let now = now_ms();
        let (account, flow) = (self.account.as_str(), self.flow.name.as_str());
        let inbox: Option<(i64, i64)> = sqlx::query_as(
            "SELECT last_seq, waiting_bytes FROM event_inbox WHERE account = $1 AND flow = $2",
        )
        .bind(account)
        .bind(flow)
        .fetch_optional(&mut *tx)
        .await?;
        let (before, waiting_bytes) = inbox.unwrap_or_default();
        let (body, ids, delivered) = self.fresh(tx, events, before).await?;
        if delivered.accepted == 0 {
            return Ok(delivered);
        }
        let bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let wait = waiting_bytes.saturating_add(bytes).unsigned_abs();
        if wait > self.most_bytes {
            return Err(StoreError::InboxFull {
                flow: self.flow.name.clone(),
                waiting: waiting_bytes.unsigned_abs(),
                delivered: bytes.unsigned_abs(),
                most: self.most_bytes,
            });
        }
        let count = i64::try_from(delivered.accepted).unwrap_or(i64::MAX);
        let last = before + count;
        let body = sealed(self.account, &self.flow.name, last, |place| self.key.seal(place, &body))?;
        sqlx::query(
            "INSERT INTO event_batch (account, flow, last_seq, first_seq, bytes, received_at_ms, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(account)
        .bind(flow)
        .bind(last)
        .bind(before + 1)
        .bind(bytes)
        .bind(now)
        .bind(body)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO event_inbox (account, flow, last_seq, waiting, waiting_bytes)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account, flow) DO UPDATE SET last_seq = excluded.last_seq,
                 waiting = event_inbox.waiting + excluded.waiting,
                 waiting_bytes = event_inbox.waiting_bytes + excluded.waiting_bytes",
        )
        .bind(account)
        .bind(flow)
        .bind(last)
        .bind(count)
        .bind(bytes)
        .execute(&mut *tx)
        .await?;
        self.remember(tx, &ids, last).await?;
        report::note(tx, self.account, &self.flow.name, |report| report.received += delivered.accepted)
            .await?;
        runs::wake(tx, self.account, &self.flow.name, self.flow.state.error_streak).await?;
        fault::point("events.storing");
        Ok(delivered)
    }

    /// Leaves out what has been delivered before; gives the others as JSON Lines,
    /// and the identifiers with the numbers of their events.
    async fn fresh(
        &self,
        tx: &mut SqliteConnection,
        events: Vec<NewEvent>,
        before: i64,
    ) -> Result<(Vec<u8>, Vec<(Vec<u8>, i64)>, Delivered), StoreError> {
        let digests: Vec<Option<Vec<u8>>> =
            events.iter().map(|event| event.id.as_deref().map(|id| self.digest(id))).collect();
        let named: Vec<&Vec<u8>> = digests.iter().flatten().collect();
        let mut known: HashSet<Vec<u8>> = HashSet::new();
        for part in named.chunks(STATEMENT) {
            let mut query = QueryBuilder::new("SELECT id FROM event_id WHERE account = ");
            query.push_bind(self.account.as_str()).push(" AND flow = ").push_bind(self.flow.name.as_str());
            query.push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in part {
                list.push_bind(id.as_slice());
            }
            query.push(")");
            for row in query.build().fetch_all(&mut *tx).await? {
                known.insert(row.try_get(0)?);
            }
        }
        let (mut body, mut ids, mut delivered) = (Vec::new(), Vec::new(), Delivered::default());
        let mut seq = before;
        for (event, digest) in events.into_iter().zip(digests) {
            if let Some(digest) = &digest
                && !known.insert(digest.clone())
            {
                delivered.duplicates += 1;
                continue;
            }
            seq += 1;
            delivered.accepted += 1;
            body.extend_from_slice(event.record.as_bytes());
            body.push(b'\n');
            ids.extend(digest.map(|digest| (digest, seq)));
        }
        Ok((body, ids, delivered))
    }

    /// Remembers identifiers, and forgets those of events that are too long ago.
    async fn remember(
        &self,
        tx: &mut SqliteConnection,
        ids: &[(Vec<u8>, i64)],
        last: i64,
    ) -> Result<(), StoreError> {
        for part in ids.chunks(STATEMENT) {
            let mut query = QueryBuilder::new("INSERT INTO event_id (account, flow, id, seq) ");
            query.push_values(part, |mut row, (id, seq)| {
                row.push_bind(self.account.as_str())
                    .push_bind(self.flow.name.as_str())
                    .push_bind(id.as_slice())
                    .push_bind(seq);
            });
            query.build().execute(&mut *tx).await?;
        }
        sqlx::query("DELETE FROM event_id WHERE account = $1 AND flow = $2 AND seq <= $3")
            .bind(self.account.as_str())
            .bind(self.flow.name.as_str())
            .bind(last - REMEMBERED_IDS)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// What is kept of an identifier: as long whatever its own length, and
    /// telling nothing of it.
    fn digest(&self, id: &str) -> Vec<u8> {
        let (account, flow) = (self.account.as_str(), self.flow.name.as_str());
        let mut digest = self.key.sign(&[b"event id", account.as_bytes(), flow.as_bytes(), id.as_bytes()]);
        digest.truncate(16);
        digest
    }
}

/// Reads an inbox piece by piece.
struct Reading {
    store: Store,
    account: AccountId,
    flow: FlowName,
    mark: i64,
}

impl Reading {
    /// The events after a number, as many as are read at once, and the number of the last.
    async fn next(&self, after: i64) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
        let ahead: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT last_seq, bytes FROM event_batch
             WHERE account = $1 AND flow = $2 AND last_seq > $3 AND last_seq <= $4 ORDER BY last_seq LIMIT $5",
        )
        .bind(self.account.as_str())
        .bind(self.flow.as_str())
        .bind(after)
        .bind(self.mark)
        .bind(READ_BATCHES)
        .fetch_all(self.store.reads())
        .await?;
        let Some((mut last, mut size)) = ahead.first().copied() else { return Ok(None) };
        for (seq, bytes) in ahead.into_iter().skip(1) {
            size += bytes;
            if size > READ_BYTES {
                break;
            }
            last = seq;
        }
        let rows = sqlx::query(
            "SELECT last_seq, body FROM event_batch
             WHERE account = $1 AND flow = $2 AND last_seq > $3 AND last_seq <= $4 ORDER BY last_seq",
        )
        .bind(self.account.as_str())
        .bind(self.flow.as_str())
        .bind(after)
        .bind(last)
        .fetch_all(self.store.reads())
        .await?;
        let mut lines = Vec::new();
        for row in rows {
            let (seq, body) = (row.try_get("last_seq")?, row.try_get::<&[u8], _>("body")?);
            let key = self.store.fingerprints();
            lines.extend(sealed(&self.account, &self.flow, seq, |place| key.open(place, body))?);
        }
        Ok(Some((lines, last)))
    }
}
