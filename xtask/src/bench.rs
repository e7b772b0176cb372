//! `cargo xtask bench`: builds what is measured and what measures, and runs it.

use std::path::Path;

use crate::test::install;
use crate::test::tools::{Tools, cargo};

/// How the command is called.
pub const USAGE: &str = "bench [--quick] [--only start,control,flow,delay,empty,files]";

/// Runs the bench. A whole run writes its figures to `bench/results.md` and `bench/results.json`; one with arguments
/// only shows them.
///
/// # Errors
/// Why there are no figures. A goal that is missed is a figure, and no error.
pub fn run(root: &Path, arguments: &[String]) -> Result<String, String> {
    let tools = Tools::new(root);
    install::for_bench(&tools)?;
    // One after the other: built together, the server would get the features that the bench asks for.
    for package in ["tidegate-server", "tidegate-bench"] {
        cargo(&tools, &["build", "--release", "--locked", "--package", package, "--bins"]).run()?;
    }
    // Beside the server, whose features it then has: alone, DataFusion would be built once more.
    let bare =
        ["--package", "tidegate-server", "--package", "tidegate-engine", "--example", "bare_datafusion"];
    cargo(&tools, &[&["build", "--release", "--locked"][..], &bare].concat()).run()?;
    let release = tools.target.join("release");
    let mut bench = tools.command(release.join("tidegate-bench")).env("PATH", tools.path());
    for (option, value) in [
        ("--tidegate", release.join("tidegate")),
        ("--python", tools.python()),
        ("--bare", release.join("examples/bare_datafusion")),
        ("--work", tools.target.join("bench")),
    ] {
        bench = bench.args([option.as_ref(), value.as_os_str()]);
    }
    if arguments.is_empty() {
        bench = bench.args(["--out", "bench"]);
    }
    bench.args(arguments).run()?;
    Ok("bench: every result was right".to_owned())
}
