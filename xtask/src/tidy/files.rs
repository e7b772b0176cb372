//! Rules about files: length, first line, forbidden words, a connector's folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::Finding;

/// The most lines a hand-written source file may have.
const MAX_LINES: usize = 600;

/// Folders that hold nothing we wrote.
const SKIPPED_FOLDERS: [&str; 8] = [
    ".git",
    "target",
    "node_modules",
    "dist",
    "__pycache__",
    "tidegate-demo",
    "tidegate-data",
    ".pytest_cache",
];

/// Text that is checked, by the ending of the name.
const TEXT: [&str; 14] =
    ["rs", "py", "ts", "tsx", "js", "cds", "md", "toml", "yaml", "yml", "sql", "sh", "html", "css"];

/// Source whose length is bounded, by the ending of the name.
const SOURCE: [&str; 5] = ["rs", "py", "ts", "tsx", "js"];

/// Folders beside the connectors that are none.
const NO_CONNECTORS: [&str; 3] = ["descriptions", "kit", "vended"];

/// Each word is put together here, so that this file does not hold it.
const FORBIDDEN: [(&str, &str); 5] = [
    (concat!("../", "shared"), "the project stands alone: state the fact instead of pointing outside"),
    (concat!("todo", "!("), "finish it, or answer with an error that says what is missing"),
    (concat!("unimplemented", "!("), "finish it, or answer with an error that says what is missing"),
    (concat!("dbg", "!("), "it was for finding a fault: take it out"),
    (concat!("#[", "ignore"), "a test that does not run protects nothing: fix it or delete it"),
];

/// The text files of a tree by their path, `/` between folders.
pub(super) fn read(root: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let kind =
                entry.file_type().map_err(|error| format!("cannot look at {}: {error}", path.display()))?;
            if kind.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            if !kind.is_file() || !TEXT.contains(&ending(&name)) {
                continue;
            }
            // Another program may have removed a file since it was listed.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.insert(relative, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(found)
}

/// Checks every file of a tree.
pub(super) fn check(tree: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree {
        check_file(path, text, &mut findings);
    }
    connector_folders(tree, &mut findings);
    findings
}

fn check_file(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if SOURCE.contains(&ending(path)) && !is_generated(path) && lines > MAX_LINES {
        findings.push(Finding::new(
            path,
            format!("{lines} lines, {MAX_LINES} are the most: split it by subject"),
        ));
    }
    if ending(path) == "rs" && !says_what_it_is(text) {
        findings
            .push(Finding::new(path, "no `//!` line at the top: say in one sentence what the module is for"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let place = || format!("{path}:{number}");
        if line.ends_with([' ', '\t']) {
            findings.push(Finding::new(place(), "white space at the end of the line"));
        }
        for (word, why) in FORBIDDEN {
            // Words of Rust are allowed where Rust is talked about.
            if line.contains(word) && (ending(path) == "rs" || word.starts_with("..")) {
                findings.push(Finding::new(place(), format!("`{word}` is not allowed: {why}")));
            }
        }
    }
}

/// Whether a module begins with `//!`; other comments and inner attributes may stand before it.
fn says_what_it_is(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .find(|line| {
            let comment = line.starts_with("//") && !line.starts_with("//!");
            !line.is_empty() && !comment && !line.starts_with("#!")
        })
        .is_some_and(|line| line.len() > 3 && line.starts_with("//!"))
}

/// Whether the file, or a folder it lies in, is named as generated.
fn is_generated(path: &str) -> bool {
    path.split('/').any(|part| part.split('.').next() == Some("generated"))
}

/// Every connector brings its description.
fn connector_folders(tree: &BTreeMap<String, String>, findings: &mut Vec<Finding>) {
    const BASE: &str = "crates/connectors/src/";
    let mut folders: Vec<&str> = tree
        .keys()
        .filter_map(|path| path.strip_prefix(BASE)?.split_once('/').map(|(folder, _)| folder))
        .filter(|folder| !NO_CONNECTORS.contains(folder))
        .collect();
    folders.dedup();
    for folder in folders {
        if !tree.contains_key(&format!("{BASE}{folder}/connector.yaml")) {
            let text = "a connector's folder without connector.yaml: describe the connector there";
            findings.push(Finding::new(format!("{BASE}{folder}"), text));
        }
    }
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}
