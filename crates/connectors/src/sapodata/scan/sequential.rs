//! Reading page after page, each fetched while the one before is decoded.

use std::sync::Arc;

use reqwest::Url;
use tidegate_core::connector::Progress;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::super::page::{Page, peek_next};
use super::fetch::{Reader, Window};
use super::stream::{Out, Task};
use crate::kit::Answer;

/// Reads all records.
pub(super) async fn read(reader: Arc<Reader>, out: Out) -> Result<(), ConnectorError> {
    // The count is only for whoever watches, so it neither delays nor fails the run.
    let counting = {
        let reader = Arc::clone(&reader);
        Task::spawn(async move {
            if let Ok(count) = reader.count().await {
                Progress::raise(&reader.progress.records_expected, count);
            }
        })
    };
    let window = first(&reader);
    let end = from(&reader, window, &out).await;
    drop(counting);
    end
}

/// Where sequential reading begins. With a page size and keys to sort by, the
/// windows are ours; otherwise the server pages as it likes.
fn first(reader: &Reader) -> Window {
    match (reader.page_size, &reader.keys) {
        (Some(size), Some(_)) => Window { ordered: true, top: Some(size), ..Window::default() },
        _ => Window::default(),
    }
}

/// What comes after a page.
enum Next {
    /// A link that the server wrote.
    Link(Url),
    /// The window after a full one.
    Window(Window),
    End,
}

/// Reads on from a window to the end.
pub(super) async fn from(reader: &Arc<Reader>, window: Window, out: &Out) -> Result<(), ConnectorError> {
    Progress::raise(&reader.progress.parallel_processes, 1);
    let prefer = window.top.is_none();
    let start = |url: Url| {
        let reader = Arc::clone(reader);
        Task::spawn(async move { reader.get(&url, prefer).await })
    };
    let mut url = reader.url(&window);
    let mut at = window;
    let mut fetching = start(url.clone());
    let mut in_window = 0;
    let mut before: Option<Answer> = None;
    loop {
        let answer = fetching.join().await??;
        // The link is mostly found without decoding; then the next page is on
        // its way meanwhile.
        let guess =
            peek_next(&answer.body).and_then(|link| reader.client.origin.link(&answer.url, &link).ok());
        let guess = guess.or_else(|| guessed(reader, &at, in_window));
        let ahead = guess.filter(|next| *next != url).map(|next| (start(next.clone()), next));
        let page = reader.decode(&answer).await?;
        let next = after(reader, &mut at, &mut in_window, &answer, &page)?;
        if page.batch.num_rows() > 0
            && before.as_ref().is_some_and(|before| before.body == answer.body && before.url != answer.url)
        {
            let text = format!("{} gave the same page as the one before it", answer.url);
            return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
        }
        Progress::add(&reader.progress.records_read, page.batch.num_rows() as u64);
        out.send(&page.batch).await?;
        before = Some(answer);
        let following = match next {
            Next::End => return Ok(()),
            Next::Link(link) => link,
            Next::Window(window) => {
                at = window;
                in_window = 0;
                reader.url(&at)
            }
        };
        if following == url {
            let text = format!("{url} links to itself as its next page");
            return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
        }
        fetching = match ahead {
            Some((task, guessed)) if guessed == following => task,
            _ => start(following.clone()),
        };
        url = following;
    }
}

/// The next window, when the count says that there is one and so far every
/// window came in one page.
fn guessed(reader: &Reader, at: &Window, in_window: u64) -> Option<Url> {
    let top = at.top?;
    let done = at.skip + u64::from(top);
    let more = in_window == 0 && at.and.is_none() && done < Progress::get(&reader.progress.records_expected);
    more.then(|| reader.url(&Window { skip: done, ..at.clone() }))
}

fn after(
    reader: &Reader,
    at: &mut Window,
    in_window: &mut u64,
    answer: &Answer,
    page: &Page,
) -> Result<Next, ConnectorError> {
    let rows = page.batch.num_rows() as u64;
    *in_window += rows;
    if let Some(link) = &page.next {
        let within = at.top.is_none_or(|top| *in_window < u64::from(top));
        if within {
            return reader.client.origin.link(&answer.url, link).map(Next::Link);
        }
    }
    let Some(top) = at.top.map(u64::from) else { return Ok(Next::End) };
    if *in_window > top && page.next.is_none() {
        // The service does not know $top: this was everything, or is nothing
        // that can be relied on.
        if at.skip == 0 {
            return Ok(Next::End);
        }
        let text = format!("{} gave {in_window} records where at most {top} were asked for", answer.url);
        return Err(reader.client.origin.error(ConnectorErrorKind::BadAnswer, &text));
    }
    if *in_window < top {
        return Ok(Next::End);
    }
    Ok(Next::Window(Window { skip: at.skip + top, ..at.clone() }))
}
