//! Our deviations from the model, read from `spec/patches.json`, and how they are laid over it.

use serde::Deserialize;

use super::model::Model;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patches {
    about: String,
    pub secrets: Vec<Secrets>,
    pub empty_optional_strings: EmptyOptionalStrings,
    pub patterns: Vec<Pattern>,
    pub outputs: Outputs,
    pub enums: Enums,
    pub documents: Vec<Document>,
    pub operation_errors: Vec<OperationErrors>,
    pub common_errors: Vec<CommonError>,
    pub families: Vec<Family>,
}

/// Shapes and members (`Shape$member`) that are secret though the model does not say so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    #[serde(default)]
    pub shapes: Vec<String>,
    #[serde(default)]
    pub members: Vec<String>,
    reason: String,
}

/// Whether an empty string in an optional member is validated.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmptyOptionalStrings {
    pub count_as_absent: bool,
    reason: String,
}

/// Another pattern for a shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    pub shape: String,
    pub pattern: String,
    reason: String,
}

/// What becomes of the constraints of output shapes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outputs {
    pub enforce_constraints: bool,
    reason: String,
}

/// What becomes of values outside an enum.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enums {
    pub closed_on_input: bool,
    reason: String,
}

/// A shape that is one JSON document in the typed API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub shape: String,
    pub rust: DocumentKind,
    reason: String,
}

/// How a document is held.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum DocumentKind {
    /// `Secret<Value>`: cannot be printed or serialised.
    Secret,
    /// A plain `Value`.
    Value,
}

/// Errors an operation answers with although it does not declare them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationErrors {
    pub operations: Vec<String>,
    pub errors: Vec<String>,
    reason: String,
}

/// An error of the layer in front of every operation; the model knows none of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonError {
    pub name: String,
    pub status: u16,
    pub reason: String,
}

/// A group of operations whose shapes share a generated file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub name: String,
    pub operations: Vec<String>,
}

impl Patches {
    /// Lays the patches over the model. A patch that names nothing in the model is an error, so that none outlives its cause.
    pub fn apply(&self, model: &mut Model) -> Result<(), String> {
        self.check()?;
        for name in self.secrets.iter().flat_map(|patch| &patch.shapes) {
            let shape = shape_mut(model, name)?;
            if shape.sensitive {
                return Err(format!("{name} is sensitive in the model; its patch is not needed"));
            }
            shape.sensitive = true;
        }
        for patch in &self.patterns {
            shape_mut(model, &patch.shape)?.pattern = Some(patch.pattern.clone());
        }
        for document in &self.documents {
            model.shape(&document.shape)?;
        }
        for member in self.secrets.iter().flat_map(|patch| &patch.members) {
            let (shape, name) =
                member.split_once('$').ok_or_else(|| format!("{member} must read Shape$member"))?;
            if !model.shape(shape)?.members.contains_key(name) {
                return Err(format!("the model has no member {member}"));
            }
        }
        for patch in &self.operation_errors {
            for operation in &patch.operations {
                let operation = model
                    .operations
                    .get_mut(operation)
                    .ok_or_else(|| format!("the model has no operation {operation}"))?;
                for error in &patch.errors {
                    operation.errors.push(super::model::Reference {
                        shape: error.clone(),
                        location: None,
                        location_name: None,
                    });
                }
            }
        }
        for operation in model.operations.keys() {
            let homes = self.families.iter().filter(|family| family.operations.contains(operation));
            if homes.count() != 1 {
                return Err(format!("{operation} must be in exactly one family"));
            }
        }
        Ok(())
    }

    /// Whether the patches make this member secret.
    pub fn is_secret_member(&self, shape: &str, member: &str) -> bool {
        let path = format!("{shape}${member}");
        self.secrets.iter().any(|patch| patch.members.contains(&path))
    }

    /// How the shape is held when it is a document.
    pub fn document(&self, shape: &str) -> Option<DocumentKind> {
        let document = self.documents.iter().find(|document| document.shape == shape)?;
        Some(document.rust)
    }

    fn check(&self) -> Result<(), String> {
        let reasons =
            [&self.about, &self.empty_optional_strings.reason, &self.outputs.reason, &self.enums.reason]
                .into_iter()
                .chain(self.secrets.iter().map(|patch| &patch.reason))
                .chain(self.patterns.iter().map(|patch| &patch.reason))
                .chain(self.documents.iter().map(|patch| &patch.reason))
                .chain(self.operation_errors.iter().map(|patch| &patch.reason))
                .chain(self.common_errors.iter().map(|patch| &patch.reason));
        if reasons.into_iter().any(|reason| reason.trim().is_empty()) {
            return Err("every patch needs a reason".to_owned());
        }
        if self.outputs.enforce_constraints || !self.enums.closed_on_input {
            return Err("the wire crate knows only unchecked outputs and closed input enums".to_owned());
        }
        Ok(())
    }
}

fn shape_mut<'a>(model: &'a mut Model, name: &str) -> Result<&'a mut super::model::Shape, String> {
    model.shapes.get_mut(name).ok_or_else(|| format!("the model has no shape {name}"))
}
