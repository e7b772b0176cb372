//! Every rule, broken on purpose.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{dependencies, files};

const GOOD: &str = "//! A module.\n\nfn f() {}\n";

/// The findings of a tree of files, as text.
fn found(tree: &[(&str, &str)]) -> Vec<String> {
    let tree: BTreeMap<String, String> =
        tree.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    files::check(&tree).iter().map(ToString::to_string).collect()
}

/// Expects exactly one finding, with a piece of text in it.
fn check_one(tree: &[(&str, &str)], piece: &str) {
    let found = found(tree);
    assert!(found.len() == 1 && found[0].contains(piece), "{piece:?} in {found:?}");
}

#[test]
fn a_good_tree_passes() {
    let tree = [
        ("crates/core/src/lib.rs", "// Written by codegen::types.\n#![allow(x)]\n\n//! Good.\n"),
        ("crates/connectors/src/slack/connector.yaml", "a: 1\n"),
        ("crates/connectors/src/slack/mod.rs", GOOD),
        ("crates/connectors/src/kit/mod.rs", GOOD),
        ("docs/x.md", concat!("Rust has `todo", "!()`.\n")),
    ];
    assert_eq!(found(&tree), Vec::<String>::new());
}

#[test]
fn a_long_file_is_found_unless_it_is_generated() {
    for name in ["a.rs", "conformance/a.py", "console/a.ts", "console/a.tsx", "peers/a.js"] {
        let text = format!("//! Long.\n{}", "x\n".repeat(600));
        check_one(&[(name, &text)], "601 lines");
    }
    let text = format!("//! Long.\n{}", "x\n".repeat(600));
    assert!(found(&[("crates/wire/src/generated/flow.rs", &text), ("a/generated.rs", &text)]).is_empty());
    check_one(&[("a/generated_by_hand.rs", &text)], "601 lines");
    let text = format!("//! At the limit.\n{}", "x\n".repeat(599));
    assert!(found(&[("a.rs", &text)]).is_empty());
}

#[test]
fn a_module_without_its_line_is_found() {
    check_one(&[("a.rs", "fn f() {}\n")], "no `//!` line");
    check_one(&[("a.rs", "")], "no `//!` line");
    check_one(&[("a.rs", "//!\nfn f() {}\n")], "no `//!` line");
    check_one(&[("a.rs", "use x;\n//! Late.\n")], "no `//!` line");
}

#[test]
fn forbidden_words_are_found() {
    let outside = concat!("See ", "../", "shared/design.\n");
    check_one(&[("docs/a.md", outside)], "docs/a.md:1");
    for word in [
        concat!("todo", "!()"),
        concat!("unimplemented", "!()"),
        concat!("dbg", "!(x)"),
        concat!("#[", "ignore]"),
    ] {
        check_one(&[("a.rs", &format!("//! A.\n\n{word}\n"))], "a.rs:3");
    }
}

#[test]
fn white_space_at_the_end_of_a_line_is_found() {
    check_one(&[("a.rs", "//! A.\nfn f() {} \n")], "a.rs:2: white space");
    check_one(&[("a.md", "text\t\n")], "a.md:1: white space");
}

#[test]
fn a_connector_without_its_description_is_found() {
    check_one(&[("crates/connectors/src/slack/mod.rs", GOOD)], "crates/connectors/src/slack: ");
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_tree_is_read_without_what_is_not_ours() {
    let folder = Folder(std::env::temp_dir().join(format!("tidegate-tidy-{}", std::process::id())));
    let put = |path: &str| {
        let path = folder.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a temporary folder");
        std::fs::write(path, "bad \n").expect("a temporary file");
    };
    let ours = [".config/x.toml", "a.rs", "peers/sap/server.js"];
    let others = ["target/a.rs", "peers/sap/node_modules/x/a.js", ".git/a.md", "a.png", "t/__pycache__/a.py"];
    ours.iter().chain(&others).for_each(|path| put(path));
    let tree = files::read(&folder.0).expect("a readable folder");
    assert_eq!(tree.keys().map(String::as_str).collect::<Vec<_>>(), ours);
    // The text that was read is the text that is checked.
    assert_eq!(files::check(&tree).len(), 4);
}

// Packages.

fn ours(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
    let dependencies: Vec<Value> =
        dependencies.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
    json!({ "name": name, "version": "0.1.0", "source": null, "dependencies": dependencies })
}

fn theirs(name: &str, version: &str) -> Value {
    json!({ "name": name, "version": version, "source": "registry", "dependencies": [{ "name": "sqlx", "kind": null }] })
}

fn packages(packages: &[Value]) -> Vec<String> {
    dependencies::check(&json!({ "packages": packages })).iter().map(ToString::to_string).collect()
}

fn check_package(package: Value, piece: &str) {
    let found = packages(&[package]);
    assert!(found.len() == 1 && found[0].contains(piece), "{piece:?} in {found:?}");
}

#[test]
fn good_packages_pass() {
    let found = packages(&[
        ours("tidegate-core", &[("serde", None)]),
        ours("tidegate-wire", &[("tidegate-core", None)]),
        ours("tidegate-engine", &[("tidegate-core", None), ("datafusion", None), ("datafusion-expr", None)]),
        ours("tidegate-store", &[("sqlx", None), ("sqlx", Some("dev"))]),
        ours(
            "tidegate-server",
            &[("tidegate-store", None), ("tidegate-engine", None), ("datafusion", Some("dev"))],
        ),
        theirs("arrow", "59.0.0"),
        theirs("tokio", "1.0.0"),
        theirs("syn", "1.0.0"),
        theirs("syn", "2.0.0"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_dependency_against_the_direction_is_found() {
    check_package(ours("tidegate-core", &[("tidegate-wire", None)]), "may see none of ours");
    check_package(ours("tidegate-wire", &[("tidegate-store", None)]), "depends on tidegate-store");
    check_package(ours("tidegate-engine", &[("tidegate-connectors", Some("dev"))]), "but may see core");
    check_package(ours("tidegate-store", &[("tidegate-server", None)]), "tidegate-server");
    check_package(ours("tidegate-novelty", &[]), "is not in the table");
}

#[test]
fn a_crate_that_belongs_to_another_package_is_found() {
    check_package(ours("tidegate-server", &[("datafusion", None)]), "only tidegate-engine may");
    check_package(
        ours("tidegate-connectors", &[("datafusion-common", Some("build"))]),
        "only tidegate-engine may",
    );
    check_package(ours("tidegate-server", &[("sqlx", Some("dev"))]), "only tidegate-store may");
}

#[test]
fn a_second_version_is_found() {
    for name in
        ["arrow", "parquet", "datafusion", "object_store", "sqlx", "tokio", "hyper", "reqwest", "rustls"]
    {
        let found = packages(&[theirs(name, "1.0.0"), theirs(name, "2.0.0")]);
        assert!(found.len() == 1 && found[0].contains("1.0.0 and 2.0.0"), "{found:?}");
    }
}

#[test]
fn another_tls_is_found() {
    for name in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
        check_package(theirs(name, "1.0.0"), "is not wanted");
    }
}

#[test]
fn points_that_are_no_longer_hidden_are_found() {
    let fail = |optional: bool| json!({"name": "fail", "kind": null, "optional": optional, "features": ["failpoints"]});
    let package = |name: &str, dependencies: Value, features: Value| json!({"name": name, "version": "0.1.0", "source": null, "dependencies": dependencies, "features": features});
    let hidden = json!({"failpoints": ["dep:fail"]});
    assert_eq!(
        packages(&[package("tidegate-core", json!([fail(true)]), hidden.clone())]),
        Vec::<String>::new()
    );
    check_package(package("tidegate-core", json!([fail(false)]), json!({})), "as optional");
    check_package(package("tidegate-server", json!([fail(true)]), hidden), "only tidegate-core may");
    let core =
        json!([{"name": "tidegate-core", "kind": null, "optional": false, "features": ["failpoints"]}]);
    check_package(package("tidegate-server", core, json!({})), "asks for failpoints always");
    for asked in ["failpoints", "dep:fail", "tidegate-core/failpoints"] {
        check_package(
            package("tidegate-server", json!([]), json!({"default": [asked]})),
            "its feature default",
        );
    }
}
