//! The form of the validation tables; the tables themselves are generated.

use std::sync::OnceLock;

use regex::Regex;

pub use crate::generated::schema::{PATTERNS, SHAPES};

/// A named shape of the model with its constraints.
#[derive(Debug)]
pub struct Shape {
    /// Name in the model.
    pub name: &'static str,
    /// Whether every value of it is secret.
    pub sensitive: bool,
    /// What a value looks like.
    pub kind: Kind,
}

/// What a value of a shape looks like.
#[derive(Debug)]
pub enum Kind {
    /// Text; an empty list of values means that the text is free.
    String {
        /// Characters.
        length: Bounds,
        /// What the whole text must match.
        pattern: Option<&'static Pattern>,
        /// The closed list of values of an enum.
        values: &'static [&'static str],
    },
    /// A whole number of 32 bits.
    Integer(Bounds),
    /// A whole number of 64 bits.
    Long(Bounds),
    /// A floating-point number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// A point in time, see [`crate::Timestamp`].
    Timestamp,
    /// A list.
    List {
        /// Number of elements.
        length: Bounds,
        /// Every element.
        element: &'static Shape,
    },
    /// A map.
    Map {
        /// Number of entries.
        length: Bounds,
        /// Every key.
        key: &'static Shape,
        /// Every value.
        value: &'static Shape,
    },
    /// An object with named members.
    Structure(&'static [Member]),
}

/// Smallest and largest allowed length or value, both included.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Smallest.
    pub min: Option<i64>,
    /// Largest.
    pub max: Option<i64>,
}

impl Bounds {
    pub(crate) const ANY: Self = Self { min: None, max: None };

    pub(crate) const fn at_most(max: i64) -> Self {
        Self { min: None, max: Some(max) }
    }

    pub(crate) const fn between(min: i64, max: i64) -> Self {
        Self { min: Some(min), max: Some(max) }
    }
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name on the wire.
    pub name: &'static str,
    /// What it holds.
    pub shape: &'static Shape,
    /// Whether an input without it is refused.
    pub required: bool,
    /// Whether it is secret although its shape is not sensitive everywhere.
    pub secret: bool,
    /// Where it travels.
    pub location: Location,
}

/// Where a member of an input travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the JSON body.
    Body,
    /// In the path, under this name.
    Uri(&'static str),
    /// In the query string, under this name.
    Query(&'static str),
}

/// A pattern of the model, compiled on first use.
#[derive(Debug)]
pub struct Pattern {
    /// The pattern as error messages show it.
    pub shown: &'static str,
    /// A prefix the text must not have (the model's look-ahead, which `regex` does not know).
    pub forbidden_prefix: &'static str,
    rust: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// A pattern as the generator writes it.
    pub(crate) const fn new(shown: &'static str, rust: &'static str, forbidden_prefix: &'static str) -> Self {
        Self { shown, forbidden_prefix, rust, compiled: OnceLock::new() }
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let refused = !self.forbidden_prefix.is_empty() && text.starts_with(self.forbidden_prefix);
        !refused && self.regex().is_match(text)
    }

    /// The pattern for other engines (JavaScript with the flag `u`, Python's
    /// `re`): what the whole text must match, so wrap it in `^(?:…)$`.
    pub fn portable(&self) -> String {
        let inner = self.rust.strip_prefix(r"\A(?:").and_then(|rest| rest.strip_suffix(r")\z"));
        let mut rest = inner.unwrap_or(self.rust);
        let mut text = match self.forbidden_prefix {
            "" => String::new(),
            // What is forbidden is plain text in the model.
            prefix => format!("(?!{})", regex::escape(prefix)),
        };
        // `\x{85}` is Rust's; four digits are everybody's.
        while let Some((before, after)) = rest.split_once(r"\x{") {
            let (code, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            match u32::from_str_radix(code, 16) {
                Ok(code) if code <= 0xffff => text.push_str(&format!("\\u{code:04x}")),
                // Beyond them the letter itself stands for itself.
                Ok(code) => text.extend(char::from_u32(code)),
                Err(_) => {}
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            Regex::new(self.rust).expect("a test compiles every pattern of the committed tables")
        })
    }
}

/// The shape of this name, when an operation uses it.
pub fn shape(name: &str) -> Option<&'static Shape> {
    let at = SHAPES.binary_search_by_key(&name, |shape| shape.name).ok()?;
    Some(SHAPES[at])
}

/// How the generated tables are written.
impl Shape {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, sensitive: false, kind }
    }

    pub(crate) const fn text(name: &'static str, length: Bounds, pattern: Option<&'static Pattern>) -> Self {
        Self::new(name, Kind::String { length, pattern, values: &[] })
    }

    pub(crate) const fn choice(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(name, Kind::String { length: Bounds::ANY, pattern: None, values })
    }

    pub(crate) const fn integer(name: &'static str, range: Bounds) -> Self {
        Self::new(name, Kind::Integer(range))
    }

    pub(crate) const fn long(name: &'static str, range: Bounds) -> Self {
        Self::new(name, Kind::Long(range))
    }

    pub(crate) const fn double(name: &'static str) -> Self {
        Self::new(name, Kind::Double)
    }

    pub(crate) const fn boolean(name: &'static str) -> Self {
        Self::new(name, Kind::Boolean)
    }

    pub(crate) const fn timestamp(name: &'static str) -> Self {
        Self::new(name, Kind::Timestamp)
    }

    pub(crate) const fn list(name: &'static str, length: Bounds, element: &'static Self) -> Self {
        Self::new(name, Kind::List { length, element })
    }

    pub(crate) const fn map(
        name: &'static str,
        length: Bounds,
        key: &'static Self,
        value: &'static Self,
    ) -> Self {
        Self::new(name, Kind::Map { length, key, value })
    }

    pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Self {
        Self::new(name, Kind::Structure(members))
    }

    pub(crate) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// How the generated tables are written.
impl Member {
    const fn new(name: &'static str, shape: &'static Shape, required: bool) -> Self {
        Self { name, shape, required, secret: false, location: Location::Body }
    }

    pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self::new(name, shape, true)
    }

    pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self::new(name, shape, false)
    }

    pub(crate) const fn in_uri(mut self, name: &'static str) -> Self {
        self.location = Location::Uri(name);
        self
    }

    pub(crate) const fn in_query(mut self, name: &'static str) -> Self {
        self.location = Location::Query(name);
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

impl Shape {
    /// The members of a structure; none for any other kind.
    pub const fn members(&self) -> &'static [Member] {
        match self.kind {
            Kind::Structure(members) => members,
            _ => &[],
        }
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members().iter().find(|member| member.name == name)
    }
}
