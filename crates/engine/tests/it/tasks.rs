//! Tasks times types, as data: `tests/data/tasks.json`.

use serde_json::Value;
use tidegate_core::ConnectorType;
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_engine::SourceInput;

use crate::formats::orders;
use crate::support::{Bench, data, flow, s3, sap, scan_of, tasks_of};

#[tokio::test]
async fn every_case_gives_its_rows_or_its_error() {
    let cases: Value = serde_json::from_slice(&data("tasks.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let bench = Bench::new();
        let (source, input, kind) = match (case["csv"].as_str(), case["json"].as_str()) {
            (Some(text), _) => {
                bench.put("in/a.csv", text);
                (s3(InputFormat::Csv, "in"), SourceInput::Files, ConnectorType::S3)
            }
            (_, Some(text)) => {
                bench.put("in/a.json", text);
                (s3(InputFormat::Json, "in"), SourceInput::Files, ConnectorType::S3)
            }
            _ => (sap(), scan_of(&orders()), ConnectorType::SapOData),
        };
        let spec = flow(source, OutputFormat::Json, tasks_of(&case["tasks"], kind));
        let result = bench.content(&spec, input).await;
        if let Some(expected) = case["error"].as_str() {
            assert_eq!(result.map_err(|error| error.to_string()), Err(expected.to_owned()), "{name}");
        } else {
            let rows: Vec<&str> =
                case["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
            let text = String::from_utf8(result.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), rows, "{name}");
            let processed = tidegate_core::connector::Progress::get(&bench.progress.records_processed);
            assert_eq!(processed, rows.len() as u64, "{name}");
        }
    }
}
