//! Reading an entity set whose changes are followed: everything and then, run by
//! run, what changed. Always one page after the other, since a service cuts its
//! pages once and for all (SAP in the queue); the next one is only asked for ahead
//! when it is no link to later changes, which would confirm these.

use std::sync::Arc;

use reqwest::Url;
use tidegate_core::connector::{CursorCell, Progress};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::super::changes::{Cursor, Plan, Queue, is_delta};
use super::super::page::peek_next;
use super::fetch::{Reader, Window};
use super::stream::{Out, Task};
use crate::kit::Answer;

/// What a scan follows, and from where.
pub(super) struct Following {
    /// Where to go on; without it everything is read.
    pub(super) cursor: Option<Cursor>,
    /// What is asked for, kept with the next cursor.
    pub(super) plan: Plan,
    /// The delta queue of an ODP entity set.
    pub(super) queue: Option<Queue>,
    /// Where the next cursor goes.
    pub(super) next: CursorCell,
}

/// Reads to the end and then tells the next cursor.
pub(super) async fn read(reader: Arc<Reader>, follow: Following, out: Out) -> Result<(), ConnectorError> {
    Progress::raise(&reader.progress.parallel_processes, 1);
    let mut url = match &follow.cursor {
        None => reader.url(&Window::default()),
        Some(cursor) => reader.client.origin.link(reader.client.root(), &cursor.delta_link)?,
    };
    // Only the first request of a full load asks for tracking; what follows is
    // named by links.
    let mut fetching = start(&reader, url.clone(), follow.cursor.is_none());
    let mut first = true;
    let mut rows = 0;
    let mut applied = None;
    let mut before: Option<Answer> = None;
    let last = loop {
        let answer = match fetching.join().await? {
            Ok(answer) => answer,
            Err(error) if first && follow.cursor.is_some() => return Err(expired(&reader, error)),
            Err(error) => return Err(error),
        };
        if first {
            applied = Some(is_applied(&answer));
        }
        first = false;
        let ahead = peek_next(&answer.body)
            .filter(|link| !is_delta(link))
            .and_then(|link| reader.client.origin.link(&answer.url, &link).ok())
            .filter(|next| *next != url)
            .map(|next| (start(&reader, next.clone(), false), next));
        let page = reader.decode(&answer).await?;
        let count = page.batch.num_rows() as u64;
        if count > 0
            && before.as_ref().is_some_and(|before| before.body == answer.body && before.url != answer.url)
        {
            let text = format!("{} gave the same page as the one before it", answer.url);
            return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
        }
        Progress::add(&reader.progress.records_read, count);
        rows += count;
        out.send(&page.batch).await?;
        let delta = page.delta.or_else(|| page.next.clone().filter(|link| is_delta(link)));
        let next = page.next.filter(|link| !is_delta(link));
        // A link to later changes may stand on every page; only that of the last
        // one comes after all of these.
        let Some(link) = next else {
            break delta.map(|link| reader.client.origin.link(&answer.url, &link)).transpose()?;
        };
        let following = reader.client.origin.link(&answer.url, &link)?;
        if following == url {
            let text = format!("{url} links to itself as its next page");
            return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
        }
        fetching = match ahead {
            Some((task, guessed)) if guessed == following => task,
            _ => start(&reader, following.clone(), false),
        };
        url = following;
        before = Some(answer);
    };
    let delta_link = match last {
        Some(url) => path_and_query(&url),
        None => unsaid(&reader, &follow, rows, applied == Some(true)).await?,
    };
    follow.next.set(Cursor { delta_link, plan: follow.plan }.write());
    Ok(())
}

fn start(reader: &Arc<Reader>, url: Url, track: bool) -> Task<Result<Answer, ConnectorError>> {
    let reader = Arc::clone(reader);
    Task::spawn(async move { reader.get_tracked(&url, track).await })
}

/// Whether the service says that it tracks changes from here on.
fn is_applied(answer: &Answer) -> bool {
    let values = answer.headers.get_all("preference-applied");
    values.iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains("track-changes"))
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The link that the last page did not tell.
async fn unsaid(
    reader: &Reader,
    follow: &Following,
    rows: u64,
    applied: bool,
) -> Result<String, ConnectorError> {
    if let Some(queue) = &follow.queue
        && let Some(link) = match &follow.cursor {
            // Without its word that it tracks, its list is of older times.
            None if !applied => None,
            cursor => queue.link_after(&reader.client, cursor.as_ref()).await?,
        }
    {
        return Ok(link);
    }
    if let Some(cursor) = &follow.cursor {
        // SAP makes no new link where nothing has changed. Where something has and
        // no link is found, the same changes come once more: twice is better than never.
        if rows == 0 || follow.queue.is_some() {
            if rows > 0 {
                reader.progress.note(
                    "The service told no new delta link, so the next run reads these changes once more.",
                );
            }
            return Ok(cursor.delta_link.clone());
        }
    }
    let why = if follow.cursor.is_none() && !applied {
        "the service did not take the wish to track changes (its answer has neither Preference-Applied nor a delta link)"
    } else {
        "the last page of the service has no delta link"
    };
    let text = format!(
        "{why}, so the next changes of {} could not be asked for. To pull incrementally, name a field with the time of \
         the last change (incrementalPullConfig.datetimeTypeFieldName); or pull completely",
        reader.path
    );
    Err(reader.client.origin.error(ConnectorErrorKind::Unsupported, &text))
}

/// The error for a delta link that the service does not serve. OData says 410;
/// SAP's documents name no status, and its services are seen to answer 400, 404,
/// 412 and 500 with words about the token.
fn expired(reader: &Reader, error: ConnectorError) -> ConnectorError {
    let words = error.message.split_once(" answered ").map(|(_, words)| words.to_ascii_lowercase());
    let Some(words) = words else { return error };
    let about_it = words.contains("delta") || words.contains("token") || words.contains("subscription");
    let gone = error.kind == ConnectorErrorKind::NotFound;
    let refused = matches!(error.kind, ConnectorErrorKind::Invalid | ConnectorErrorKind::Unreachable);
    if !(gone || (refused && about_it)) {
        return error;
    }
    let text = format!(
        "the service no longer knows the flow's delta token, so the changes since the last successful run cannot be \
         read: {}. Run the flow once with a full load, which begins a new subscription. SAP keeps delivered changes for \
         24 hours unless set otherwise, and one subscription for each user, service and entity set: another flow with \
         the same user ends this one's (see SAP's transaction ODQMON)",
        error.message
    );
    reader.client.origin.error(ConnectorErrorKind::Expired, &text)
}
