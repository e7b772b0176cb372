//! The botocore-style model of the API as the generator reads it.

use indexmap::IndexMap;
use serde::Deserialize;

/// The whole model. Order is the file's, so that generated text is stable.
#[derive(Debug, Deserialize)]
pub struct Model {
    pub operations: IndexMap<String, Operation>,
    pub shapes: IndexMap<String, Shape>,
}

/// One operation of the API.
#[derive(Debug, Deserialize)]
pub struct Operation {
    pub http: Http,
    pub input: Reference,
    pub output: Reference,
    #[serde(default)]
    pub errors: Vec<Reference>,
}

/// Where an operation lives.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    pub method: String,
    pub request_uri: String,
}

/// A use of a shape, with what the use adds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    pub shape: String,
    pub location: Option<String>,
    pub location_name: Option<String>,
}

/// A named shape. The type word decides which of the other fields mean something.
#[derive(Debug, Deserialize)]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub members: IndexMap<String, Reference>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Reference>,
    pub key: Option<Reference>,
    pub value: Option<Reference>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    #[serde(rename = "enum", default)]
    pub values: Vec<String>,
    #[serde(default)]
    pub sensitive: bool,
    #[serde(default)]
    pub exception: bool,
    pub error: Option<ErrorInfo>,
}

/// How an exception shape travels.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    pub http_status_code: u16,
}

impl Model {
    /// The shape of this name.
    pub fn shape(&self, name: &str) -> Result<&Shape, String> {
        self.shapes.get(name).ok_or_else(|| format!("the model has no shape {name}"))
    }

    /// Names of every shape that `root` uses, itself included, in the order of first use.
    pub fn reachable(&self, root: &str) -> Result<Vec<&str>, String> {
        let mut found = Vec::new();
        self.walk(root, &mut found)?;
        Ok(found)
    }

    fn walk<'a>(&'a self, name: &str, found: &mut Vec<&'a str>) -> Result<(), String> {
        let (name, shape) =
            self.shapes.get_key_value(name).ok_or_else(|| format!("the model has no shape {name}"))?;
        if found.contains(&name.as_str()) {
            return Ok(());
        }
        found.push(name);
        for reference in shape.references() {
            self.walk(&reference.shape, found)?;
        }
        Ok(())
    }
}

impl Shape {
    /// Every shape this one is made of.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.members.values().chain(self.member.iter()).chain(self.key.iter()).chain(self.value.iter())
    }

    /// Whether the shape is a string with a closed list of values.
    pub fn is_enum(&self) -> bool {
        self.kind == "string" && !self.values.is_empty()
    }
}
