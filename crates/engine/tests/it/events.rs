//! Events as a source: JSON Lines out of an inbox, read as those of a file are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use tidegate_core::ConnectorType;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{Aggregation, InputFormat, OutputFormat, SourceSpec};
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::Task;
use tidegate_engine::{EventSource, SourceInput};

use crate::support::{Bench, files, flow, map, map_all, s3};

fn events() -> SourceSpec {
    SourceSpec::Events {
        connector_type: ConnectorType::Salesforce,
        connection: Some("crm".into()),
        entity: "AccountChangeEvent".to_owned(),
    }
}

/// An inbox that gives its text in pieces of a size.
fn inbox(text: &str, size: usize) -> SourceInput {
    let pieces: Vec<Bytes> = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
    SourceInput::Events(EventSource::new(move || futures::stream::iter(pieces.clone()).map(Ok).boxed()))
}

const TEXT: &str = "{\"id\":1,\"name\":\"a\"}\n{\"id\":2.50,\"at\":{\"x\":[1,null]}}\n{\"name\":\"\\u00e9, \\\"q\\\"\",\"id\":\"3\"}\n";

#[tokio::test]
async fn events_are_read_as_a_file_of_the_same_lines() {
    for format in [OutputFormat::Json, OutputFormat::Csv, OutputFormat::Parquet] {
        let file = Bench::new();
        file.put("in/a.json", TEXT);
        let spec = flow(s3(InputFormat::Json, "in"), format, map_all());
        let want = file.content(&spec, SourceInput::Files).await.unwrap();
        for size in [1, 7, TEXT.len()] {
            let bench = Bench::new();
            let spec = flow(events(), format, map_all());
            assert!(bench.content(&spec, inbox(TEXT, size)).await.unwrap() == want, "{format:?} {size}");
            assert_eq!(Progress::get(&bench.progress.records_read), 3);
            assert_eq!(Progress::get(&bench.progress.bytes_read), TEXT.len() as u64);
            assert_eq!(Progress::get(&bench.progress.files_read), 0);
        }
    }
}

#[tokio::test]
async fn fields_that_tasks_name_are_read_once_and_filters_hold() {
    const NUMBERS: &str = "{\"id\":1,\"x\":0}\n{\"id\":2.50}\n{\"x\":1,\"id\":3}\n";
    let bench = Bench::new();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let source = SourceInput::Events(EventSource::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        futures::stream::iter([Ok(Bytes::from_static(NUMBERS.as_bytes()))]).boxed()
    }));
    let filter = Filter {
        field: "id".to_owned(),
        comparison: Comparison::Greater,
        data_type: Some("double".to_owned()),
        values: vec!["2".to_owned()],
    };
    let tasks = vec![Task::Filter(filter), map("id"), map("missing")];
    let content = bench.content(&flow(events(), OutputFormat::Json, tasks), source).await.unwrap();
    assert_eq!(
        String::from_utf8(content).unwrap(),
        "{\"id\":2.50,\"missing\":null}\n{\"id\":3,\"missing\":null}\n"
    );
    assert_eq!(Progress::get(&bench.progress.records_filtered), 1);
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_field_that_no_event_of_a_run_has_is_null() {
    let equal = Filter {
        field: "Status".to_owned(),
        comparison: Comparison::Equal,
        data_type: Some("string".to_owned()),
        values: vec!["Open".to_owned()],
    };
    let tasks = || map_all().into_iter().chain([Task::Filter(equal.clone())]).collect();
    for (text, expected) in [
        ("{\"Id\":1}\n", ""),
        ("{\"Id\":1}\n{\"Id\":2,\"Status\":\"Open\"}\n", "{\"Id\":2,\"Status\":\"Open\"}\n"),
    ] {
        let bench = Bench::new();
        let list = bench.stage(&flow(events(), OutputFormat::Json, tasks()), inbox(text, 7)).await.unwrap();
        assert_eq!(list.steps.is_empty(), expected.is_empty());
        assert_eq!(Progress::get(&bench.progress.records_filtered), 1);
        bench.engine.publish(&"run-1".into(), &list).await.unwrap();
        let written: Vec<_> = files(&bench.out()).into_iter().map(|(_, content)| content).collect();
        assert_eq!(String::from_utf8(written.concat()).unwrap(), expected);
    }
}

#[tokio::test]
async fn too_many_fields_are_told_before_they_are_planned() {
    let record = |fields: usize| {
        let fields: Vec<String> = (0..fields).map(|at| format!("\"k{at}\":{at}")).collect();
        format!("{{{}}}\n", fields.join(","))
    };
    let stage = async |fields| {
        let (bench, text) = (Bench::new(), record(fields));
        bench.stage(&flow(events(), OutputFormat::Json, map_all()), inbox(&text, 4_096)).await
    };
    assert_eq!(stage(500).await.unwrap().steps.len(), 1);
    let error = stage(10_001).await.unwrap_err().to_string();
    assert!(error.contains("10001 fields") && error.contains("projection"), "{error}");
}

#[tokio::test]
async fn lines_pass_through_as_they_are() {
    let bench = Bench::new();
    let spec = flow(events(), OutputFormat::Json, vec![Task::Passthrough]);
    let content = bench.content(&spec, inbox(TEXT, 10)).await.unwrap();
    assert_eq!(String::from_utf8(content).unwrap(), TEXT);
}

#[tokio::test]
async fn an_empty_inbox_makes_no_object_and_many_events_make_one() {
    let bench = Bench::new();
    let list = bench.stage(&flow(events(), OutputFormat::Json, map_all()), inbox("", 1)).await.unwrap();
    assert!(list.steps.is_empty());

    let text: String = (0..20_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    for aggregation in [Aggregation::default(), Aggregation { per_input: true, ..Aggregation::default() }] {
        let bench = Bench::new();
        let mut spec = flow(events(), OutputFormat::Json, map_all());
        spec.destination.aggregation = aggregation;
        let content = bench.content(&spec, inbox(&text, 100_000)).await.unwrap();
        assert!(content == text.as_bytes(), "{aggregation:?}");
        assert_eq!(files(&bench.out()).len(), 1);
    }
}

#[tokio::test]
async fn an_inbox_that_breaks_off_is_an_error_and_leaves_nothing() {
    let bench = Bench::new();
    let source = SourceInput::Events(EventSource::new(|| {
        let first = Ok(Bytes::from_static(b"{\"a\":1}\n"));
        futures::stream::iter([first, Err("the vault refused".to_owned())]).boxed()
    }));
    let error = bench.stage(&flow(events(), OutputFormat::Json, vec![map("a")]), source).await.unwrap_err();
    assert_eq!(error.to_string(), "The events of the flow cannot be read: the vault refused");
    assert_eq!(files(&bench.staging()), []);
}
