//! What the demo prints.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use tidegate_core::Secret;

use super::{ADMINISTRATOR, say};
use crate::cli::key::text;
use crate::cli::{Failure, output};

/// Rows of the result that are shown.
const ROWS: usize = 5;

/// The width of the progress bar, in characters.
const WIDTH: u64 = 40;

/// Announces a step.
pub fn step(number: u32, title: &str) {
    output::line(&format!("{}{number}. {title}", if number == 1 { "" } else { "\n" }));
}

/// Prints a connection as DescribeConnectorProfiles tells it.
pub fn connection(profile: &Value) {
    for (label, name) in
        [("name", "connectorProfileName"), ("ARN", "connectorProfileArn"), ("credentials", "credentialsArn")]
    {
        output::line(&format!("   {label:<12} {}", text(profile, name)));
    }
    output::line(&format!("   {:<12} {}", "properties", profile["connectorProfileProperties"]["SAPOData"]));
}

/// Prints the entities and gives their names.
pub fn entities(answer: &Value) -> Vec<String> {
    let groups = answer["connectorEntityMap"].as_object().into_iter().flatten();
    let names: Vec<String> = groups
        .flat_map(|(_, entities)| entities.as_array().into_iter().flatten())
        .map(|entity| text(entity, "name"))
        .collect();
    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    output::line(&format!("   {}{}", shown.join(", "), if names.len() > 20 { ", …" } else { "" }));
    names
}

/// Prints an entity's fields.
pub fn fields(entity: &str, answer: &Value) {
    let fields = answer["connectorEntityFields"].as_array().cloned().unwrap_or_default();
    let shown: Vec<String> = fields
        .iter()
        .take(8)
        .map(|field| {
            format!(
                "{} {}",
                text(field, "identifier"),
                text(&field["supportedFieldTypeDetails"]["v1"], "fieldType")
            )
        })
        .collect();
    output::line(&format!("   {entity} has {} fields: {}, …", fields.len(), shown.join(", ")));
}

/// Prints the first rows of a Parquet file.
///
/// # Errors
/// A file that cannot be read.
pub fn rows(file: &Path) -> Result<(), Failure> {
    let head = tidegate_engine::parquet_head(file, ROWS)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))?;
    let headings: Vec<&str> = head.columns.iter().map(String::as_str).collect();
    output::table(&headings, &head.rows);
    Ok(())
}

/// A progress bar: drawn over itself on a terminal, and left out elsewhere.
pub struct Bar {
    expected: Option<u64>,
    terminal: bool,
    begun: Instant,
    last: u64,
}

impl Bar {
    /// A bar for so many records, if that is known.
    pub fn new(expected: Option<u64>) -> Self {
        Self { expected, terminal: std::io::stdout().is_terminal(), begun: Instant::now(), last: 0 }
    }

    /// Draws how far it is.
    pub fn draw(&mut self, records: u64) {
        self.last = records;
        if self.terminal {
            say(&format!("\r{}", self.text()));
        }
    }

    /// Ends the line.
    pub fn finish(&self) {
        if self.terminal {
            say(&format!("\r{}\n", self.text()));
        } else {
            output::line(&self.text());
        }
    }

    fn text(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        let records = grouped(self.last);
        match self.expected.filter(|expected| *expected > 0) {
            Some(expected) => {
                let filled = (self.last.min(expected) * WIDTH / expected) as usize;
                let bar = "█".repeat(filled) + &"░".repeat(WIDTH as usize - filled);
                format!("   {bar} {records} of {} records  {seconds:.1} s", grouped(expected))
            }
            None => format!("   {records} records  {seconds:.1} s"),
        }
    }
}

/// Prints where the console is, and who may sign in: the only place that shows the password.
pub fn console(url: &str, password: Option<&Secret<String>>) {
    output::line(&format!("\nThe console is at {url}/"));
    output::line(&format!("   user name  {ADMINISTRATOR}"));
    match password {
        Some(password) => output::line(&format!("   password   {}  (shown this once)", password.expose())),
        None => output::line("   password   the one that was shown when the user was made"),
    }
}

/// Prints how to reach the server that stays up.
pub fn exports(url: &str, region: &str, folder: &Path) {
    let credentials = folder.join("data/credentials");
    output::line("\nThe server stays up until Ctrl-C. In another terminal:\n");
    output::line(&format!("   export AWS_ENDPOINT_URL_APPFLOW={url}"));
    // The AWS CLI reads one or the other name, depending on its version.
    output::line(&format!("   export AWS_REGION={region} AWS_DEFAULT_REGION={region}"));
    output::line(&format!("   export AWS_SHARED_CREDENTIALS_FILE={}", credentials.display()));
    output::line("   aws appflow describe-connector-profiles");
}

/// Prints what to try next.
pub fn next(folder: &Path) {
    output::line("\nTry next:");
    output::line(
        "   tidegate demo --keep                       the same, and the server stays up for the AWS CLI",
    );
    output::line("   tidegate demo --sap URL --user U           the same against your own SAP");
    output::line("   tidegate serve --data-dir ./tidegate-data  a server to keep");
    output::line(&format!("   {}", format_args!("less {}", folder.join("server.log").display())));
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as MiB.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// The most memory that this process has had resident, in MiB.
pub fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0);
    mebibytes(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (336_776, "336,776"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        let mut bar = Bar { expected: Some(200), terminal: false, begun: Instant::now(), last: 0 };
        bar.draw(100);
        assert_eq!(bar.text().matches('█').count(), 20);
        bar.draw(500);
        assert_eq!(bar.text().matches('█').count(), 40);
        assert!(peak_mebibytes() > 1.0);
    }
}
