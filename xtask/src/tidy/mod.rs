//! `cargo xtask tidy`: the budgets and the dependency direction of ARCHITECTURE.md, checked.

mod dependencies;
mod files;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A broken rule and where.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// `path`, `path:line`, or a package.
    place: String,
    /// What is wrong and what to do.
    text: String,
}

impl Finding {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Checks the workspace and gives the line that says so.
///
/// # Errors
/// Every finding, one a line.
pub fn run(root: &Path) -> Result<String, String> {
    let tree = files::read(root)?;
    let mut findings = files::check(&tree);
    findings.extend(dependencies::check(&metadata(root)?));
    if findings.is_empty() {
        return Ok(format!("tidy: {} files keep every rule", tree.len()));
    }
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(format!("tidy found {}:\n{}", findings.len(), lines.join("\n")))
}

fn metadata(root: &Path) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata is not JSON: {error}"))
}
