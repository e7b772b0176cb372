//! `cargo xtask test`: installs what the tests need and runs everything, on one build.

pub(crate) mod install;
mod report;
pub(crate) mod tools;

use std::path::Path;

use report::Report;
use tools::{Tools, cargo};

/// How the command is called.
pub const USAGE: &str = "test [--quick]";

/// The named points at which the tests of crashes end the process. Tidy sees to it that nothing else asks for them.
const POINTS: &str = "--features=tidegate-server/failpoints";

/// Runs all steps and gives the last line, `N passed, N failed`.
///
/// `--quick` leaves out what needs Python, Node and a browser. Every step runs, whatever became of the ones before it,
/// except for those that need what could not be built or installed.
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
    // With what was installed the console is part of the binary, or the build fails; all steps agree, so that none
    // undoes another's build.
    let whole = !quick && !report.has_failed("install");
    let cargo = |arguments: &[&str]| {
        let run = cargo(&tools, arguments);
        if whole { run.env("TIDEGATE_CONSOLE", "on").env("PATH", tools.path()) } else { run }
    };
    report.step("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", POINTS, "--", "-D", "warnings"]).run()
    });
    // Everything that follows shares this build: the same targets with the same features.
    report.step("build", || cargo(&["build", "--workspace", "--bins", "--tests", "--locked", POINTS]).run());
    let outside: [(&str, Outside); 3] =
        [("console", console), ("conformance", conformance), ("browser", browser)];
    if report.has_failed("build") {
        report.skip("tests");
        outside.iter().for_each(|(name, _)| report.skip(name));
        return report.end();
    }
    report.count("tests", || {
        let tests =
            cargo(&["nextest", "run", "--workspace", "--bins", "--lib", "--tests", "--locked", POINTS]);
        // The engine's tests of an S3 endpoint start this program; `--quick` leaves them out.
        if whole { tests.env("TIDEGATE_S3S_FS", "s3s-fs") } else { tests }.counted()
    });
    for (name, run) in outside.iter().filter(|_| !quick) {
        if whole {
            report.count(name, || run(&tools));
        } else {
            report.skip(name);
        }
    }
    report.end()
}

/// A step outside of cargo that counts its tests.
type Outside = fn(&Tools) -> Result<report::Count, String>;

/// The console's types, its own tests, and the sizes of what was built.
fn console(tools: &Tools) -> Result<report::Count, String> {
    let run = |script: &str, folder: &str| {
        let npm = tools.command("npm").env("PATH", tools.path()).args(["run", "--silent", script]);
        npm.folder(&tools.root.join(folder))
    };
    run("check", "console").run()?;
    run("check", "console/e2e").run()?;
    run("build", "console").run()?;
    run("budget", "console").run()?;
    run("test", "console").counted()
}

/// The console in a browser, on the binary that was built.
fn browser(tools: &Tools) -> Result<report::Count, String> {
    tools
        .command("npm")
        .args(["run", "--silent", "test"])
        .env("TIDEGATE_BIN", tools.target.join("debug/tidegate"))
        .env("PATH", tools.path())
        .folder(&tools.root.join("console/e2e"))
        .counted()
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
