//! `tidegate flow run`: starts a flow with wishes for this run, and waits for it if it is told to.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tidegate_core::ConnectorType;

use super::super::Failure;
use super::super::client::{Client, ClientArgs};
use super::super::key::text;
use super::super::output::{self, Output};

/// How often to look whether runs have ended.
const LOOK: Duration = Duration::from_millis(200);

/// Which flow, and what is asked of this run.
#[derive(Args, Debug, Default)]
pub struct Wishes {
    /// The flow
    name: String,
    /// Only records from this time on (RFC 3339), by the flow's timestamp field
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only records before this time (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// Go on where the last run ended, though the flow's schedule says otherwise or there is none
    #[arg(long, conflicts_with = "from")]
    incremental: bool,
    /// One more condition: FIELD, one of = != < <= > >= contains between, and VALUE (of between: LOW,HIGH); repeatable
    #[arg(long, num_args = 3, value_names = ["FIELD", "OP", "VALUE"], action = clap::ArgAction::Append, allow_hyphen_values = true)]
    filter: Vec<String>,
    /// Cut the time from --from to --to into runs of this length, such as 1days or 6hours
    #[arg(long, value_name = "PERIOD", requires = "from")]
    backfill_by: Option<String>,
    /// Wait for the end: 0 if all runs end well, 1 if not
    #[arg(long)]
    wait: bool,
}

impl Wishes {
    /// Carries the command out.
    pub async fn run(self, args: &ClientArgs) -> Result<ExitCode, Failure> {
        let client = Client::discover(args).await?;
        let mut input = json!({ "flowName": self.name });
        let bounds = json!({ "from": self.from, "to": self.to });
        match (&self.backfill_by, &self.from) {
            (Some(step), _) => {
                input["backfill"] = bounds;
                input["backfill"]["every"] = json!(format!("rate({step})"));
            }
            (None, Some(_)) => input["window"] = bounds,
            (None, None) => {}
        }
        if self.incremental {
            input["mode"] = json!("Incremental");
        }
        if !self.filter.is_empty() {
            let flow = client.call("/describe-flow", &json!({ "flowName": self.name })).await?;
            let source = flow.pointer("/sourceFlowConfig/connectorType").and_then(Value::as_str);
            let key =
                source.and_then(ConnectorType::parse).map(ConnectorType::union_key).ok_or_else(|| {
                    Failure::new("the source of the flow is of no type that this program knows")
                })?;
            let filters = self.filter.chunks(3).map(|words| filter(key, words));
            input["filters"] = filters.collect::<Result<Vec<_>, _>>()?.into();
        }
        let answer = client.call("/x/start-flow-run", &input).await?;
        if !self.wait {
            if args.output == Output::Json {
                output::json(&answer);
            } else {
                ids(&answer).iter().for_each(|id| output::line(id));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let runs = wait(&client, &ids(&answer)).await?;
        let good = runs.iter().all(|run| text(run, "executionStatus") == "Successful");
        if args.output == Output::Json {
            output::json(&json!({ "flowRuns": runs }));
        } else {
            super::print_runs(&runs);
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let ids = answer.get("executionIds").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Waits until all of these runs have ended, and gives what they did.
async fn wait(client: &Client, ids: &[String]) -> Result<Vec<Value>, Failure> {
    let mut ended = Vec::with_capacity(ids.len());
    for id in ids {
        loop {
            let mut answer = client.call("/x/list-flow-runs", &json!({ "executionId": id })).await?;
            let run = answer["flowRuns"][0].take();
            match text(&run, "executionStatus").as_str() {
                "InProgress" | "CancelStarted" => tokio::time::sleep(LOOK).await,
                "" => return Err(Failure::new(format!("the run {id} is gone; was its flow deleted?"))),
                _ => {
                    ended.push(run);
                    break;
                }
            }
        }
    }
    Ok(ended)
}

/// A condition as a task of the API.
fn filter(source: &str, words: &[String]) -> Result<Value, Failure> {
    let [field, operator, value] = words else {
        return Err(Failure::new("--filter takes a field, an operator and a value"));
    };
    let operator = match operator.as_str() {
        "=" | "==" => "EQUAL_TO",
        "!=" | "<>" => "NOT_EQUAL_TO",
        "<" => "LESS_THAN",
        "<=" => "LESS_THAN_OR_EQUAL_TO",
        ">" => "GREATER_THAN",
        ">=" => "GREATER_THAN_OR_EQUAL_TO",
        other => match other.to_ascii_lowercase().as_str() {
            "contains" => "CONTAINS",
            "between" => "BETWEEN",
            _ => {
                return Err(Failure::new(format!(
                    "'{other}' is no operator; take one of = != < <= > >= contains between"
                )));
            }
        },
    };
    let properties = if operator == "BETWEEN" {
        let (low, high) =
            value.split_once(',').ok_or_else(|| Failure::new("between takes its two bounds as LOW,HIGH"))?;
        json!({ "LOWER_BOUND": low, "UPPER_BOUND": high })
    } else {
        json!({ "VALUE": value })
    };
    Ok(json!({
        "taskType": "Filter",
        "sourceFields": [field],
        "connectorOperator": { source: operator },
        "taskProperties": properties,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: [&str; 3]) -> Result<Value, Failure> {
        filter("SAPOData", &words.map(str::to_owned))
    }

    #[test]
    fn a_condition_becomes_a_task() {
        let task = read(["price", ">=", "1.5"]).expect("a task");
        assert_eq!(task["connectorOperator"], json!({ "SAPOData": "GREATER_THAN_OR_EQUAL_TO" }));
        assert_eq!(
            (&task["sourceFields"], &task["taskProperties"]),
            (&json!(["price"]), &json!({ "VALUE": "1.5" }))
        );
        let task = read(["day", "between", "1,2"]).expect("a task");
        assert_eq!(task["taskProperties"], json!({ "LOWER_BOUND": "1", "UPPER_BOUND": "2" }));
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for (words, says) in [(["a", "like", "b"], "no operator"), (["a", "between", "1"], "LOW,HIGH")] {
            let failure = format!("{:?}", read(words).expect_err("refused"));
            assert!(failure.contains(says), "{failure}");
        }
    }
}
