//! The only writer: one task that owns one connection and lets concurrent
//! writes share a commit.
//!
//! Each write runs inside a savepoint, so that one that fails takes nothing of
//! its neighbours with it. Nobody is answered before the commit that holds
//! their write has been synced to the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::{Connection as _, SqliteConnection};
use tidegate_core::fault;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;

/// Writes that may wait; a caller beyond that waits for room.
const QUEUE: usize = 1024;
/// Writes in one commit at most, so that the first of them is not kept waiting.
const BATCH: usize = 256;

/// A handle to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Writer(mpsc::Sender<Message>);

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A write that waits for its turn.
trait Job: Send {
    /// Does the work; the answer is given later.
    fn run<'c>(self: Box<Self>, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Box<dyn Answer>>;
    /// Answers without having run.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A write that has run and waits for the commit.
trait Answer: Send {
    fn succeeded(&self) -> bool;
    /// Answers with the write's own result.
    fn give(self: Box<Self>);
    /// Answers with an error of the commit instead, if the write had succeeded.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Write<F, T> {
    work: F,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

struct Written<T> {
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    fn run<'c>(self: Box<Self>, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Box<dyn Answer>> {
        Box::pin(async move {
            let Self { work, reply } = *self;
            let answer: Box<dyn Answer> = Box::new(Written { result: work(connection).await, reply });
            answer
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        // A caller that has gone away needs no answer, here and below.
        let _ = self.reply.send(Err(error));
    }
}

impl<T: Send> Answer for Written<T> {
    fn succeeded(&self) -> bool {
        self.result.is_ok()
    }

    fn give(self: Box<Self>) {
        let _ = self.reply.send(self.result);
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(self.result.and(Err(error)));
    }
}

impl Writer {
    /// Starts the task. It ends when [`Writer::close`] is called or the last
    /// handle is dropped.
    pub(crate) fn spawn(connection: SqliteConnection) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, receiver));
        Self(sender)
    }

    /// Runs a write and waits until it is durable.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Box::new(Write { work, reply }));
        self.0.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what is queued, folds the log into the database and ends the task.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Message::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

async fn run(mut connection: SqliteConnection, mut messages: mpsc::Receiver<Message>) {
    let mut jobs: VecDeque<Box<dyn Job>> = VecDeque::new();
    let mut closing = None;
    loop {
        if jobs.is_empty() {
            if closing.is_some() {
                break;
            }
            match messages.recv().await {
                Some(message) => take(message, &mut jobs, &mut closing),
                None => break,
            }
            continue;
        }
        commit(&mut connection, &mut messages, &mut jobs, &mut closing).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the database did not close cleanly");
    }
    if let Some(closed) = closing {
        let _ = closed.send(());
    }
}

fn take(message: Message, jobs: &mut VecDeque<Box<dyn Job>>, closing: &mut Option<oneshot::Sender<()>>) {
    match message {
        Message::Job(job) => jobs.push_back(job),
        Message::Close(reply) => *closing = Some(reply),
    }
}

/// Runs the jobs that wait, and those that come meanwhile, in one transaction.
async fn commit(
    connection: &mut SqliteConnection,
    messages: &mut mpsc::Receiver<Message>,
    jobs: &mut VecDeque<Box<dyn Job>>,
    closing: &mut Option<oneshot::Sender<()>>,
) {
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE").await {
        let error = Arc::new(error);
        for job in jobs.drain(..) {
            job.refuse(StoreError::from_shared(&error));
        }
        return;
    }
    let mut answers = Vec::new();
    let mut failure = None;
    while answers.len() < BATCH {
        if jobs.is_empty() && closing.is_none() {
            while let Ok(message) = messages.try_recv() {
                take(message, jobs, closing);
            }
        }
        let Some(job) = jobs.pop_front() else { break };
        if let Err(error) = execute(connection, "SAVEPOINT job").await {
            job.refuse(StoreError::from_shared(&Arc::new(error)));
            continue;
        }
        let answer = job.run(connection).await;
        let ended = if answer.succeeded() {
            execute(connection, "RELEASE job").await
        } else {
            // A severe error ends SQLite's whole transaction; then this fails,
            // and with it everybody who shares the transaction.
            match execute(connection, "ROLLBACK TO job").await {
                Ok(()) => execute(connection, "RELEASE job").await,
                failed => failed,
            }
        };
        answers.push(answer);
        if let Err(error) = ended {
            failure = Some(error);
            break;
        }
    }
    fault::point("commit.begin");
    if failure.is_none() {
        failure = execute(connection, "COMMIT").await.err();
    }
    fault::point("commit.end");
    let Some(error) = failure else {
        answers.into_iter().for_each(Answer::give);
        return;
    };
    // After a severe error there may be no transaction left to roll back.
    let _ = execute(connection, "ROLLBACK").await;
    tracing::error!(error = &error as &dyn std::error::Error, writes = answers.len(), "a commit failed");
    let error = Arc::new(error);
    for answer in answers {
        answer.refuse(StoreError::from_shared(&error));
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(connection).await.map(drop)
}
