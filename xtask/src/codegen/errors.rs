//! The kinds of error: the model's exceptions and those of the layer in front of every operation.

use super::model::Model;
use super::naming;
use super::patches::Patches;

/// The text of the kinds' file.
pub fn file(model: &Model, patches: &Patches) -> Result<String, String> {
    let mut out = String::from(
        "crate::macros::error_kinds! {\n    /// A kind of error the API answers with: its name on the wire and its HTTP status.\n    pub enum ErrorKind {\n",
    );
    let mut kinds = Vec::new();
    for (name, shape) in model.shapes.iter().filter(|(_, shape)| shape.exception) {
        let status = shape.error.as_ref().ok_or_else(|| format!("{name} has no status"))?.http_status_code;
        kinds.push((name.as_str(), status, "Modelled exception of the service."));
    }
    for error in &patches.common_errors {
        kinds.push((&error.name, error.status, &error.reason));
    }
    kinds.sort_unstable();
    for (name, status, doc) in kinds {
        let variant = naming::error(name);
        out.push_str(&format!("        /// {doc}\n        {variant} = ({name:?}, {status}),\n"));
    }
    out.push_str("    }\n}\n");
    Ok(out)
}
