//! `cargo xtask test`: installs what the tests need and runs everything, on one build.

pub(crate) mod install;
mod report;
pub(crate) mod tools;

use std::path::Path;

use report::Report;
use tools::{Tools, cargo};

/// How the command is called.
pub const USAGE: &str = "test [--quick]";

/// Runs all steps and gives the last line, `N passed, N failed`.
///
/// `--quick` leaves out what needs Python and Node. Every step runs, whatever became of the ones before it, except
/// for those that need what could not be built or installed.
///
/// # Errors
/// The same line, when something failed.
pub fn run(root: &Path, arguments: &[String]) -> Result<String, String> {
    let quick = match arguments {
        [] => false,
        [only] if only == "--quick" => true,
        _ => return Err(format!("usage: cargo xtask {USAGE}")),
    };
    let tools = Tools::new(root);
    let mut report = Report::default();
    report.step("install", || install::run(&tools, quick));
    report.step("fmt", || cargo(&tools, &["fmt", "--all", "--check"]).run());
    report.step("tidy", || crate::tidy::run(root).map(|line| tools::say(&line)));
    report.step("codegen", || crate::codegen::run(&["--check".to_owned()]).map(|line| tools::say(&line)));
    report.step("clippy", || {
        cargo(&tools, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]).run()
    });
    // Tests and conformance share this build: the same targets with the same features.
    report.step("build", || cargo(&tools, &["build", "--workspace", "--bins", "--tests", "--locked"]).run());
    if report.has_failed("build") {
        report.skip("tests");
        report.skip("conformance");
        return report.end();
    }
    report.count("tests", || {
        let all = ["nextest", "run", "--workspace", "--bins", "--lib", "--tests", "--locked"];
        let tests = cargo(&tools, &all);
        // The engine's tests of an S3 endpoint start this program; `--quick` leaves them out.
        let tests =
            if quick { tests } else { tests.env("TIDEGATE_S3S_FS", "s3s-fs").env("PATH", tools.path()) };
        tests.counted()
    });
    if !quick {
        if report.has_failed("install") {
            report.skip("conformance");
        } else {
            report.count("conformance", || conformance(&tools));
        }
    }
    report.end()
}

fn conformance(tools: &Tools) -> Result<report::Count, String> {
    tools
        .command(tools.python())
        .args([
            "-m",
            "pytest",
            "-c",
            "conformance/pytest.ini",
            "--rootdir",
            "conformance",
            "conformance/tests",
        ])
        .env("TIDEGATE_BIN", tools.target.join("debug/tidegate"))
        .env("PATH", tools.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .counted()
}
