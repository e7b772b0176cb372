//! Typed structures and enums, one file a family.

use std::fmt::Write as _;

use super::families::Families;
use super::model::{Model, Reference, Shape};
use super::naming;
use super::patches::{DocumentKind, Patches};

/// The text of one family's file.
pub fn file(model: &Model, patches: &Patches, families: &Families, family: &str) -> Result<String, String> {
    let writer = Writer { model, patches, families, family };
    let mut out = String::new();
    for (name, shape) in &model.shapes {
        if families.home(name).is_ok_and(|home| home == family) {
            if shape.is_enum() {
                writer.enumeration(&mut out, name, shape);
            } else {
                writer.structure(&mut out, name, shape)?;
            }
        }
    }
    for (name, operation) in &model.operations {
        let (input, output) = (&operation.input.shape, &operation.output.shape);
        if families.home(input)? == family {
            write!(
                out,
                "impl crate::Input for {input} {{\n    type Output = {output};\n    const OPERATION: crate::Operation = crate::Operation::{name};\n}}\n\nimpl crate::Output for {output} {{}}\n\n"
            )
            .map_err(|error| error.to_string())?;
        }
    }
    Ok(out)
}

struct Writer<'a> {
    model: &'a Model,
    patches: &'a Patches,
    families: &'a Families,
    family: &'a str,
}

impl Writer<'_> {
    fn enumeration(&self, out: &mut String, name: &str, shape: &Shape) {
        let mut text =
            format!("crate::macros::wire_enum! {{\n    /// Values of `{name}`.\n    pub enum {name} {{\n");
        for value in &shape.values {
            let variant = naming::variant(value);
            text.push_str(&format!("        /// `{value}`.\n        {variant} = \"{value}\",\n"));
        }
        text.push_str("    }\n}\n\n");
        out.push_str(&text);
    }

    fn structure(&self, out: &mut String, name: &str, shape: &Shape) -> Result<(), String> {
        let mut derives = vec!["Clone", "Debug", "PartialEq"];
        if shape.required.is_empty() {
            derives.push("Default");
        }
        derives.push("serde::Deserialize");
        let mut doc = format!("Wire structure `{name}`.");
        if self.families.is_sealed(name) {
            doc.push_str(" It holds a secret document and so cannot be serialised.");
        } else {
            derives.push("serde::Serialize");
        }
        let mut text = format!("/// {doc}\n#[derive({})]\npub struct {name} {{\n", derives.join(", "));
        for (member, reference) in &shape.members {
            let required = shape.required.contains(member);
            let mut rust = self.rust_type(&reference.shape)?;
            let mut attributes = vec![format!("rename = {member:?}")];
            if !required {
                if self.may_be_empty(name, reference)? {
                    rust = format!("crate::OrEmpty<{rust}>");
                }
                rust = format!("Option<{rust}>");
                if !self.families.is_sealed(name) {
                    attributes.push("skip_serializing_if = \"Option::is_none\"".to_owned());
                }
            }
            let need = if required { "required" } else { "optional" };
            let kind = self.describe(&reference.shape)?;
            text.push_str(&format!(
                "    /// `{member}`, {need}: {kind}.\n    #[serde({})]\n    pub {}: {rust},\n",
                attributes.join(", "),
                naming::field(member),
            ));
        }
        text.push_str("}\n\n");
        out.push_str(&text);
        Ok(())
    }

    /// Whether an optional member can hold the empty string in place of an enum's value.
    fn may_be_empty(&self, owner: &str, reference: &Reference) -> Result<bool, String> {
        Ok(self.patches.empty_optional_strings.count_as_absent
            && self.families.is_input(owner)
            && self.model.shape(&reference.shape)?.is_enum())
    }

    fn rust_type(&self, name: &str) -> Result<String, String> {
        if let Some(document) = self.patches.document(name) {
            return Ok(match document {
                DocumentKind::Secret => "tidegate_core::Secret<serde_json::Value>",
                DocumentKind::Value => "serde_json::Value",
            }
            .to_owned());
        }
        let shape = self.model.shape(name)?;
        let rust = match shape.kind.as_str() {
            "string" if !shape.is_enum() => "String".to_owned(),
            "integer" => "i32".to_owned(),
            "long" => "i64".to_owned(),
            "double" => "f64".to_owned(),
            "boolean" => "bool".to_owned(),
            "timestamp" => "crate::Timestamp".to_owned(),
            "list" => format!("Vec<{}>", self.rust_type(target(name, &shape.member)?)?),
            "map" => format!(
                "indexmap::IndexMap<{}, {}>",
                self.rust_type(target(name, &shape.key)?)?,
                self.rust_type(target(name, &shape.value)?)?
            ),
            "string" | "structure" => {
                let home = self.families.home(name)?;
                if home == self.family { name.to_owned() } else { format!("super::{home}::{name}") }
            }
            kind => return Err(format!("{name} has the unknown type {kind}")),
        };
        Ok(rust)
    }

    /// What a member may hold, for its doc comment.
    fn describe(&self, name: &str) -> Result<String, String> {
        let shape = self.model.shape(name)?;
        let unit = match shape.kind.as_str() {
            "string" => " characters",
            "list" => " elements",
            "map" => " entries",
            _ => "",
        };
        let mut text = match shape.kind.as_str() {
            "list" => format!("list of `{}`", target(name, &shape.member)?),
            "map" => format!("map from `{}` to `{}`", target(name, &shape.key)?, target(name, &shape.value)?),
            "structure" => format!("`{name}`"),
            "string" if shape.is_enum() => format!("one of `{name}`"),
            kind => kind.to_owned(),
        };
        match (shape.min, shape.max) {
            (Some(0) | None, Some(max)) if !unit.is_empty() => {
                text.push_str(&format!(" of at most {max}{unit}"))
            }
            (Some(min), Some(max)) => text.push_str(&format!(" of {min} to {max}{unit}")),
            _ => {}
        }
        Ok(text)
    }
}

/// The shape a list or map is made of.
pub fn target<'a>(name: &str, reference: &'a Option<Reference>) -> Result<&'a str, String> {
    let reference = reference.as_ref().ok_or_else(|| format!("{name} does not say what it holds"))?;
    Ok(&reference.shape)
}
