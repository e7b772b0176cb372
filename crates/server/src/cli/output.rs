//! What commands print: tables for people, JSON for programs, errors for both.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

/// Why a command failed: one sentence on stderr and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The same failure with another exit code.
    pub const fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The same failure with a further line.
    pub fn with_line(mut self, line: &str) -> Self {
        self.message = format!("{}\n{line}", self.message);
        self
    }

    /// Prints it and gives the exit code.
    pub fn report(self) -> ExitCode {
        let _ = writeln!(std::io::stderr(), "tidegate: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// `--output`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// A table for people.
    #[default]
    Table,
    /// The API's answer.
    Json,
}

/// Prints one line on stdout. A closed pipe is not an error worth reporting.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints an answer as JSON.
pub fn json(value: &Value) {
    line(&serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()));
}

/// Prints rows under headings, each column as wide as its widest cell.
pub fn table(headings: &[&str], rows: &[Vec<String>]) {
    for text in render_table(headings, rows) {
        line(&text);
    }
}

fn render_table(headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .chain([headings[column].chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let render = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(render(headings.to_vec()))
        .chain(rows.iter().map(|row| render(row.iter().map(String::as_str).collect())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let rows =
            vec![vec!["a".to_owned(), "long cell".to_owned()], vec!["größer".to_owned(), "x".to_owned()]];
        assert_eq!(render_table(&["NAME", "B"], &rows), ["NAME    B", "a       long cell", "größer  x"]);
    }
}
