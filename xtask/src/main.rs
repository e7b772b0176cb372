//! Tasks of the workspace: `cargo xtask TASK`.

mod bench;
mod codegen;
mod test;
mod tidy;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let done = match args.split_first() {
        Some((task, rest)) if task == "codegen" => codegen::run(rest),
        Some((task, rest)) if task == "bench" => bench::run(root, rest),
        Some((task, [])) if task == "tidy" => tidy::run(root),
        // Its last line is the result, good or bad, and belongs on stdout.
        Some((task, rest)) if task == "test" => {
            let (line, code) = match test::run(root, rest) {
                Ok(line) => (line, ExitCode::SUCCESS),
                Err(line) => (line, ExitCode::FAILURE),
            };
            let _ = writeln!(std::io::stdout(), "{line}");
            return code;
        }
        _ => Err(format!("usage: cargo xtask codegen [--check] | tidy | {} | {}", test::USAGE, bench::USAGE)),
    };
    match done {
        Ok(line) => {
            // A closed pipe is no reason to fail.
            let _ = writeln!(std::io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
