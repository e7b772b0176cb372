//! Pushes a flow's filters down as `$filter`.

use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::client::encode_value;
use super::columns::{Kind, kind_of};
use super::literal::{literal, moment, quoted};
use super::metadata::{EntitySet, Metadata, Property, StructuredType, Version};

/// The longest `$filter`, URL-encoded, that is sent; servers refuse longer URLs
/// (SAP's ICM by default at 8 KiB). What does not fit is left to the engine.
const MAX_ENCODED: usize = 5_000;

/// What of the filters the service evaluates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The expression of `$filter`, if there is any.
    pub expression: Option<String>,
    /// For each filter, whether the service evaluates it exactly.
    pub exact: Vec<bool>,
}

/// Spells the filters for the service. One that cannot be spelled (an operator
/// that the type has not, a value that is none of the type's, a property that
/// the service refuses in filters) is left to the engine; an unknown field is an
/// error.
pub fn push(
    metadata: &Metadata,
    set: Option<&EntitySet>,
    entity: &StructuredType,
    filters: &[Filter],
) -> Result<Pushed, ConnectorError> {
    let mut pushed = Pushed::default();
    let (mut parts, mut length) = (Vec::new(), 0);
    for filter in filters {
        let Some(property) = entity.property(&filter.field) else {
            if entity.navigation(&filter.field).is_some() {
                pushed.exact.push(false);
                continue;
            }
            return Err(ConnectorError::new(
                ConnectorErrorKind::Invalid,
                format!("the filter names the field {}, which the entity does not have", filter.field),
            ));
        };
        let refused =
            property.not_filterable || set.is_some_and(|set| set.not_filterable.contains(&property.name));
        let spelled = if refused { None } else { spell(metadata, property, filter) };
        match spelled {
            Some((text, exact)) if length + encode_value(&text).len() <= MAX_ENCODED => {
                length += encode_value(&text).len() + " and ".len();
                parts.push(text);
                pushed.exact.push(exact);
            }
            _ => pushed.exact.push(false),
        }
    }
    if !parts.is_empty() {
        pushed.expression = Some(parts.join(" and "));
    }
    Ok(pushed)
}

/// One filter, and whether the service evaluates it exactly.
fn spell(metadata: &Metadata, property: &Property, filter: &Filter) -> Option<(String, bool)> {
    let kind = kind_of(metadata, property)?;
    let version = metadata.version;
    let edm_type = metadata.underlying(&property.edm_type);
    // Enumerations have literals of their own, which differ between servers.
    if kind == Kind::Json || edm_type != property.edm_type {
        return None;
    }
    let name = &property.name;
    if let Kind::Timestamp(_) = kind {
        return around(version, property, filter, &|text| literal(version, edm_type, kind, text));
    }
    let values: Vec<String> = filter
        .values
        .iter()
        .map(|value| literal(version, edm_type, kind, value))
        .collect::<Option<_>>()
        .filter(|values: &Vec<_>| !values.is_empty())?;
    let any = |operator: &str, joint: &str| {
        let all: Vec<String> = values.iter().map(|value| format!("{name} {operator} {value}")).collect();
        match all.as_slice() {
            [one] => one.clone(),
            _ => format!("({})", all.join(joint)),
        }
    };
    let ordered = !matches!(kind, Kind::Boolean | Kind::Binary | Kind::Guid);
    match filter.comparison {
        Comparison::Equal => Some((any("eq", " or "), true)),
        // A missing value differs from everything in OData and fulfils nothing
        // here. V4 can say so; V2 services do not all know `ne null`, so the
        // engine drops the missing ones.
        Comparison::NotEqual => {
            let text = any("ne", " and ");
            match (property.nullable, version) {
                (false, _) => Some((text, true)),
                (true, Version::V4) => Some((format!("({text} and {name} ne null)"), true)),
                (true, Version::V2) => Some((text, false)),
            }
        }
        Comparison::Contains => {
            // SAP's own V2 adapter does not recognise the function around a line break.
            let breaks = || filter.values.iter().any(|value| value.contains(char::is_control));
            if kind != Kind::Text || (version == Version::V2 && breaks()) {
                return None;
            }
            let all: Vec<String> = filter
                .values
                .iter()
                .map(|value| match version {
                    Version::V2 => format!("substringof({},{name})", quoted(value)),
                    Version::V4 => format!("contains({name},{})", quoted(value)),
                })
                .collect();
            Some((if all.len() == 1 { all.concat() } else { format!("({})", all.join(" or ")) }, true))
        }
        Comparison::Less if ordered => Some((any("lt", " or "), true)),
        Comparison::LessOrEqual if ordered => Some((any("le", " or "), true)),
        Comparison::Greater if ordered => Some((any("gt", " or "), true)),
        Comparison::GreaterOrEqual if ordered => Some((any("ge", " or "), true)),
        Comparison::Between if ordered => match values.as_slice() {
            [from, to] => Some((format!("({name} ge {from} and {name} le {to})"), true)),
            _ => None,
        },
        _ => None,
    }
}

/// A filter on a point in time, wide enough that the service leaves out nothing
/// that fulfils it; the engine decides. Services cut literals to the precision
/// that they keep (SAP's timestamps have whole seconds, CAP's milliseconds), or
/// compare them as texts of different lengths, so exact bounds would lose records.
fn around(
    version: Version,
    property: &Property,
    filter: &Filter,
    literal: &dyn Fn(&str) -> Option<String>,
) -> Option<(String, bool)> {
    const SECOND: i64 = 1_000;
    /// 9999-12-31T23:59:59Z
    const LAST_MILLIS: i64 = 253_402_300_799_000;
    let name = &property.name;
    let millis: Vec<i64> = filter
        .values
        .iter()
        .map(|value| moment(value.trim())?.seconds.checked_mul(SECOND))
        .collect::<Option<_>>()
        .filter(|values: &Vec<_>| !values.is_empty())?;
    // A bound beyond the years that the literals know bounds nothing.
    let from = |millis: i64| Some(format!("{name} ge {}", literal(&(millis - SECOND).to_string())?));
    let to = |millis: i64| {
        let end = Some(millis + 2 * SECOND).filter(|end| *end <= LAST_MILLIS)?;
        Some(format!("{name} le {}", literal(&end.to_string())?))
    };
    let both = |low: i64, high: i64| {
        let bounds: Vec<String> = [from(low), to(high)].into_iter().flatten().collect();
        (!bounds.is_empty()).then(|| format!("({})", bounds.join(" and ")))
    };
    let (least, most) = (*millis.iter().min()?, *millis.iter().max()?);
    let text = match filter.comparison {
        Comparison::Equal => {
            let all: Vec<String> = millis.iter().map(|at| both(*at, *at)).collect::<Option<_>>()?;
            if all.len() == 1 { all.concat() } else { format!("({})", all.join(" or ")) }
        }
        Comparison::Less | Comparison::LessOrEqual => to(most)?,
        Comparison::Greater | Comparison::GreaterOrEqual => from(least)?,
        Comparison::Between if millis.len() == 2 => both(millis[0], millis[1])?,
        Comparison::NotEqual if version == Version::V4 && property.nullable => format!("{name} ne null"),
        _ => return None,
    };
    Some((text, false))
}

/// The expression for the records after a key, in the order of the keys: what is
/// read after reading in parallel had to stop. `None` when a key has no literal
/// or no order.
pub fn after_key(
    metadata: &Metadata,
    entity: &StructuredType,
    keys: &[String],
    last: &[String],
) -> Option<String> {
    let mut alternatives = Vec::new();
    let mut same = Vec::new();
    if keys.is_empty() || keys.len() != last.len() {
        return None;
    }
    for (key, value) in keys.iter().zip(last) {
        let property = entity.property(key)?;
        let kind = kind_of(metadata, property)?;
        // Points in time are not compared exactly by every service; see `around`.
        let unsure = matches!(kind, Kind::Boolean | Kind::Binary | Kind::Json | Kind::Timestamp(_));
        if unsure || property.not_filterable {
            return None;
        }
        let edm_type = metadata.underlying(&property.edm_type);
        let literal = literal(metadata.version, edm_type, kind, value)?;
        let mut terms: Vec<String> = same.clone();
        terms.push(format!("{key} gt {literal}"));
        alternatives.push(match terms.len() {
            1 => terms.concat(),
            _ => format!("({})", terms.join(" and ")),
        });
        same.push(format!("{key} eq {literal}"));
    }
    Some(match alternatives.len() {
        1 => alternatives.concat(),
        _ => format!("({})", alternatives.join(" or ")),
    })
}

/// The operators that DescribeConnectorEntity tells for a kind of field.
pub fn operators(kind: Kind) -> Vec<&'static str> {
    use Comparison::{Between, Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let list: &[Comparison] = match kind {
        Kind::Text => &[Contains, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual],
        Kind::Guid | Kind::Boolean => &[Equal, NotEqual],
        Kind::Int32
        | Kind::Int64
        | Kind::Float32
        | Kind::Float64
        | Kind::FreeDecimal
        | Kind::Decimal128(..)
        | Kind::Decimal256(..) => &[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual],
        Kind::Date | Kind::Time(_) | Kind::Timestamp(_) => {
            &[Between, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]
        }
        Kind::Binary | Kind::Json => &[],
    };
    list.iter().map(|comparison| comparison.as_str()).collect()
}
