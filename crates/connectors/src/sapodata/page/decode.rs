//! Decodes a page row by row: JSON tokens go straight into Arrow builders.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::columns::Column;
use super::super::values::unquote;
use super::cell::Cells;
use super::removed::key_of;
use super::torn::last_words;
use crate::kit::{json_message, looks_like_html};

/// What a page is decoded into.
pub struct Decoder {
    columns: Vec<Column>,
    schema: SchemaRef,
    targets: HashMap<String, Target>,
    keys: usize,
    changes: Option<Changes>,
}

/// How the pages of a service that follows its changes by OData's own means are
/// read: a deleted record is its key and nothing else.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The names of the key's properties, in order.
    pub keys: Vec<String>,
    /// The column that says what became of a record, if it is asked for: `D`
    /// where one was deleted.
    pub column: Option<usize>,
    /// What stands there for all others: `C` (created) when everything is read,
    /// `U` (created or changed) when changes are.
    pub otherwise: &'static str,
}

/// A decoded page.
pub struct Page {
    /// Its records.
    pub batch: RecordBatch,
    /// The link to the next page, as the service wrote it.
    pub next: Option<String>,
    /// The key of the last record: the text of each key property, in order.
    /// Empty when the page is, or when the decoder was not asked for keys.
    pub last_key: Vec<String>,
    /// The link to what changes after this page, as the service wrote it.
    pub delta: Option<String>,
}

/// Why a page could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    /// The service's own words.
    Vendor(String),
    /// It is an HTML page.
    Html,
    /// Ours: what is wrong with it.
    Broken(String),
}

/// What happens to a member of a record.
#[derive(Clone, Copy, Default)]
struct Target {
    column: Option<usize>,
    key: Option<usize>,
    error: bool,
    mark: Option<Mark>,
}

/// What a member says of the record itself, in a page of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// `@odata.context`, which in V4.0 makes a record a deletion or a link.
    Context,
    /// `@removed` of V4.01.
    Removed,
    /// `@odata.id`, the record's address.
    Address,
    /// `id`, the address of a V4.0 deletion; in other records a property.
    Id,
}

impl Decoder {
    /// A decoder for these columns, of this schema, which also takes note of the
    /// named keys.
    pub fn new(columns: Vec<Column>, schema: SchemaRef, keys: &[String]) -> Self {
        let mut targets: HashMap<String, Target> = HashMap::new();
        for (at, column) in columns.iter().enumerate() {
            targets.entry(column.name.clone()).or_default().column = Some(at);
        }
        for (at, key) in keys.iter().enumerate() {
            targets.entry(key.clone()).or_default().key = Some(at);
        }
        targets.entry("error".to_owned()).or_insert(Target { error: true, ..Target::default() });
        Self { columns, schema, targets, keys: keys.len(), changes: None }
    }

    /// The same for pages that may hold deletions.
    pub fn with_changes(mut self, changes: Changes) -> Self {
        for (name, mark) in [
            ("@odata.context", Mark::Context),
            ("@context", Mark::Context),
            ("@odata.removed", Mark::Removed),
            ("@removed", Mark::Removed),
            ("@odata.id", Mark::Address),
            ("@id", Mark::Address),
            ("id", Mark::Id),
        ] {
            self.targets.entry(name.to_owned()).or_default().mark = Some(mark);
        }
        self.changes = Some(changes);
        self
    }

    /// Decodes the body of an answer.
    pub fn decode(&self, body: &[u8]) -> Result<Page, PageError> {
        if looks_like_html(body) {
            return Err(PageError::Html);
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| PageError::Broken(format!("it is not UTF-8: {error}")))?;
        let text = text.trim_start_matches('\u{feff}');
        let guess = body.len() / (32 * (self.columns.len() + 1)) + 1;
        let mut rows = Rows {
            decoder: self,
            cells: self.columns.iter().map(|column| Cells::new(column.kind, guess.min(16_384))).collect(),
            filled: vec![0; self.columns.len()],
            order: Vec::new(),
            count: 0,
            last_key: vec![""; self.keys],
            next: None,
            delta: None,
            vendor: None,
            listed: false,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_map(Document { rows: &mut rows }).and_then(|()| json.end());
        if let Some(words) = rows.vendor.take() {
            return Err(PageError::Vendor(words));
        }
        if let Err(error) = read {
            return Err(match last_words(body).filter(|_| !error.is_data()) {
                Some(words) => PageError::Vendor(words),
                None => PageError::Broken(error.to_string()),
            });
        }
        if !rows.listed {
            return Err(PageError::Broken("it holds no list of records".to_owned()));
        }
        rows.finish().map_err(PageError::Broken)
    }
}

/// The page while it is read.
struct Rows<'a, 'de> {
    decoder: &'a Decoder,
    cells: Vec<Cells>,
    /// For each column, the number of the last row that filled it.
    filled: Vec<usize>,
    /// The members of the last row in their order: the next row mostly has the
    /// same, which saves looking each name up.
    order: Vec<(String, Target)>,
    count: usize,
    last_key: Vec<&'de str>,
    next: Option<String>,
    delta: Option<String>,
    vendor: Option<String>,
    listed: bool,
}

impl<'de> Rows<'_, 'de> {
    fn target(&mut self, at: usize, name: &str) -> Target {
        if let Some((known, target)) = self.order.get(at)
            && known == name
        {
            return *target;
        }
        let target = self.decoder.targets.get(name).copied().unwrap_or_default();
        match self.order.get_mut(at) {
            Some(slot) => *slot = (name.to_owned(), target),
            None => self.order.push((name.to_owned(), target)),
        }
        target
    }

    fn fill(&mut self, target: Target, raw: &'de str) -> Result<(), String> {
        if let Some(key) = target.key {
            self.last_key[key] = raw;
        }
        let Some(at) = target.column else { return Ok(()) };
        let column = &self.decoder.columns[at];
        if std::mem::replace(&mut self.filled[at], self.count) == self.count {
            return Err(format!("a record has the field {} twice", column.name));
        }
        self.cells[at].append(raw).ok_or_else(|| {
            let shown: String = raw.chars().take(100).collect();
            format!(
                "the value {shown} of the field {} does not fit the type that the service's metadata give it: \
                 {} is expected. Leave the field out of the flow, or correct the value in the source",
                column.name,
                column.kind.in_words()
            )
        })
    }

    fn finish(mut self) -> Result<Page, String> {
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        let schema = Arc::clone(&self.decoder.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|error| format!("its columns do not fit together: {error}"))?;
        let last_key = match self.count {
            0 => Vec::new(),
            _ => self.last_key.iter().map(|raw| unquote(raw).into_owned()).collect(),
        };
        Ok(Page { batch, next: self.next, last_key, delta: self.delta })
    }

    /// Completes a record of a page of changes: the key of a deleted one, which
    /// may stand in its address only, and what became of it.
    fn conclude(&mut self, removed: bool, address: Option<&str>) -> Result<(), String> {
        let Some(changes) = &self.decoder.changes else { return Ok(()) };
        if removed {
            let named = address.and_then(|address| key_of(address, &changes.keys));
            for name in &changes.keys {
                let Some(at) = self.decoder.targets.get(name).and_then(|target| target.column) else {
                    continue;
                };
                if self.filled[at] == self.count {
                    continue;
                }
                let value = named.as_ref().and_then(|named| named.iter().find(|(key, _)| key == name));
                let Some((_, value)) = value else {
                    return Err(format!("a deleted record does not tell its key {name}"));
                };
                self.filled[at] = self.count;
                self.cells[at].append(value).ok_or_else(|| {
                    format!("the key {name} of a deleted record, {value}, does not fit its type")
                })?;
            }
        }
        if let Some(at) = changes.column {
            let mode = if removed { "D" } else { changes.otherwise };
            self.filled[at] = self.count;
            self.cells[at].append(mode).ok_or("the change mode is a text")?;
        }
        Ok(())
    }
}

/// The outer object: `value` of V4, `d` of V2, or an error.
struct Document<'r, 'a, 'de> {
    rows: &'r mut Rows<'a, 'de>,
}

impl<'de> Visitor<'de> for Document<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OData answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match name.as_ref() {
                "value" | "results" => map.next_value_seed(List { rows: &mut *self.rows })?,
                "d" => map.next_value_seed(Wrapped { rows: &mut *self.rows })?,
                "@odata.nextLink" | "@nextLink" | "__next" => self.rows.next = map.next_value()?,
                "@odata.deltaLink" | "@deltaLink" | "__delta" => self.rows.delta = map.next_value()?,
                "error" => {
                    let error: Value = map.next_value()?;
                    self.rows.vendor = json_message(&serde_json::json!({ "error": error }));
                    return Err(A::Error::custom("the service answered with an error"));
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

/// V2's `d`: an object around the list, or the list itself.
struct Wrapped<'r, 'a, 'de> {
    rows: &'r mut Rows<'a, 'de>,
}

impl<'de> DeserializeSeed<'de> for Wrapped<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wrapped<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Document { rows: self.rows }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        List { rows: self.rows }.visit_seq(seq)
    }
}

/// The list of records.
struct List<'r, 'a, 'de> {
    rows: &'r mut Rows<'a, 'de>,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.rows.listed = true;
        while seq.next_element_seed(Record { rows: &mut *self.rows })?.is_some() {}
        Ok(())
    }
}

/// One record.
struct Record<'r, 'a, 'de> {
    rows: &'r mut Rows<'a, 'de>,
}

impl<'de> DeserializeSeed<'de> for Record<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Record<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let rows = self.rows;
        rows.count += 1;
        let mut at = 0;
        let (mut removed, mut by_context, mut is_link) = (false, false, false);
        let mut address: Option<&'de RawValue> = None;
        while let Some(target) = map.next_key_seed(Member { rows: &mut *rows, at })? {
            at += 1;
            if is_link {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let mark = target.mark.filter(|mark| *mark != Mark::Id || by_context);
            if let Some(mark) = mark {
                let raw: &'de RawValue = map.next_value()?;
                let text = unquote(raw.get());
                match mark {
                    Mark::Context => {
                        by_context = text.ends_with("$deletedEntity");
                        removed |= by_context;
                        // A relation that came or went is no record of this set.
                        is_link = text.ends_with("/$link") || text.ends_with("/$deletedLink");
                    }
                    Mark::Removed => removed |= raw.get() != "null",
                    Mark::Address | Mark::Id => address = Some(raw),
                }
            } else if target.error {
                // A service that fails in the middle may put its error where a
                // record would be.
                let raw: &RawValue = map.next_value()?;
                let document = format!("{{\"error\":{}}}", raw.get());
                let error = serde_json::from_str::<Value>(&document).ok();
                if let Some(words) = error
                    .filter(|error| error["error"].get("message").is_some())
                    .and_then(|e| json_message(&e))
                {
                    rows.vendor = Some(words);
                    return Err(A::Error::custom("the service answered with an error"));
                }
            } else if target.column.is_some() || target.key.is_some() {
                let raw: &'de RawValue = map.next_value()?;
                rows.fill(target, raw.get()).map_err(A::Error::custom)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if is_link {
            rows.count -= 1;
            return Ok(());
        }
        rows.conclude(removed, address.map(RawValue::get)).map_err(A::Error::custom)?;
        for (filled, cells) in rows.filled.iter_mut().zip(&mut rows.cells) {
            if *filled != rows.count {
                *filled = rows.count;
                cells.append_null();
            }
        }
        Ok(())
    }
}

/// The name of a member, looked up while it is still borrowed.
struct Member<'r, 'a, 'de> {
    rows: &'r mut Rows<'a, 'de>,
    at: usize,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_, 'de> {
    type Value = Target;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Target, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Member<'_, '_, '_> {
    type Value = Target;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Target, E> {
        Ok(self.rows.target(self.at, name))
    }
}
