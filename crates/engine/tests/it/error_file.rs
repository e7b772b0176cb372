//! Records that a bad value leaves out: the error file, and what it may show.

use std::fs;

use tidegate_core::ConnectorType;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{ErrorHandling, FlowSpec, InputFormat, OutputFormat};
use tidegate_core::task::{OnBadValue, Policies};
use tidegate_engine::SourceInput;

use crate::support::{Bench, files, flow, run, s3, tasks_of};

const CSV: &str = "id,amount,secret\n1,5,abc\n2,many,def\n3,,ghi\n4,7,x\n";

fn spec(bucket: Option<&str>) -> FlowSpec {
    let tasks = serde_json::json!([
        {"type": "Mask", "operator": "MASK_FIRST_N", "from": ["secret"], "properties": {"MASK_LENGTH": "2"}},
        {"type": "Truncate", "from": ["id"], "properties": {"TRUNCATE_LENGTH": "1"}},
        {"type": "Map", "from": ["id"], "to": "amount"},
        {"type": "Map", "from": ["secret"], "to": "secret"},
        {"type": "Map", "from": ["amount"], "to": "number", "properties": {"DESTINATION_DATA_TYPE": "long"}},
    ]);
    let mut spec = flow(s3(InputFormat::Csv, ""), OutputFormat::Json, tasks_of(&tasks, ConnectorType::S3));
    spec.policies = Policies { on_bad_value: OnBadValue::Drop, ..Policies::default() };
    spec.errors =
        ErrorHandling { bucket: bucket.map(str::to_owned), prefix: "bad/".to_owned(), fail_on_first: false };
    spec
}

#[tokio::test]
async fn failed_records_are_in_the_error_file_and_nowhere_else() {
    let bench = Bench::new();
    fs::create_dir(bench.folder.path().join("error-bucket")).unwrap();
    bench.put("a.csv", CSV);
    let list = bench.stage(&spec(Some("error-bucket")), SourceInput::Files).await.unwrap();
    assert!(files(&bench.folder.path().join("error-bucket")).is_empty(), "visible before it is published");
    for _ in 0..2 {
        bench.engine.publish(&run().execution, &list).await.unwrap();
    }
    let output = files(&bench.out());
    assert_eq!(
        String::from_utf8_lossy(&output[0].1),
        "{\"amount\":\"1\",\"secret\":\"**c\",\"number\":5}\n\
         {\"amount\":\"3\",\"secret\":\"**i\",\"number\":null}\n\
         {\"amount\":\"4\",\"secret\":\"*\",\"number\":7}\n"
    );
    let errors = files(&bench.folder.path().join("error-bucket"));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0, "bad/flow/errors/run-1");
    // What a mask covers stays covered; what a Truncate cuts is whole.
    assert_eq!(
        String::from_utf8_lossy(&errors[0].1),
        "{\"record\":2,\"reason\":\"The value \\\"many\\\" of the field amount cannot be converted to a 64-bit \
         integer\",\"source\":{\"secret\":\"**f\",\"id\":\"2\",\"amount\":\"many\"}}\n"
    );
    let progress = &bench.progress;
    let counts = [&progress.records_read, &progress.records_written, &progress.records_failed];
    assert_eq!(counts.map(Progress::get), [4, 3, 1]);
    assert_eq!(Progress::get(&progress.records_processed), 4);
    assert_eq!(Progress::get(&progress.bytes_written), output[0].1.len() as u64);
    let left = files(&bench.staging());
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn without_an_error_file_they_are_counted_and_the_first_is_told() {
    let bench = Bench::new();
    bench.put("a.csv", CSV);
    bench.content(&spec(None), SourceInput::Files).await.unwrap();
    assert_eq!(Progress::get(&bench.progress.records_dropped), 1);
    assert_eq!(
        bench.progress.notes(),
        ["Records were left out because of their values; the first was record 2: The value \"many\" of the \
          field amount cannot be converted to a 64-bit integer"]
    );
}

#[tokio::test]
async fn a_run_whose_records_all_fail_has_an_error_file_only() {
    let bench = Bench::new();
    fs::create_dir(bench.folder.path().join("error-bucket")).unwrap();
    bench.put("a.csv", "id,amount,secret\n1,x,y\n");
    let list = bench.stage(&spec(Some("error-bucket")), SourceInput::Files).await.unwrap();
    bench.engine.publish(&run().execution, &list).await.unwrap();
    assert!(files(&bench.out()).is_empty());
    assert_eq!(files(&bench.folder.path().join("error-bucket")).len(), 1);
    bench.put("b.csv", "id,amount,secret\n1,x,y\n");
    let missing = bench.stage(&spec(Some("no-such-bucket")), SourceInput::Files).await.unwrap_err();
    assert!(missing.to_string().contains("no-such-bucket"), "{missing}");
}
