//! Files as a source: which are read, in which order, and what is wrong.

use tidegate_core::connector::Progress;
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_core::task::Task;
use tidegate_core::{ConnectorError, ConnectorErrorKind};
use tidegate_engine::{BucketError, RunError, SourceInput};

use crate::support::{Bench, files, flow, map_all, s3};

fn map(field: &str) -> Task {
    Task::Map {
        source: field.to_owned(),
        destination: field.to_owned(),
        source_type: None,
        destination_type: None,
    }
}

#[tokio::test]
async fn files_of_the_folder_are_read_in_the_order_of_their_keys() {
    let bench = Bench::new();
    bench.put("in/b.csv", "x,y\n3,4\n");
    bench.put("in/a/z.csv", "y\n2\n");
    bench.put("in/empty.csv", "");
    bench.put("input/other.csv", "x,y\nno,no\n");
    let spec = flow(s3(InputFormat::Csv, "/in/"), OutputFormat::Csv, map_all());
    let content = bench.content(&spec, SourceInput::Files).await.unwrap();
    assert_eq!(String::from_utf8(content).unwrap(), "y,x\r\n2,\r\n4,3\r\n");
    assert_eq!(Progress::get(&bench.progress.records_read), 2);
    assert_eq!(Progress::get(&bench.progress.bytes_read), 12);
}

#[tokio::test]
async fn a_prefix_may_be_one_object() {
    let bench = Bench::new();
    bench.put("in/a.json", "{\"x\":1}\n");
    bench.put("in/b.json", "{\"x\":2}\n");
    let spec = flow(s3(InputFormat::Json, "in/b.json"), OutputFormat::Json, map_all());
    assert_eq!(bench.content(&spec, SourceInput::Files).await.unwrap(), b"{\"x\":2}\n");
}

#[tokio::test]
async fn no_records_make_no_object() {
    for (key, content) in [(None, ""), (Some("in/a.csv"), "x\n")] {
        let bench = Bench::new();
        if let Some(key) = key {
            bench.put(key, content);
        }
        let spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, map_all());
        let list = bench.stage(&spec, SourceInput::Files).await.unwrap();
        assert!(list.steps.is_empty());
        bench.engine.publish(&"run-1".into(), &list).await.unwrap();
        assert_eq!(files(&bench.out()), []);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_full() {
    let source = |kind, text: &str| RunError::Connector(ConnectorError::new(kind, text));
    let cases = [
        (
            "in/a.csv",
            "x,y\n1\n",
            InputFormat::Csv,
            map("x"),
            source(
                ConnectorErrorKind::BadAnswer,
                "The file in/a.csv cannot be read: line 2: the header names 2 fields, this record has 1",
            ),
        ),
        (
            "in/a.csv",
            "x\n1\n",
            InputFormat::Csv,
            map("q"),
            RunError::Task("The tasks name the field q, which none of the files has".to_owned()),
        ),
        (
            "in/a.json",
            "[1]\n",
            InputFormat::Json,
            map("q"),
            source(
                ConnectorErrorKind::BadAnswer,
                "The file in/a.json cannot be read: line 1: invalid type: sequence, expected a JSON object at column 0",
            ),
        ),
    ];
    for (key, content, format, task, expected) in cases {
        let bench = Bench::new();
        bench.put(key, content);
        let spec = flow(s3(format, "in"), OutputFormat::Json, vec![task]);
        assert_eq!(bench.content(&spec, SourceInput::Files).await, Err(expected));
        assert_eq!(files(&bench.out()), []);
        assert_eq!(files(&bench.staging()), []);
    }
}

#[tokio::test]
async fn buckets_that_do_not_exist_are_told_in_the_words_of_s3() {
    let bench = Bench::new();
    bench.put("in/a.csv", "x\n1\n");
    let mut spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, map_all());
    spec.destination.bucket = "no-bucket".to_owned();
    let error = bench.content(&spec, SourceInput::Files).await.unwrap_err();
    let text = "The specified bucket does not exist (NoSuchBucket): no-bucket";
    assert_eq!(error, RunError::Destination(text.to_owned()));
    for name in ["no-bucket", "..", ".staging", "in-bucket/../out-bucket"] {
        let expected = BucketError::NoSuchBucket(name.to_owned());
        assert_eq!(bench.engine.buckets().check(name).await, Err(expected.clone()));
        assert_eq!(bench.engine.buckets().list(name, "").await, Err(expected));
    }
}

#[tokio::test]
async fn no_prefix_leads_out_of_the_bucket() {
    let bench = Bench::new();
    bench.put("in/a.csv", "x\n1\n");
    std::os::unix::fs::symlink("/etc", bench.folder.path().join("in-bucket/in/link")).unwrap();
    for prefix in ["in/link", "in/link/hostname"] {
        assert_eq!(bench.engine.buckets().list("in-bucket", prefix).await, Ok(vec![]), "{prefix}");
    }
    for prefix in ["../out-bucket", "in/../../out-bucket", ".", "a//b", "a\0b"] {
        let listed = bench.engine.buckets().list("in-bucket", prefix).await;
        assert!(matches!(listed, Err(BucketError::Invalid(_))), "{prefix:?}: {listed:?}");
        let mut spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, map_all());
        spec.destination.prefix = prefix.to_owned();
        let staged = bench.stage(&spec, SourceInput::Files).await;
        let is_joined = prefix == "a//b";
        assert_eq!(matches!(staged, Err(RunError::Destination(_))), !is_joined, "{prefix:?}: {staged:?}");
    }
    let keys: Vec<_> =
        bench.engine.buckets().list("in-bucket", "").await.unwrap().into_iter().map(|o| o.key).collect();
    assert_eq!(keys, ["in/a.csv"]);
}
