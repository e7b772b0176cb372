//! Tasks times types, as data: `tests/data/tasks.json`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Decimal256Array, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit, i256};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tidegate_core::ConnectorType;
use tidegate_core::connector::{
    EXTENSION_NAME, GUID_TEXT, JSON_EXTENSION, MOMENT_TEXT, NUMBER_TEXT, Progress, TEXT_MEANING,
};
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_core::task::{OnBadValue, Policies};
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
        let mut spec = flow(source, OutputFormat::Json, tasks_of(&case["tasks"], kind));
        let tags = [("bad", Policies::ON_BAD_VALUE), ("missing", Policies::ON_MISSING_FIELD)];
        let tags = tags.iter().filter_map(|(key, tag)| Some((*tag, case["policy"][key].as_str()?)));
        spec.policies = Policies::from_tags(tags, OnBadValue::Fail).unwrap();
        let result = bench.content(&spec, input).await;
        if let Some(expected) = case["error"].as_str() {
            assert_eq!(result.map_err(|error| error.to_string()), Err(expected.to_owned()), "{name}");
        } else {
            let rows: Vec<&str> =
                case["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
            let text = String::from_utf8(result.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), rows, "{name}");
            let processed = Progress::get(&bench.progress.records_processed);
            assert_eq!(processed, rows.len() as u64, "{name}");
            let progress = &bench.progress;
            for (key, counter) in [
                ("read", &progress.records_read),
                ("filtered", &progress.records_filtered),
                ("dropped", &progress.records_dropped),
            ] {
                if let Some(expected) = case["counts"][key].as_u64() {
                    assert_eq!(Progress::get(counter), expected, "{name}: {key}");
                }
            }
        }
    }
}

/// Decimals without bounds, very long decimals and GUIDs, as connectors give
/// them.
fn meanings() -> RecordBatch {
    let facts = |facts: &[(&str, &str)]| facts.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let free = Field::new("free", DataType::Utf8, true)
        .with_metadata(facts(&[(EXTENSION_NAME, JSON_EXTENSION), (TEXT_MEANING, NUMBER_TEXT)]));
    let guid = Field::new("guid", DataType::Utf8, true).with_metadata(facts(&[(TEXT_MEANING, GUID_TEXT)]));
    let moment =
        Field::new("moment", DataType::Utf8, true).with_metadata(facts(&[(TEXT_MEANING, MOMENT_TEXT)]));
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int32, true),
        free,
        Field::new("long", DataType::Decimal256(50, 2), true),
        guid,
        moment,
    ]);
    let long = |text: &str| i256::from_string(text);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![1, 2, 3, 4])),
        Arc::new(StringArray::from(vec![Some("9"), Some("10.50"), Some("-1.0E2"), None])),
        Arc::new(
            Decimal256Array::from(vec![
                long("1000"),
                long("99999999999999999999999999999999999999999901"),
                long("-5"),
                None,
            ])
            .with_precision_and_scale(50, 2)
            .unwrap(),
        ),
        Arc::new(StringArray::from(vec![
            Some("0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"),
            Some("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f1"),
            Some("11111111-1111-1111-1111-111111111111"),
            None,
        ])),
        Arc::new(StringArray::from(vec![
            Some("9999-12-31T23:59:59.999999900Z"),
            Some("2024-02-29T23:59:59.500Z"),
            Some("0001-01-01T00:00:00Z"),
            None,
        ])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

#[tokio::test]
async fn texts_are_compared_as_what_they_stand_for() {
    const LONG: &str = "999999999999999999999999999999999999999999.01";
    let cases: &[(&str, &str, &str, &[u32])] = &[
        ("free", "GREATER_THAN", "9", &[2]),
        ("free", "EQUAL_TO", "+10.5", &[2]),
        ("free", "NOT_EQUAL_TO", "09.0", &[2, 3]),
        ("free", "LESS_THAN", "-99.9", &[3]),
        ("free", "CONTAINS", "10.5", &[2]),
        ("long", "EQUAL_TO", LONG, &[2]),
        ("long", "LESS_THAN", LONG, &[1, 3]),
        ("guid", "EQUAL_TO", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", &[1]),
        ("guid", "NOT_EQUAL_TO", "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F1", &[1, 3]),
        ("moment", "GREATER_THAN", "2024-02-29T23:59:59.4", &[1, 2]),
        ("moment", "EQUAL_TO", "2024-03-01T00:59:59.5+01:00", &[2]),
        ("moment", "LESS_THAN_OR_EQUAL_TO", "0001-01-01", &[3]),
        ("guid", "CONTAINS", "A5B4c3", &[1, 2]),
    ];
    let run = async |tasks: &Value| {
        let spec = flow(sap(), OutputFormat::Csv, tasks_of(tasks, ConnectorType::SapOData));
        Bench::new().content(&spec, scan_of(&meanings())).await
    };
    let filter = |field: &str, operator: &str, property: &str, value: &str| {
        serde_json::json!([
            {"type": "Filter", "operator": "PROJECTION", "from": ["id"]},
            {"type": "Map", "from": ["id"], "to": "id", "operator": "NO_OP"},
            {"type": "Filter", "operator": operator, "from": [field], "properties": {property: value}},
        ])
    };
    for (field, operator, value, expected) in cases {
        let text = String::from_utf8(run(&filter(field, operator, "VALUE", value)).await.unwrap()).unwrap();
        let ids: Vec<u32> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
        assert_eq!(ids, *expected, "{field} {operator} {value}");
    }
    let mut between = filter("free", "BETWEEN", "LOWER_BOUND", "9");
    between[2]["properties"]["UPPER_BOUND"] = "10.6".into();
    assert_eq!(run(&between).await.unwrap(), b"id\r\n1\r\n2\r\n");
    for (field, value, what) in [
        ("free", "many", "a decimal number"),
        ("moment", "soon", "a timestamp"),
        ("guid", "0f1e", "a GUID, such as 01234567-89ab-cdef-0123-456789abcdef"),
    ] {
        let error = run(&filter(field, "EQUAL_TO", "VALUE", value)).await.unwrap_err();
        let expected =
            format!("The value {value:?} of the filter EQUAL_TO on the field {field} is not {what}");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn decimals_of_any_length_are_written_as_numbers_with_all_their_digits() {
    let map = |field: &str, data_type: Option<&str>| {
        let properties = data_type.map(|name| serde_json::json!({"DESTINATION_DATA_TYPE": name}));
        serde_json::json!({"type": "Map", "from": [field], "to": field, "properties": properties})
    };
    for data_type in [None, Some("Edm.Decimal")] {
        let projection =
            serde_json::json!({"type": "Filter", "operator": "PROJECTION", "from": ["free", "long"]});
        let tasks = serde_json::json!([projection, map("free", data_type), map("long", data_type)]);
        let tasks = tasks_of(&tasks, ConnectorType::SapOData);
        for (format, expected) in [
            (
                OutputFormat::Json,
                "{\"free\":9,\"long\":10.00}\n\
                 {\"free\":10.50,\"long\":999999999999999999999999999999999999999999.01}\n\
                 {\"free\":-1.0E2,\"long\":-0.05}\n{\"free\":null,\"long\":null}\n",
            ),
            (
                OutputFormat::Csv,
                "free,long\r\n9,10.00\r\n10.50,999999999999999999999999999999999999999999.01\r\n\
                 -1.0E2,-0.05\r\n,\r\n",
            ),
        ] {
            let spec = flow(sap(), format, tasks.clone());
            let content = Bench::new().content(&spec, scan_of(&meanings())).await.unwrap();
            assert_eq!(String::from_utf8(content).unwrap(), expected, "{data_type:?}");
        }
    }
}

#[tokio::test]
async fn moments_beyond_64_bits_of_nanoseconds_are_written_or_refused_in_plain_words() {
    let projection =
        |field: &str| serde_json::json!({"type": "Filter", "operator": "PROJECTION", "from": [field]});
    let run = async |format, data_type: &str, only: &str| {
        let tasks = serde_json::json!([
            projection("moment"),
            {"type": "Filter", "operator": "EQUAL_TO", "from": ["id"], "properties": {"VALUE": only}},
            {"type": "Map", "from": ["moment"], "to": "moment", "properties": {"DESTINATION_DATA_TYPE": data_type}},
        ]);
        let mut spec = flow(sap(), format, tasks_of(&tasks, ConnectorType::SapOData));
        spec.destination.preserve_source_data_typing = Some(true);
        Bench::new().content(&spec, scan_of(&meanings())).await
    };
    for data_type in ["datetime", "string"] {
        let json = run(OutputFormat::Json, data_type, "1").await.unwrap();
        assert_eq!(json, b"{\"moment\":\"9999-12-31T23:59:59.999999900Z\"}\n");
    }
    let typed = |bytes: Vec<u8>| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        reader.schema().field(0).data_type().clone()
    };
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    assert_eq!(typed(run(OutputFormat::Parquet, "datetime", "2").await.unwrap()), utc);
    assert_eq!(typed(run(OutputFormat::Parquet, "string", "1").await.unwrap()), DataType::Utf8);
    let error = run(OutputFormat::Parquet, "datetime", "1").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "The value \"9999-12-31T23:59:59.999999900Z\" of the field moment cannot be converted to a Parquet \
         timestamp of nanoseconds, which ends in the year 2262; map the field to the type string"
    );
}
