//! The validation tables: every shape an operation uses, as static data.

use std::collections::BTreeMap;

use super::model::{Model, Shape};
use super::naming;
use super::patches::Patches;
use super::pattern;
use super::types::target;

/// The text of the tables' file.
pub fn file(model: &Model, patches: &Patches) -> Result<String, String> {
    let mut used = std::collections::BTreeSet::new();
    for operation in model.operations.values() {
        used.extend(model.reachable(&operation.input.shape)?);
        used.extend(model.reachable(&operation.output.shape)?);
    }
    let mut patterns: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, shape) in &model.shapes {
        if let (true, Some(pattern)) = (used.contains(name.as_str()), &shape.pattern) {
            let next = patterns.len();
            patterns.entry(pattern).or_insert(next);
        }
    }
    let mut out = String::from("use crate::schema::{Bounds, Member, Pattern, Shape};\n\n");
    let mut ordered: Vec<_> = patterns.iter().collect();
    ordered.sort_by_key(|(_, number)| **number);
    for (java, number) in &ordered {
        let translated = pattern::translate(java)?;
        out.push_str(&format!(
            "static PATTERN_{number}: Pattern = Pattern::new({}, {}, {:?});\n",
            raw(java),
            raw(&translated.rust),
            translated.forbidden_prefix
        ));
    }
    out.push_str("\n/// Every pattern of the tables.\npub static PATTERNS: &[&Pattern] = &[");
    for (_, number) in &ordered {
        out.push_str(&format!("&PATTERN_{number}, "));
    }
    out.push_str("];\n\n/// Every shape of the tables, sorted by name.\npub static SHAPES: &[&Shape] = &[");
    for name in &used {
        out.push_str(&format!("&{}, ", naming::constant(name)));
    }
    out.push_str("];\n\n");
    for name in &used {
        let shape = model.shape(name)?;
        let sensitive = if shape.sensitive { ".sensitive()" } else { "" };
        out.push_str(&format!(
            "pub(crate) static {}: Shape = {}{sensitive};\n",
            naming::constant(name),
            expression(patches, &patterns, name, shape)?
        ));
    }
    Ok(out)
}

/// The call that builds a shape.
fn expression(
    patches: &Patches,
    patterns: &BTreeMap<&str, usize>,
    name: &str,
    shape: &Shape,
) -> Result<String, String> {
    let bounds = bounds(shape);
    let text = match shape.kind.as_str() {
        "string" if shape.is_enum() => format!("Shape::choice({name:?}, &{:?})", shape.values),
        "string" => {
            let pattern = match &shape.pattern {
                Some(java) => format!("Some(&PATTERN_{})", patterns[java.as_str()]),
                None => "None".to_owned(),
            };
            format!("Shape::text({name:?}, {bounds}, {pattern})")
        }
        "integer" | "long" => format!("Shape::{}({name:?}, {bounds})", shape.kind),
        "double" | "boolean" | "timestamp" => format!("Shape::{}({name:?})", shape.kind),
        "list" => {
            let element = naming::constant(target(name, &shape.member)?);
            format!("Shape::list({name:?}, {bounds}, &{element})")
        }
        "map" => {
            let key = naming::constant(target(name, &shape.key)?);
            let value = naming::constant(target(name, &shape.value)?);
            format!("Shape::map({name:?}, {bounds}, &{key}, &{value})")
        }
        "structure" => {
            let mut members = String::new();
            for (member, reference) in &shape.members {
                let need = if shape.required.contains(member) { "required" } else { "optional" };
                let target = naming::constant(&reference.shape);
                members.push_str(&format!("Member::{need}({member:?}, &{target})"));
                match (reference.location.as_deref(), &reference.location_name) {
                    (None, _) => {}
                    (Some("uri"), Some(wire)) => members.push_str(&format!(".in_uri({wire:?})")),
                    (Some("querystring"), Some(wire)) => members.push_str(&format!(".in_query({wire:?})")),
                    (Some(place), _) => {
                        return Err(format!("{name}${member} has the unknown location {place}"));
                    }
                }
                if patches.is_secret_member(name, member) {
                    members.push_str(".secret()");
                }
                members.push(',');
            }
            format!("Shape::structure({name:?}, &[{members}])")
        }
        kind => return Err(format!("{name} has the unknown type {kind}")),
    };
    Ok(text)
}

/// The bounds of a shape; a length of at least 0 says nothing and is left out.
fn bounds(shape: &Shape) -> String {
    let counts = !matches!(shape.kind.as_str(), "integer" | "long");
    match (shape.min.filter(|min| !counts || *min > 0), shape.max) {
        (None, None) => "Bounds::ANY".to_owned(),
        (None, Some(max)) => format!("Bounds::at_most({max})"),
        (Some(min), None) => format!("Bounds::at_least({min})"),
        (Some(min), Some(max)) => format!("Bounds::between({min}, {max})"),
    }
}

/// A raw string literal with as many signs as the text needs.
fn raw(text: &str) -> String {
    if text.contains("\"#") {
        return format!("{text:?}");
    }
    if text.contains('"') {
        return format!("r#\"{text}\"#");
    }
    format!("r\"{text}\"")
}
