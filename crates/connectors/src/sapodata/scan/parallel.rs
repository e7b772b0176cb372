//! Reading several windows at once, in order, as long as the records stand still.
//!
//! Windows of `$skip` and `$top` in the order of the keys hold each record once
//! only while no record comes or goes. So `$count` is asked before, and again
//! after every few windows; windows are delivered only when the count after them
//! is the count before. When it has moved, what was not delivered is dropped and
//! reading goes on in turn, from the last key that was delivered.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::stream::{FuturesOrdered, StreamExt as _};
use tidegate_core::connector::Progress;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::super::filter::after_key;
use super::fetch::{Reader, Window};
use super::sequential;
use super::stream::{Out, Task};

/// The size of a window when the flow names none.
const DEFAULT_WINDOW: u32 = 1_000;

/// The records of one window.
struct Read {
    batches: Vec<RecordBatch>,
    rows: u64,
    last_key: Vec<String>,
}

/// How reading in parallel ended.
enum End {
    /// Everything is delivered.
    Complete,
    /// It cannot go on this way, and why.
    Stopped(String),
}

/// What was delivered so far.
#[derive(Default)]
struct Delivered {
    rows: u64,
    last_key: Vec<String>,
}

/// Reads all records with at most `width` windows in flight; in turn where
/// that is not possible, and then the run's notes say why.
pub(super) async fn read(reader: Arc<Reader>, width: u32, out: Out) -> Result<(), ConnectorError> {
    let in_turn =
        |why: String| reader.progress.note(format!("The pages were read one after the other: {why}"));
    if reader.keys.is_none() {
        in_turn("the entity has no key to sort by.".to_owned());
        return sequential::read(reader, out).await;
    }
    let before = match reader.count().await {
        Ok(count) => count,
        Err(error) if error.kind == ConnectorErrorKind::Refused => return Err(error),
        Err(error) => {
            in_turn(format!("the service does not count its records ({error})."));
            return sequential::read(reader, out).await;
        }
    };
    Progress::raise(&reader.progress.records_expected, before);
    let size = reader.page_size.unwrap_or(DEFAULT_WINDOW);
    if before <= u64::from(size) {
        return sequential::read(reader, out).await;
    }
    let mut delivered = Delivered::default();
    let why = match windows(&reader, width, size, before, &out, &mut delivered).await? {
        End::Complete => return Ok(()),
        End::Stopped(why) => why,
    };
    if delivered.rows == 0 {
        in_turn(why);
        return sequential::read(reader, out).await;
    }
    let rows = delivered.rows;
    let mut window = Window { ordered: true, top: Some(size), ..Window::default() };
    let keys = reader.keys.as_deref().unwrap_or_default();
    let (_, entity) = reader.entity.resolve(&reader.metadata)?;
    window.and = after_key(&reader.metadata, entity, keys, &delivered.last_key);
    if window.and.is_none() {
        window.skip = rows;
    }
    reader.progress.note(format!("After {rows} records the pages were read one after the other: {why}"));
    sequential::from(&reader, window, &out).await
}

async fn windows(
    reader: &Arc<Reader>,
    width: u32,
    size: u32,
    before: u64,
    out: &Out,
    delivered: &mut Delivered,
) -> Result<End, ConnectorError> {
    let width = usize::try_from(width).unwrap_or(1);
    let total = before.div_ceil(u64::from(size));
    let expected = |window: u64| u64::from(size).min(before - window * u64::from(size));
    let (mut launched, mut arrived) = (0_u64, 0_u64);
    let mut flying = FuturesOrdered::new();
    let mut held: VecDeque<Read> = VecDeque::new();
    let mut checking: Option<(Task<Result<u64, ConnectorError>>, usize)> = None;
    // Enough that windows still fly while those before them wait for their
    // check; fewer when they are large, since all of them are in memory.
    let most = if size > 2_000 { 2 * width } else { 3 * width };
    loop {
        while launched < total && flying.len() < width && flying.len() + held.len() < most {
            let skip = launched * u64::from(size);
            let window = Window { ordered: true, skip, top: Some(size), and: None };
            let reader = Arc::clone(reader);
            let mut task = Task::spawn(async move { fetch(&reader, window).await });
            flying.push_back(async move { task.join().await.and_then(|read| read) });
            launched += 1;
        }
        Progress::raise(&reader.progress.parallel_processes, flying.len() as u64);
        // A check covers what has arrived before it is sent.
        if checking.is_none() && (held.len() >= width || (flying.is_empty() && !held.is_empty())) {
            let reader = Arc::clone(reader);
            checking = Some((Task::spawn(async move { reader.count().await }), held.len()));
        }
        tokio::select! {
            Some(read) = flying.next(), if !flying.is_empty() => {
                let read = match read {
                    Ok(read) => read,
                    // A service that knows no $skip or $orderby says so at once.
                    Err(error) if delivered.rows == 0 && is_inability(&error) => {
                        return Ok(End::Stopped(format!("the service refused windows of its records ({error}).")));
                    }
                    Err(error) => return Err(error),
                };
                if read.rows != expected(arrived) {
                    return Ok(End::Stopped(format!(
                        "a window held {} records where the count of {before} promised {}.",
                        read.rows,
                        expected(arrived)
                    )));
                }
                arrived += 1;
                held.push_back(read);
            }
            count = verdict(&mut checking), if checking.is_some() => {
                let covered = checking.take().map_or(0, |(_, covered)| covered);
                let count = count?;
                if count != before {
                    return Ok(End::Stopped(format!(
                        "the number of records moved from {before} to {count} meanwhile."
                    )));
                }
                for read in held.drain(..covered) {
                    deliver(reader, out, delivered, read).await?;
                }
            }
            else => return Ok(End::Complete),
        }
    }
}

async fn verdict(
    checking: &mut Option<(Task<Result<u64, ConnectorError>>, usize)>,
) -> Result<u64, ConnectorError> {
    match checking {
        Some((task, _)) => task.join().await.and_then(|count| count),
        None => std::future::pending().await,
    }
}

fn is_inability(error: &ConnectorError) -> bool {
    matches!(error.kind, ConnectorErrorKind::Invalid | ConnectorErrorKind::Unsupported)
}

async fn deliver(
    reader: &Reader,
    out: &Out,
    delivered: &mut Delivered,
    read: Read,
) -> Result<(), ConnectorError> {
    for batch in &read.batches {
        Progress::add(&reader.progress.records_read, batch.num_rows() as u64);
        out.send(batch).await?;
    }
    delivered.rows += read.rows;
    delivered.last_key = read.last_key;
    Ok(())
}

/// Reads one window, in several pages if the server's are smaller.
async fn fetch(reader: &Reader, window: Window) -> Result<Read, ConnectorError> {
    let most = window.top.map_or(u64::MAX, u64::from);
    let mut read = Read { batches: Vec::new(), rows: 0, last_key: Vec::new() };
    let mut url = reader.url(&window);
    loop {
        let answer = reader.get(&url, false).await?;
        let page = reader.decode(&answer).await?;
        read.rows += page.batch.num_rows() as u64;
        if page.batch.num_rows() > 0 {
            read.last_key = page.last_key;
            read.batches.push(page.batch);
        }
        let Some(link) = page.next.filter(|_| read.rows < most) else { return Ok(read) };
        let next = reader.client.origin.link(&answer.url, &link)?;
        if next == url {
            let text = format!("{url} links to itself as its next page");
            return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
        }
        url = next;
    }
}
