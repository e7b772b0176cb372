//! Rules about packages: who may see whom, who may name what, and what may be there only once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;

const PREFIX: &str = "tidegate-";

/// Which packages of ours each one may depend on, in any way. This is the picture in ARCHITECTURE.md.
const DIRECTION: [(&str, &[&str]); 10] = [
    ("core", &[]),
    ("wire", &["core"]),
    ("connectors", &["core"]),
    ("engine", &["core"]),
    ("store", &["core"]),
    ("s3-gateway", &["core"]),
    // Files without meaning to anybody but a browser.
    ("console", &[]),
    ("server", &["wire", "core", "connectors", "engine", "store", "s3-gateway", "console"]),
    ("xtask", &[]),
    // It sees the binary alone, and that from outside.
    ("bench", &[]),
];

/// Crates that only one of our packages may name; the flag allows them to tests of the others.
const OWNED: [(&str, &str, bool); 3] =
    [("datafusion", "engine", true), ("sqlx", "store", false), ("rusqlite", "store", false)];

/// Crates of which a second version costs minutes of build time, or types that do not fit together.
const ONCE: [&str; 9] =
    ["arrow", "parquet", "datafusion", "object_store", "sqlx", "tokio", "hyper", "reqwest", "rustls"];

/// Crates that may not be there: one TLS, one crypto library, both without C toolchains of their own.
const NEVER: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

/// The crate of named points, who may name it, and the feature that it hides behind.
const POINTS: (&str, &str, &str) = ("fail", "tidegate-core", "failpoints");

/// Checks what `cargo metadata` says.
pub(super) fn check(metadata: &Value) -> Vec<Finding> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let mut findings = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let name = text(package, "name");
        versions.entry(name).or_default().insert(text(package, "version"));
        // A package without a source lies in this workspace.
        if package["source"].is_null() {
            check_ours(name, package, &mut findings);
            check_points(name, package, &mut findings);
        }
    }
    for name in ONCE {
        if let Some(found) = versions.get(name).filter(|found| found.len() > 1) {
            let list = found.iter().copied().collect::<Vec<_>>().join(" and ");
            findings.push(Finding::new(
                name,
                format!("versions {list} are both built, one is the most: see `cargo tree -d -p {name}`"),
            ));
        }
    }
    for name in NEVER.iter().filter(|name| versions.contains_key(*name)) {
        findings.push(Finding::new(*name, format!("is not wanted here: see `cargo tree -i {name}`")));
    }
    findings
}

fn check_ours(name: &str, package: &Value, findings: &mut Vec<Finding>) {
    let short = name.strip_prefix(PREFIX).unwrap_or(name);
    let Some((_, allowed)) = DIRECTION.iter().find(|(package, _)| *package == short) else {
        findings.push(Finding::new(name, "is not in the table of the dependency direction: add it to tidy"));
        return;
    };
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let to = text(dependency, "name");
        if let Some(ours) = to.strip_prefix(PREFIX)
            && !allowed.contains(&ours)
        {
            let may = if allowed.is_empty() { "none of ours".to_owned() } else { allowed.join(", ") };
            findings.push(Finding::new(name, format!("depends on {to}, but may see {may}")));
        }
        let for_tests = dependency["kind"] == "dev";
        for (family, owner, tests_may) in OWNED {
            let named = to == family || to.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
            if named && short != owner && !(for_tests && tests_may) {
                findings.push(Finding::new(name, format!("names {to}, but only {PREFIX}{owner} may")));
            }
        }
    }
}

/// Points at which the process ends are for tests: nothing may bring them into a build that does not ask for them.
fn check_points(name: &str, package: &Value, findings: &mut Vec<Finding>) {
    let (points, owner, feature) = POINTS;
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let hidden = dependency["optional"] == true && name == owner;
        if text(dependency, "name") == points && !hidden {
            findings
                .push(Finding::new(name, format!("names {points}, but only {owner} may, and as optional")));
        }
        let asks = dependency["features"].as_array().into_iter().flatten().any(|asked| asked == feature);
        if asks && text(dependency, "name").starts_with(PREFIX) {
            findings
                .push(Finding::new(name, format!("asks for {feature} always: only the tests' build may")));
        }
    }
    for (name_of_feature, asked) in package["features"].as_object().into_iter().flatten() {
        let asks = |asked: &Value| {
            let asked = asked.as_str().unwrap_or_default();
            asked.rsplit('/').next() == Some(feature) || asked == format!("dep:{points}")
        };
        if name_of_feature != feature && asked.as_array().into_iter().flatten().any(asks) {
            findings.push(Finding::new(
                name,
                format!("its feature {name_of_feature} asks for {feature}: only the tests' build may"),
            ));
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
