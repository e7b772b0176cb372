//! `tidegate flow deliver`: delivers the lines of a file to an event flow.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::client::{CallError, Client, ClientArgs};
use super::super::output::{self, Output};

/// What one request takes: the server allows as many events and a MiB.
const MOST_EVENTS: usize = 1000;
const MOST_BYTES: usize = 512 * 1024;

/// Which flow, and the events.
#[derive(Args, Debug)]
pub struct Lines {
    /// The flow
    name: String,
    /// File of JSON Lines, one record a line; - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Field of each record that identifies it: what is delivered again is recognised by it, and left out
    #[arg(long, value_name = "FIELD")]
    id_field: Option<String>,
}

impl Lines {
    /// Carries the command out.
    pub async fn run(self, args: &ClientArgs) -> Result<ExitCode, Failure> {
        let client = Client::discover(args).await?;
        let mut batches =
            Batches { lines: self.open()?, id_field: self.id_field.as_deref(), number: 0, held: None };
        let (mut accepted, mut duplicates) = (0, 0);
        // What is wrong with a line does not undo what was delivered before it.
        let after = |failure: Failure, accepted: u64, duplicates: u64| {
            failure.with_line(&format!(
                "{accepted} events of the lines before were delivered, and {duplicates} had been before; those of the \
                 same request were not"
            ))
        };
        while let Some((first, events)) =
            batches.next().map_err(|failure| after(failure, accepted, duplicates))?
        {
            let input = json!({ "flowName": self.name, "events": events });
            let answer = client.call("/x/deliver-flow-events", &input).await.map_err(|error| {
                let why = match error {
                    CallError::Answered { name, message } => format!("{name}: {message}"),
                    CallError::Failed(message) => message,
                };
                Failure::new(format!(
                    "{why}\n{accepted} events were delivered, and {duplicates} had been before; those from line \
                     {first} on were not, or their answer was lost"
                ))
            })?;
            let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
            accepted += count("accepted");
            duplicates += count("duplicates");
        }
        if args.output == Output::Json {
            output::json(&json!({ "accepted": accepted, "duplicates": duplicates }));
        } else {
            output::line(&format!("{accepted} events were delivered, and {duplicates} had been before."));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn open(&self) -> Result<Box<dyn BufRead + Send>, Failure> {
        if self.file.as_os_str() == "-" {
            return Ok(Box::new(BufReader::new(std::io::stdin())));
        }
        let file = std::fs::File::open(&self.file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", self.file.display())))?;
        Ok(Box::new(BufReader::new(file)))
    }
}

/// The lines of a file on their way into requests.
struct Batches<'a, R> {
    lines: R,
    id_field: Option<&'a str>,
    /// Lines that were read so far.
    number: u64,
    /// The number of a line that found no room in the request before, its length and its event.
    held: Option<(u64, usize, Value)>,
}

impl<R: BufRead> Batches<'_, R> {
    /// The next events, as many as one request takes, and the number of the
    /// first one's line; `None` at the end. A long line goes alone.
    fn next(&mut self) -> Result<Option<(u64, Vec<Value>)>, Failure> {
        let (mut first, mut events, mut bytes) = (0, Vec::new(), 0);
        while events.len() < MOST_EVENTS {
            let Some((number, length, event)) = self.line()? else { break };
            if !events.is_empty() && bytes + length > MOST_BYTES {
                self.held = Some((number, length, event));
                break;
            }
            if events.is_empty() {
                first = number;
            }
            bytes += length;
            events.push(event);
        }
        Ok((!events.is_empty()).then_some((first, events)))
    }

    /// The next line that is not empty: its number, its length and its event.
    fn line(&mut self) -> Result<Option<(u64, usize, Value)>, Failure> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        loop {
            let (mut line, number) = (String::new(), self.number + 1);
            let length = self
                .lines
                .read_line(&mut line)
                .map_err(|error| Failure::new(format!("line {number} cannot be read: {error}")))?;
            if length == 0 {
                return Ok(None);
            }
            self.number = number;
            if !line.trim().is_empty() {
                let event = event(&line, self.id_field);
                let event = event.map_err(|text| Failure::new(format!("line {number}: {text}")))?;
                return Ok(Some((number, length, event)));
            }
        }
    }
}

fn event(line: &str, id_field: Option<&str>) -> Result<Value, String> {
    let record: Value = serde_json::from_str(line)
        .map_err(|error| format!("this is no JSON, and one object a line is expected: {error}"))?;
    let Value::Object(fields) = &record else {
        return Err("this is no JSON object; one object a line is expected".to_owned());
    };
    let Some(field) = id_field else { return Ok(json!({ "record": record })) };
    let id = match fields.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => {
            return Err(format!(
                "the field {field} is neither a text nor a number, so it identifies nothing"
            ));
        }
        None => return Err(format!("there is no field {field} to identify the record by")),
    };
    Ok(json!({ "id": id, "record": record }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches<'a>(text: &'a str, id_field: Option<&'a str>) -> Batches<'a, &'a [u8]> {
        Batches { lines: text.as_bytes(), id_field, number: 0, held: None }
    }

    /// The numbers of the first lines, and how many events go together.
    fn sizes(text: &str) -> Vec<(u64, usize)> {
        let mut batches = batches(text, None);
        std::iter::from_fn(|| batches.next().expect("read"))
            .map(|(first, events)| (first, events.len()))
            .collect()
    }

    #[test]
    fn lines_become_events_with_their_identifiers() {
        let mut batches = batches("\n{\"n\": 1.50, \"a\": \"x\"}\n\n{\"n\": \"two\"}", Some("n"));
        let (first, events) = batches.next().expect("read").expect("some");
        let want = r#"[{"id":"1.50","record":{"n":1.50,"a":"x"}},{"id":"two","record":{"n":"two"}}]"#;
        assert_eq!((Value::from(events).to_string(), first), (want.to_owned(), 2));
        assert!(batches.next().expect("read").is_none());
    }

    #[test]
    fn a_request_is_not_too_large() {
        let line = |length: usize| format!("{{\"a\":\"{}\"}}\n", "x".repeat(length - 9));
        assert_eq!(sizes(&line(100).repeat(2500)), [(1, 1000), (1001, 1000), (2001, 500)]);
        assert_eq!(sizes(&line(1024).repeat(600)), [(1, 512), (513, 88)]);
        let mixed = [line(100), line(900_000), line(100), line(100)].concat();
        assert_eq!(sizes(&mixed), [(1, 1), (2, 1), (3, 2)]);
    }

    #[test]
    fn a_line_that_is_no_event_is_told_with_its_number() {
        for (text, field, says) in [
            ("{}\n[1]\n", None, "line 2: this is no JSON object"),
            ("{\"a\"\n", None, "line 1: this is no JSON"),
            ("{\"a\":1}\n", Some("b"), "line 1: there is no field b"),
            ("{\"b\":null}\n", Some("b"), "neither a text nor a number"),
        ] {
            let failure = batches(text, field).next().expect_err("refused");
            assert!(format!("{failure:?}").contains(says), "{failure:?}");
        }
    }
}
