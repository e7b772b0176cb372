//! Which generated file a shape lives in.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Model;
use super::patches::Patches;

/// The file of shapes that several families use.
pub const SHARED: &str = "shared";

/// Shapes by file, and what the typed API needs to know about each.
#[derive(Debug)]
pub struct Families {
    /// File of each typed shape (structures and enums).
    home: BTreeMap<String, String>,
    /// Shapes that an input uses; optional enum members of these may hold the empty string.
    inputs: BTreeSet<String>,
    /// Structures that hold a secret document somewhere and so cannot be serialised.
    sealed: BTreeSet<String>,
}

impl Families {
    /// Follows every operation's input and output.
    pub fn of(model: &Model, patches: &Patches) -> Result<Self, String> {
        let mut families: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut inputs = BTreeSet::new();
        for family in &patches.families {
            for name in &family.operations {
                let operation =
                    model.operations.get(name).ok_or_else(|| format!("the model has no operation {name}"))?;
                let mut used = BTreeSet::new();
                typed(model, patches, &operation.input.shape, &mut used)?;
                inputs.extend(used.iter().cloned());
                typed(model, patches, &operation.output.shape, &mut used)?;
                for shape in used {
                    families.entry(shape).or_default().insert(family.name.clone());
                }
            }
        }
        let home = families
            .into_iter()
            .map(|(shape, mut users)| {
                let first = users.pop_first().expect("a shape is listed by the family that uses it");
                let file = if users.is_empty() { first } else { SHARED.to_owned() };
                (shape, file)
            })
            .collect::<BTreeMap<_, _>>();
        let mut sealed = BTreeSet::new();
        for shape in home.keys() {
            if holds_secret_document(model, patches, shape)? {
                sealed.insert(shape.clone());
            }
        }
        Ok(Self { home, inputs, sealed })
    }

    /// Every file of shapes, in a stable order.
    pub fn files(&self) -> BTreeSet<&str> {
        self.home.values().map(String::as_str).collect()
    }

    /// The file of a typed shape.
    pub fn home(&self, shape: &str) -> Result<&str, String> {
        self.home.get(shape).map(String::as_str).ok_or_else(|| format!("{shape} is used by no operation"))
    }

    /// Whether an input uses the shape.
    pub fn is_input(&self, shape: &str) -> bool {
        self.inputs.contains(shape)
    }

    /// Whether the shape cannot be serialised.
    pub fn is_sealed(&self, shape: &str) -> bool {
        self.sealed.contains(shape)
    }
}

/// Collects the structures and enums under `name`, stopping at documents.
fn typed(model: &Model, patches: &Patches, name: &str, found: &mut BTreeSet<String>) -> Result<(), String> {
    let shape = model.shape(name)?;
    if patches.document(name).is_some() || found.contains(name) {
        return Ok(());
    }
    if shape.kind == "structure" || shape.is_enum() {
        found.insert(name.to_owned());
    }
    for reference in shape.references() {
        typed(model, patches, &reference.shape, found)?;
    }
    Ok(())
}

fn holds_secret_document(model: &Model, patches: &Patches, name: &str) -> Result<bool, String> {
    if let Some(document) = patches.document(name) {
        return Ok(document == super::patches::DocumentKind::Secret);
    }
    for reference in model.shape(name)?.references() {
        if holds_secret_document(model, patches, &reference.shape)? {
            return Ok(true);
        }
    }
    Ok(false)
}
