//! The operation table.

use super::model::Model;
use super::naming;
use super::patches::Patches;

/// The text of the table's file.
pub fn file(model: &Model, patches: &Patches) -> Result<String, String> {
    let mut out = String::from(
        "use super::schema;\nuse crate::ErrorKind;\nuse crate::operation::Row;\n\ncrate::macros::operations! {\n    /// An operation of the API.\n    pub enum Operation {\n",
    );
    for (name, operation) in &model.operations {
        let http = &operation.http;
        out.push_str(&format!(
            "        /// `{name}`: `{} {}`.\n        {name},\n",
            http.method, http.request_uri
        ));
    }
    out.push_str(
        "    }\n}\n\n/// What the model says of each operation, in the order of [`Operation::ALL`].\n",
    );
    out.push_str("pub static ROWS: &[Row] = &[\n");
    for (name, operation) in &model.operations {
        let errors: Vec<_> = operation
            .errors
            .iter()
            .map(|error| format!("ErrorKind::{}", naming::error(&error.shape)))
            .collect();
        let family = patches
            .families
            .iter()
            .find(|family| family.operations.contains(name))
            .ok_or_else(|| format!("{name} is in no family"))?;
        out.push_str(&format!(
            "    Row {{ name: {name:?}, method: {:?}, uri: {:?}, family: {:?}, input: &schema::{}, output: &schema::{}, errors: &[{}] }},\n",
            operation.http.method,
            operation.http.request_uri,
            family.name,
            naming::constant(&operation.input.shape),
            naming::constant(&operation.output.shape),
            errors.join(", "),
        ));
    }
    out.push_str("];\n");
    Ok(out)
}
