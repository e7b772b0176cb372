//! Child processes, and where the tools lie.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::report::Count;

/// The workspace and the folders that the tests use.
pub(crate) struct Tools {
    /// The workspace.
    pub root: PathBuf,
    /// Cargo's target folder; the virtual environment and the tools lie in it as well.
    pub target: PathBuf,
}

impl Tools {
    /// The tools of a workspace; `CARGO_TARGET_DIR` moves the target folder.
    pub(crate) fn new(root: &Path) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self { root: root.to_owned(), target: root.join(target) }
    }

    /// The Python of the virtual environment.
    pub(crate) fn python(&self) -> PathBuf {
        self.target.join("venv/bin/python")
    }

    /// `PATH` with the virtual environment's and the installed tools' programs first.
    pub(crate) fn path(&self) -> OsString {
        let mut path = self.target.join("venv/bin").into_os_string();
        path.push(":");
        path.push(self.target.join("tools/bin"));
        if let Some(old) = std::env::var_os("PATH") {
            path.push(":");
            path.push(old);
        }
        path
    }

    /// A command in the workspace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Run {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        Run(command)
    }
}

/// A cargo command, by the cargo that runs this.
///
/// `cargo run` tells a program about its package by variables, and the build script of `ring` asks to be run again
/// when those change: left in place, they would make every build from here undo the ones from the command line, and
/// the other way round.
pub(crate) fn cargo(tools: &Tools, arguments: &[&str]) -> Run {
    let mut run = tools.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            run.0.env_remove(&name);
        }
    }
    run
}

/// Writes a line to stdout; a closed pipe is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A command that is about to run.
pub(crate) struct Run(Command);

impl Run {
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, path: &Path) -> Self {
        self.0.current_dir(path);
        self
    }

    /// Runs it with its output shown.
    pub(crate) fn run(mut self) -> Result<(), String> {
        say(&format!("$ {}", self.line()));
        let status = self.0.status().map_err(|error| self.failed(&error.to_string()))?;
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string())) }
    }

    /// Runs it quietly and gives what it wrote to stdout.
    pub(crate) fn output(mut self) -> Result<String, String> {
        let output = self.0.output().map_err(|error| self.failed(&error.to_string()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(&format!("{}: {}", output.status, text.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs it with its output shown, and reads from the output how many tests passed and failed.
    pub(super) fn counted(mut self) -> Result<Count, String> {
        say(&format!("$ {}", self.line()));
        self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().map_err(|error| self.failed(&error.to_string()))?;
        let stderr = child.stderr.take().map(|stream| thread::spawn(move || echo(stream)));
        let mut count = child.stdout.take().map_or_else(Count::default, echo);
        if let Some(other) = stderr.and_then(|thread| thread.join().ok()) {
            count.add(other);
        }
        let status = child.wait().map_err(|error| self.failed(&error.to_string()))?;
        if status.success() && count.failed == 0 && count.passed > 0 {
            return Ok(count);
        }
        let why =
            if status.success() && count.passed == 0 { "no test ran".to_owned() } else { status.to_string() };
        // A run that broke off before it counted has failed at least once.
        count.failed = count.failed.max(1);
        count.reason = Some(self.failed(&why));
        Ok(count)
    }

    fn failed(&self, why: &str) -> String {
        format!("`{}`: {why}", self.line())
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        let name = |word: &OsStr| word.to_string_lossy().into_owned();
        let mut words: Vec<String> = words.map(name).collect();
        if let Some(program) = words.first_mut() {
            *program = program.rsplit('/').next().unwrap_or_default().to_owned();
        }
        words.join(" ")
    }
}

fn echo(stream: impl std::io::Read) -> Count {
    let mut count = Count::default();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        say(line.trim_end());
        if let Some(found) = Count::read(&line) {
            count = found;
        }
    }
    count
}
