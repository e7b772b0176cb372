//! Fetching one page, or the count, of the entity that a scan reads.

use std::sync::Arc;

use http::HeaderName;
use reqwest::Url;
use tidegate_core::connector::Progress;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::super::client::{Client, accept, version_header};
use super::super::metadata::{Metadata, Version};
use super::super::page::{Decoder, Page, PageError};
use super::super::target::Target;
use crate::kit::Answer;

/// Records a page of an ODP entity set, when the flow does not say; it is also the most.
const ODP_PAGE: u32 = 10_000;

/// What one scan reads, and with what.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) path: String,
    pub(super) version: Version,
    /// `$select` and `$expand`.
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) filter: Option<String>,
    /// The key, when the service sorts by it.
    pub(super) keys: Option<Vec<String>>,
    pub(super) page_size: Option<u32>,
    pub(super) decoder: Arc<Decoder>,
    pub(super) metadata: Metadata,
    pub(super) entity: Target,
    pub(super) progress: Arc<Progress>,
}

/// Which part of the records is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// A condition besides the scan's filter.
    pub(super) and: Option<String>,
    /// Whether the records come in the order of their keys.
    pub(super) ordered: bool,
    pub(super) skip: u64,
    pub(super) top: Option<u32>,
}

impl Reader {
    /// The URL of a window.
    pub(super) fn url(&self, window: &Window) -> Url {
        let mut options = self.options.clone();
        let filter: Vec<&str> =
            [&self.filter, &window.and].into_iter().flatten().map(String::as_str).collect();
        match filter.as_slice() {
            [] => {}
            [one] => options.push(("$filter", (*one).to_owned())),
            all => {
                options.push((
                    "$filter",
                    all.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" and "),
                ));
            }
        }
        if let (true, Some(keys)) = (window.ordered, &self.keys) {
            options.push(("$orderby", keys.join(",")));
        }
        if window.skip > 0 {
            options.push(("$skip", window.skip.to_string()));
        }
        if let Some(top) = window.top {
            options.push(("$top", top.to_string()));
        }
        self.client.url(&self.path, &options)
    }

    /// GETs a page. With `prefer`, the service is asked for pages of the size
    /// that the flow wants (V4 servers page by themselves).
    pub(super) async fn get(&self, url: &Url, prefer: bool) -> Result<Answer, ConnectorError> {
        let mut headers = vec![version_header(self.version)];
        if let (true, Version::V4, Some(size)) = (prefer, self.version, self.page_size) {
            headers.push((HeaderName::from_static("prefer"), format!("odata.maxpagesize={size}")));
        }
        let answer = self.client.get(url, accept(self.version), &headers).await?;
        Progress::add(&self.progress.bytes_read, answer.body.len() as u64);
        Ok(answer)
    }

    /// GETs a page of an entity set whose changes are followed. With `track`, the
    /// service is asked to note the changes from here on.
    pub(super) async fn get_tracked(&self, url: &Url, track: bool) -> Result<Answer, ConnectorError> {
        let mut wishes = Vec::new();
        if track {
            wishes.push("odata.track-changes".to_owned());
        }
        // Without a size SAP sends everything as one page.
        let size = match self.version {
            Version::V2 => Some(self.page_size.unwrap_or(ODP_PAGE)),
            Version::V4 => self.page_size,
        };
        wishes.extend(size.map(|size| format!("odata.maxpagesize={size}")));
        let mut headers = vec![version_header(self.version)];
        if !wishes.is_empty() {
            headers.push((HeaderName::from_static("prefer"), wishes.join(",")));
        }
        let answer = self.client.get(url, accept(self.version), &headers).await?;
        Progress::add(&self.progress.bytes_read, answer.body.len() as u64);
        Ok(answer)
    }

    /// Decodes a page on a thread for such work, so that others go on.
    pub(super) async fn decode(&self, answer: &Answer) -> Result<Page, ConnectorError> {
        let (decoder, body) = (Arc::clone(&self.decoder), answer.body.clone());
        let decoded = tokio::task::spawn_blocking(move || decoder.decode(&body)).await;
        let decoded = decoded.map_err(|error| {
            let text = format!("decoding {} stopped unexpectedly: {error}", answer.url);
            self.client.origin.error(ConnectorErrorKind::BadAnswer, &text)
        })?;
        let page = decoded.map_err(|error| match error {
            PageError::Html => self.client.not_data(answer, "an HTML page instead of records"),
            PageError::Vendor(words) => {
                let text = format!("GET {} answered 200, but not with a whole page: {words}", answer.url);
                self.client.origin.error(ConnectorErrorKind::BadAnswer, &text)
            }
            PageError::Broken(why) => {
                let text = format!("GET {} answered 200, but the page cannot be read: {why}", answer.url);
                self.client.origin.error(ConnectorErrorKind::BadAnswer, &text)
            }
        })?;
        Progress::raise(&self.progress.max_page_size, page.batch.num_rows() as u64);
        Ok(page)
    }

    /// How many records there are (`$count` with the scan's filter).
    pub(super) async fn count(&self) -> Result<u64, ConnectorError> {
        let options: Vec<_> = self.filter.iter().map(|filter| ("$filter", filter.clone())).collect();
        let url = self.client.url(&format!("{}/$count", self.path), &options);
        let answer = self.client.get(&url, "text/plain, */*", &[version_header(self.version)]).await?;
        let text = String::from_utf8_lossy(&answer.body);
        text.trim_start_matches('\u{feff}')
            .trim()
            .parse()
            .map_err(|_| self.client.not_data(&answer, "something else than a number"))
    }
}
