//! The query options of a request (OData URL Conventions 4.0, section 5) and its preferences.

use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use super::error::ODataError;
use super::metadata::EntitySet;

/// Entities a page where the client names no size.
pub const DEFAULT_PAGE: usize = 1_000;
/// The largest page, whatever the client prefers.
pub const LARGEST_PAGE: usize = 10_000;

/// The options of a request, by what they ask for; names of properties are resolved.
#[derive(Debug, Default)]
pub struct Options {
    /// `$select`: places of properties, in the order of the type.
    pub select: Option<Vec<usize>>,
    /// `$filter`, decoded.
    pub filter: Option<String>,
    /// `$orderby`: places of properties, each with whether it descends.
    pub orderby: Vec<(usize, bool)>,
    /// `$top`.
    pub top: Option<usize>,
    /// `$skip`.
    pub skip: usize,
    /// `$count=true`.
    pub count: bool,
    /// `$format`.
    pub format: Option<String>,
    /// `$skiptoken`: entities already answered, and the size of a page.
    pub token: Option<(usize, usize)>,
    /// `sap-language`, if it came as an option.
    pub language: Option<String>,
    /// All options but `$skiptoken`, as they came, for the link to the next page.
    pub kept: String,
}

/// What a resource lets be said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A collection of entities.
    Collection,
    /// The number of entities in a collection.
    Count,
    /// One entity.
    Entity,
    /// The service document or `$metadata`.
    Document,
}

impl Resource {
    fn allows(self, option: &str) -> bool {
        match option {
            "$format" => true,
            "$select" => matches!(self, Self::Collection | Self::Entity),
            "$filter" => matches!(self, Self::Collection | Self::Count),
            _ => self == Self::Collection,
        }
    }
}

impl Options {
    /// Reads the query part of a URL that asks for `resource`.
    ///
    /// # Errors
    ///
    /// 400 for an option that is malformed, given twice or does not apply; 501
    /// for one that the protocol has and this service does not.
    pub fn parse(query: &str, resource: Resource, set: Option<&EntitySet>) -> Result<Self, ODataError> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !name.starts_with('$') {
                // Custom options (`sap-client` and others) and aliases are accepted.
                if name == "sap-language" {
                    options.language = Some(value);
                }
                options.keep(part);
                continue;
            }
            if seen.contains(&name) {
                return Err(ODataError::bad_request(
                    "DuplicateOption",
                    format!("{name} is given more than once."),
                ));
            }
            options.set(&name, value, resource, set)?;
            if name != "$skiptoken" {
                options.keep(part);
            }
            seen.push(name);
        }
        Ok(options)
    }

    fn keep(&mut self, part: &str) {
        if !self.kept.is_empty() {
            self.kept.push('&');
        }
        self.kept.push_str(part);
    }

    fn set(
        &mut self,
        name: &str,
        value: String,
        resource: Resource,
        set: Option<&EntitySet>,
    ) -> Result<(), ODataError> {
        match name {
            "$select" | "$filter" | "$orderby" | "$top" | "$skip" | "$count" | "$skiptoken" | "$format" => {}
            "$expand" | "$search" | "$apply" | "$compute" | "$levels" | "$deltatoken" | "$id" => {
                return Err(ODataError::not_implemented(format!("This service has no {name}.")));
            }
            _ => {
                return Err(ODataError::bad_request(
                    "UnknownOption",
                    format!("There is no query option {name}."),
                ));
            }
        }
        if !resource.allows(name) {
            return Err(ODataError::bad_request(
                "OptionNotAllowed",
                format!("{name} does not apply to this resource."),
            ));
        }
        match (name, set) {
            ("$select", Some(set)) => self.select = select(&value, set)?,
            ("$orderby", Some(set)) => self.orderby = orderby(&value, set)?,
            ("$filter", _) => self.filter = Some(value),
            ("$top", _) => self.top = Some(number(name, &value)?),
            ("$skip", _) => self.skip = number(name, &value)?,
            ("$format", _) => self.format = Some(value),
            ("$count", _) => {
                self.count = match value.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(malformed(name, &value, "true or false")),
                }
            }
            ("$skiptoken", _) => self.token = Some(token(&value)?),
            _ => {}
        }
        Ok(())
    }
}

/// Decodes the percent-encoding of one part of a query; a plus is a space, as
/// forms write it and as SAP's servers read it.
fn decode(text: &str) -> Result<String, ODataError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| ODataError::bad_request("MalformedUrl", "The URL is not UTF-8."))
}

fn malformed(name: &str, value: &str, wanted: &str) -> ODataError {
    ODataError::bad_request("MalformedOption", format!("{name} is `{value}`; it must be {wanted}."))
}

fn number(name: &str, value: &str) -> Result<usize, ODataError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = "a whole number that is not negative";
    let parsed = if digits { value.parse::<u32>().ok() } else { None };
    parsed.map(|number| number as usize).ok_or_else(|| malformed(name, value, wanted))
}

fn token(value: &str) -> Result<(usize, usize), ODataError> {
    let parts = value.split_once('-').and_then(|(done, size)| {
        Some((done.parse::<u32>().ok()? as usize, size.parse::<u32>().ok()? as usize))
    });
    parts
        .filter(|(_, size)| (1..=LARGEST_PAGE).contains(size))
        .ok_or_else(|| malformed("$skiptoken", value, "one that this service gave"))
}

/// The place of a named property, or 400 naming it.
pub fn property(name: &str, set: &EntitySet) -> Result<usize, ODataError> {
    set.property(name).ok_or_else(|| {
        ODataError::bad_request("PropertyNotFound", format!("{} has no property `{name}`.", set.entity))
    })
}

fn select(value: &str, set: &EntitySet) -> Result<Option<Vec<usize>>, ODataError> {
    let names: Vec<&str> = value.split(',').map(str::trim).collect();
    let mut places = Vec::new();
    for name in names.iter().filter(|name| **name != "*") {
        places.push(property(name, set)?);
    }
    if names.contains(&"*") {
        return Ok(None);
    }
    places.sort_unstable();
    places.dedup();
    Ok(Some(places))
}

fn orderby(value: &str, set: &EntitySet) -> Result<Vec<(usize, bool)>, ODataError> {
    value
        .split(',')
        .map(|item| match item.split_whitespace().collect::<Vec<_>>()[..] {
            [name] | [name, "asc"] => Ok((property(name, set)?, false)),
            [name, "desc"] => Ok((property(name, set)?, true)),
            _ => Err(malformed("$orderby", value, "names of properties, each with asc, desc or neither")),
        })
        .collect()
}

/// The size of a page that `Prefer: odata.maxpagesize=N` asks for, at most [`LARGEST_PAGE`].
pub fn preferred_page(headers: &HeaderMap) -> Option<usize> {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let name = name.trim();
        if !name.eq_ignore_ascii_case("odata.maxpagesize") && !name.eq_ignore_ascii_case("maxpagesize") {
            return None;
        }
        let size: usize = value.trim().trim_matches('"').parse().ok()?;
        // A preference that cannot be met is ignored (RFC 7240, section 2).
        (size > 0).then_some(size.min(LARGEST_PAGE))
    })
}

/// How entities are to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// `odata.metadata=none`: without the context.
    pub bare: bool,
    /// `IEEE754Compatible=true`: decimals as strings.
    pub decimals_as_text: bool,
}

impl Format {
    /// Negotiates by `$format`, else by `Accept`. Full metadata is answered with minimal.
    ///
    /// # Errors
    ///
    /// 406 when JSON is not accepted.
    pub fn negotiate(option: Option<&str>, headers: &HeaderMap) -> Result<Self, ODataError> {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let wanted = option.or(accept).unwrap_or("*/*");
        for range in wanted.split(',') {
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let media = parts.next().unwrap_or_default();
            if !matches!(media.as_str(), "application/json" | "json" | "*/*" | "application/*") {
                continue;
            }
            let parameters: Vec<String> = parts.collect();
            let has = |wanted: &str| parameters.iter().any(|parameter| parameter == wanted);
            if has("q=0") {
                continue;
            }
            return Ok(Self {
                bare: has("odata.metadata=none") || has("metadata=none"),
                decimals_as_text: has("ieee754compatible=true"),
            });
        }
        Err(ODataError::not_acceptable("This service sends application/json."))
    }

    /// The media type of an answer in this format.
    pub fn content_type(self) -> &'static str {
        match (self.bare, self.decimals_as_text) {
            (false, false) => "application/json;odata.metadata=minimal",
            (true, false) => "application/json;odata.metadata=none",
            (false, true) => "application/json;odata.metadata=minimal;IEEE754Compatible=true",
            (true, true) => "application/json;odata.metadata=none;IEEE754Compatible=true",
        }
    }
}
