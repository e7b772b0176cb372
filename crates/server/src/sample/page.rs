//! Which rows an answer has, and writing them as JSON while they are sent.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use serde::Serialize;

use super::data::{Column, FIRST_HOUR, Table};
use super::filter::Expression;
use super::metadata::{Edm, EntitySet};
use super::query::Format;

/// How many bytes are written before they are handed to the connection.
const CHUNK: usize = 64 * 1024;

/// A table together with its schema.
#[derive(Debug)]
pub struct Loaded {
    /// The schema.
    pub set: &'static EntitySet,
    /// The rows.
    pub table: Table,
}

impl Loaded {
    /// The columns of the properties, in the order of the schema.
    pub fn columns(&self) -> Vec<&Column> {
        let column =
            |name| self.table.column(name).expect("decode checked that every property has its column");
        self.set.properties.iter().map(|property| column(property.name)).collect()
    }
}

/// The rows of a result, in its order.
#[derive(Debug)]
pub enum Selection {
    /// All rows in the order of the key.
    All(usize),
    /// These rows.
    Rows(Vec<u32>),
}

impl Selection {
    /// Finds the rows that pass, and sorts them; ties keep the order of the key.
    pub fn find(loaded: &Loaded, filter: Option<&Expression>, orderby: &[(usize, bool)]) -> Self {
        let columns = loaded.columns();
        let rows = loaded.table.rows();
        // The rows lie in the order of the key, the first property; it is unique.
        let orderby = if orderby.first() == Some(&(0, false)) { &[] } else { orderby };
        if filter.is_none() && orderby.is_empty() {
            return Self::All(rows);
        }
        let passes = |row: &u32| filter.is_none_or(|filter| filter.passes(&columns, *row as usize));
        let mut found: Vec<u32> = (0..rows as u32).filter(passes).collect();
        found.shrink_to_fit();
        if !orderby.is_empty() {
            found.sort_by(|a, b| {
                let by = orderby.iter().map(|(place, descending)| {
                    // Null is less than all values, as the protocol has it.
                    let order = columns[*place].get(*a as usize).cmp(&columns[*place].get(*b as usize));
                    if *descending { order.reverse() } else { order }
                });
                by.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            });
        }
        Self::Rows(found)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Rows(rows) => rows.len(),
        }
    }

    fn row(&self, at: usize) -> usize {
        match self {
            Self::All(_) => at,
            Self::Rows(rows) => rows[at] as usize,
        }
    }
}

/// One property as it is written into each entity.
struct Field {
    place: usize,
    edm: Edm,
    /// `"name":`, with a comma in front of all but the first.
    name: String,
}

/// Writes entities.
pub struct Writer {
    loaded: Arc<Loaded>,
    fields: Vec<Field>,
    decimals_as_text: bool,
    /// The hour written last and its text: neighbours in the data share it.
    hour: (i32, String),
}

impl Writer {
    /// A writer of the selected properties, or of all.
    pub fn new(loaded: Arc<Loaded>, select: Option<&[usize]>, format: Format) -> Self {
        let all: Vec<usize> = (0..loaded.set.properties.len()).collect();
        let places = select.unwrap_or(&all);
        let field = |(at, place): (usize, &usize)| {
            let property = &loaded.set.properties[*place];
            let comma = if at == 0 { "" } else { "," };
            Field { place: *place, edm: property.edm, name: format!("{comma}\"{}\":", property.name) }
        };
        let fields = places.iter().enumerate().map(field).collect();
        Self { loaded, fields, decimals_as_text: format.decimals_as_text, hour: (i32::MIN, String::new()) }
    }

    /// The body of an answer with one entity.
    pub fn entity(&mut self, prefix: &str, row: usize) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        out.push(b'{');
        out.extend_from_slice(prefix.as_bytes());
        let loaded = Arc::clone(&self.loaded);
        self.members(&mut out, &loaded.columns(), row, !prefix.is_empty());
        out.push(b'}');
        out.into()
    }

    /// The body of an answer with the rows `from..to` of `selection`, between
    /// `head` (up to the opening bracket) and `tail` (from the closing one).
    pub fn collection(
        mut self,
        selection: Arc<Selection>,
        from: usize,
        to: usize,
        head: String,
        tail: String,
    ) -> Body {
        let mut out = head.into_bytes();
        let mut next = from;
        let mut tail = Some(tail);
        let mut chunks = std::iter::from_fn(move || {
            tail.as_ref()?;
            let loaded = Arc::clone(&self.loaded);
            let columns = loaded.columns();
            out.reserve(CHUNK + 1024);
            while next < to && out.len() < CHUNK {
                out.extend_from_slice(if next == from { b"{" } else { b",\n{" });
                self.members(&mut out, &columns, selection.row(next), false);
                out.push(b'}');
                next += 1;
            }
            if next == to {
                out.extend_from_slice(tail.take()?.as_bytes());
            }
            Some(Ok::<_, Infallible>(Bytes::from(std::mem::take(&mut out))))
        });
        let first = chunks.next();
        match chunks.next() {
            // An answer of one chunk is sent with its length.
            None => first.map_or_else(Body::empty, |Ok(chunk)| Body::from(chunk)),
            second => Body::from_stream(futures::stream::iter(first.into_iter().chain(second).chain(chunks))),
        }
    }

    fn members(&mut self, out: &mut Vec<u8>, columns: &[&Column], row: usize, mut comma: bool) {
        for field in &self.fields {
            if std::mem::take(&mut comma) {
                out.push(b',');
            }
            out.extend_from_slice(field.name.as_bytes());
            let column = columns[field.place];
            match (column.get(row), field.edm) {
                (None, _) => out.extend_from_slice(b"null"),
                (Some(place), Edm::String(_)) => json(out, column.text(place)),
                (Some(hour), Edm::DateTimeOffset) => {
                    if hour != self.hour.0 {
                        self.hour = (hour, moment(hour));
                    }
                    out.push(b'"');
                    out.extend_from_slice(self.hour.1.as_bytes());
                    out.push(b'"');
                }
                (Some(number), Edm::Decimal(_)) if self.decimals_as_text => {
                    out.push(b'"');
                    json(out, &number);
                    out.push(b'"');
                }
                (Some(number), Edm::Int16 | Edm::Int32 | Edm::Decimal(_)) => json(out, &number),
            }
        }
    }
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("a number or a string is written to memory");
}

/// An hour as OData writes it: `2013-01-01T10:00:00Z`.
fn moment(hour: i32) -> String {
    let second = FIRST_HOUR + i64::from(hour) * 3_600;
    jiff::Timestamp::from_second(second).expect("hours of 16 bits lie within nine years of 2013").to_string()
}
