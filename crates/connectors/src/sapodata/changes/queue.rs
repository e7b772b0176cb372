//! What an ODP service tells of its delta queue, and how a subscription ends.

use http::{HeaderName, header};
use serde_json::Value;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::super::client::{Client, accept, encode_value, version_header};
use super::super::metadata::{Metadata, Version};
use super::super::target::Target;
use super::super::values::instant;
use super::{Cursor, Tracking};

const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// One entity set's queue: the names that its service gives to what surrounds it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    service: String,
    set: String,
    /// Whether the service lists its delta links.
    has_links: bool,
}

/// An entry of `DeltaLinksOf…`, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    created: (i64, u32),
    token: String,
    initial: bool,
}

impl Queue {
    pub(crate) fn new(metadata: &Metadata, target: &Target) -> Self {
        let set = target.resource.clone();
        let has_links = metadata.set(&format!("DeltaLinksOf{set}")).is_some();
        Self { service: target.service.clone(), set, has_links }
    }

    /// The link to what changed after what was just read, where the last page
    /// tells none. SAP is seen to leave it out when a set is read in full once
    /// more, and with JSON and pages (SAP's KBA 2825795); its list of links has it
    /// all the same. Without any the answer is `None`.
    pub(crate) async fn link_after(
        &self,
        client: &Client,
        last: Option<&Cursor>,
    ) -> Result<Option<String>, ConnectorError> {
        if !self.has_links {
            return Ok(None);
        }
        let links = self.links(client).await?;
        let last = last.map(|last| last.token().unwrap_or_default());
        let token = after(&links, last.as_deref());
        Ok(token.map(|token| {
            let quoted = token.replace('\'', "''");
            format!("{}/{}?!deltatoken={}", self.service, self.set, encode_value(&format!("'{quoted}'")))
        }))
    }

    async fn links(&self, client: &Client) -> Result<Vec<Link>, ConnectorError> {
        let url = client.url(&format!("{}/DeltaLinksOf{}", self.service, self.set), &[]);
        let body = self.ask(client, &url).await?;
        let body = body.get("d").unwrap_or(&body);
        let rows = body.get("results").unwrap_or(body).as_array().ok_or_else(|| {
            client.origin.error(ConnectorErrorKind::BadAnswer, &format!("{url} lists no delta links"))
        })?;
        let mut links: Vec<Link> = rows
            .iter()
            .filter_map(|row| {
                let created = row.get("CreatedAt").and_then(Value::as_str).and_then(instant);
                Some(Link {
                    created: created.map_or((0, 0), |at| (at.seconds, at.nanos)),
                    token: row.get("DeltaToken")?.as_str()?.to_owned(),
                    initial: row.get("IsInitialLoad").is_some_and(is_set),
                })
            })
            .collect();
        links.sort();
        Ok(links)
    }

    async fn ask(&self, client: &Client, url: &reqwest::Url) -> Result<Value, ConnectorError> {
        let answer = client.get(url, accept(Version::V2), &[version_header(Version::V2)]).await?;
        serde_json::from_slice(&answer.body).map_err(|_| client.not_data(&answer, "something else than JSON"))
    }
}

/// The token to go on with, of links in their order. After a full read that is
/// the newest one of a full read; after changes it is the first that was made
/// after `last`: a later one might skip some.
fn after<'a>(links: &'a [Link], last: Option<&str>) -> Option<&'a String> {
    let Some(last) = last else {
        return links.iter().rev().find(|link| link.initial).or(links.last()).map(|link| &link.token);
    };
    match links.iter().position(|link| link.token == last) {
        Some(at) => links.get(at + 1).map(|link| &link.token),
        // The list has forgotten it; tokens begin with the time.
        None => links.iter().map(|link| &link.token).find(|token| token.as_str() > last),
    }
}

/// Ends the subscription of a flow that is deleted, so that the queue does not
/// fill up with nobody to empty it. Nothing happens where there is nothing to
/// end: V4 services keep no queue; a set may come without the function; and a
/// queue that no longer lists the cursor's token belongs to a later subscription
/// of the same user, of which there is one for each entity set.
pub(crate) async fn end(client: &Client, entity: &str, cursor: Option<&str>) -> Result<(), ConnectorError> {
    let target = Target::parse(client.root().path(), entity)?;
    let (_, metadata) = client.metadata(&target.service).await?;
    let (set, _) = target.resolve(&metadata)?;
    if Tracking::of(&metadata, set) != Some(Tracking::Odp) {
        return Ok(());
    }
    let queue = Queue::new(&metadata, &target);
    let name = format!("TerminateDeltasFor{}", queue.set);
    let Some(function) = metadata.function(&name) else { return Ok(()) };
    if let Some(token) = cursor.map(Cursor::read).transpose()?.and_then(|cursor| cursor.token())
        && queue.has_links
    {
        let links = queue.links(client).await?;
        if !links.iter().any(|link| link.token == token) {
            return Ok(());
        }
    }
    let url = client.url(&format!("{}/{name}", queue.service), &[]);
    let answer = if function.post {
        post(client, &queue.service, &url).await?
    } else {
        queue.ask(client, &url).await?
    };
    if flag(&answer, "ResultFlag") != Some(false) {
        return Ok(());
    }
    // It may say so because there was nothing to end.
    let asking = format!("SubscribedTo{}", queue.set);
    if metadata.function(&asking).is_some_and(|function| !function.post) {
        let url = client.url(&format!("{}/{asking}", queue.service), &[]);
        if flag(&queue.ask(client, &url).await?, "SubscribedFlag") == Some(false) {
            return Ok(());
        }
    }
    let text = format!("{url} did not end the subscription. Look at it with SAP's transaction ODQMON");
    Err(client.origin.error(ConnectorErrorKind::BadAnswer, &text))
}

/// Calls a function by POST: SAP wants a token in it that a GET of the same
/// session gave, so that no other page can make a browser call it.
async fn post(client: &Client, service: &str, url: &reqwest::Url) -> Result<Value, ConnectorError> {
    let root = client.url(&format!("{service}/"), &[]);
    let given = client.get(&root, accept(Version::V2), &[(CSRF, "Fetch".to_owned())]).await?;
    let mut headers = vec![version_header(Version::V2)];
    if let Some(token) = given.headers.get(&CSRF).and_then(|value| value.to_str().ok()) {
        headers.push((CSRF, token.to_owned()));
    }
    let cookies: Vec<&str> = given
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    if !cookies.is_empty() {
        headers.push((header::COOKIE, cookies.join("; ")));
    }
    let answer = client.post(url, accept(Version::V2), &headers).await?;
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|_| client.not_data(&answer, "something else than JSON"))
}

/// A flag of a function's answer, wherever it stands: the object of a complex
/// type may be named after the function or not.
fn flag(answer: &Value, name: &str) -> Option<bool> {
    let members = answer.as_object()?;
    match members.get(name) {
        Some(value) => Some(is_set(value)),
        None => members.values().find_map(|value| flag(value, name)),
    }
}

/// Whether a flag is set: a boolean, or `X` of ABAP's.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("x"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_token_skips_no_changes() {
        let link = |at: u32, initial| Link { created: (0, at), token: format!("D{at}"), initial };
        let links = [link(1, true), link(2, false), link(4, true), link(5, false), link(6, false)];
        for (last, expected) in [
            (None, Some("D4")),
            (Some("D1"), Some("D2")),
            (Some("D4"), Some("D5")),
            (Some("D6"), None),
            (Some("D3"), Some("D4")),
            (Some("D7"), None),
        ] {
            assert_eq!(after(&links, last).map(String::as_str), expected, "{last:?}");
        }
        assert_eq!(after(&links[1..2], None).map(String::as_str), Some("D2"), "none is marked");
        assert_eq!(after(&[], None), None);
    }
}
