//! Files as a source: which are read, in which order, and what is wrong.

use tidegate_core::connector::Progress;
use tidegate_core::flow::{InputFormat, OutputFormat, S3Destination, SourceSpec};
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::Task;
use tidegate_core::{ConnectorError, ConnectorErrorKind};
use tidegate_engine::{BucketError, Object, RunError, SourceInput};

use crate::support::{Bench, files, flow, map, map_all, s3};

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

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_no_record_can_pass_are_seen_to_by_each_record() {
    let equal = |value: &str| {
        Task::Filter(Filter {
            field: "x".to_owned(),
            comparison: Comparison::Equal,
            data_type: Some("string".to_owned()),
            values: vec![value.to_owned()],
        })
    };
    let text: String =
        std::iter::once("x\n".to_owned()).chain((0..50_000).map(|x| format!("{x}\n"))).collect();
    let bench = Bench::new();
    bench.put("in/a.csv", text);
    let spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, vec![equal("1"), equal("2"), map("x")]);
    let list = bench.stage(&spec, SourceInput::Files).await.unwrap();
    assert!(list.steps.is_empty());
    let counts = [&bench.progress.records_read, &bench.progress.records_filtered];
    assert_eq!(counts.map(Progress::get), [50_000; 2]);
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
async fn a_member_with_an_empty_name_is_a_field_like_others() {
    for (content, expected) in [("{\"\":1}\n", "{\"\":1}\n"), ("{\"a\":2,\"\":1}\n", "{\"a\":2,\"\":1}\n")] {
        let bench = Bench::new();
        bench.put("in/a.json", content);
        let spec = flow(s3(InputFormat::Json, "in"), OutputFormat::Json, map_all());
        let written = bench.content(&spec, SourceInput::Files).await.unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
    let bench = Bench::new();
    bench.put("in/a.json", "{}\n");
    let spec = flow(s3(InputFormat::Json, "in"), OutputFormat::Json, map_all());
    let error = bench.content(&spec, SourceInput::Files).await.unwrap_err();
    assert_eq!(error.to_string(), "The source's records have no fields, so there is nothing to map.");
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
                "The file in/a.json cannot be read: line 1: this is a JSON array; JSON Lines is expected, one object a line",
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
async fn empty_files_are_told_from_no_files() {
    let bench = Bench::new();
    bench.put("in/a.csv", "");
    let buckets = bench.engine.buckets();
    assert_eq!(buckets.list("in-bucket", "in").await, Ok(vec![]));
    let all = buckets.list_all("in-bucket", "in").await.expect("listed");
    assert_eq!(all, [Object { key: "in/a.csv".to_owned(), size: 0, ..all[0].clone() }]);
    assert_eq!(buckets.list_all("in-bucket", "none").await, Ok(vec![]));
}

#[tokio::test]
async fn a_prefix_that_is_no_folder_begins_names() {
    let bench = Bench::new();
    for key in ["flow_a.csv", "flow-b.csv", "flower/c.csv", "x/flow.csv", "x/y/flow.csv", "other.csv"] {
        bench.put(key, "x\n1\n");
    }
    let buckets = bench.engine.buckets();
    let keys = async |prefix: &str| -> Vec<String> {
        let listed = buckets.list("in-bucket", prefix).await.expect("listed");
        listed.into_iter().map(|object| object.key).collect()
    };
    assert_eq!(keys("flow").await, ["flow-b.csv", "flow_a.csv"]);
    assert_eq!(keys("x/fl").await, ["x/flow.csv"]);
    for none in ["flow/", "x/y/z", "none", "other.csv/x", "link"] {
        assert_eq!(keys(none).await, Vec::<String>::new(), "{none}");
    }
    // A folder or an object of that name is what is meant.
    assert_eq!(keys("flower").await, ["flower/c.csv"]);
    bench.put("flow/d.csv", "x\n1\n");
    assert_eq!(keys("flow").await, ["flow/d.csv"]);
    bench.put("other.csv2", "x\n1\n");
    assert_eq!(keys("other.csv").await, ["other.csv"]);
}

#[tokio::test]
async fn a_window_takes_the_objects_that_came_to_their_keys_in_it() {
    use tidegate_core::schedule::PullWindow;
    let bench = Bench::new();
    let before = now_ms();
    bench.put("in/a.csv", "id\n1\n");
    // Written long ago, as far as its content goes, and moved here now.
    bench.put("elsewhere.csv", "id\n2\n");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let between = now_ms();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let bucket = bench.out().with_file_name("in-bucket");
    std::fs::rename(bucket.join("elsewhere.csv"), bucket.join("in/b.csv")).expect("moved");
    let windows = [(before - 50, between, "id\r\n1\r\n"), (between, between + 60_000, "id\r\n2\r\n")];
    for (start_ms, end_ms, expected) in windows {
        let mut spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Csv, map_all());
        let SourceSpec::S3(source) = &mut spec.source else { panic!("files") };
        source.changed = Some(PullWindow { start_ms, end_ms });
        let content = bench.content(&spec, SourceInput::Files).await.expect("a run");
        assert_eq!(String::from_utf8(content).as_deref(), Ok(expected));
        std::fs::remove_dir_all(bench.out()).expect("removed");
        std::fs::create_dir(bench.out()).expect("made");
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    since.as_millis() as i64
}

#[test]
fn destinations_that_can_never_work_are_told_before_a_run() {
    let buckets = tidegate_engine::Buckets::local("/nowhere");
    let long = "f".repeat(256);
    let cases = [
        ("out-bucket", "", "flow", None),
        ("out-bucket", "/a//b/", "flow", None),
        ("out-bucket", "a/../b", "flow", Some("it holds the part . or ..")),
        ("out-bucket", "a\nb", "flow", Some("it holds a control character")),
        ("out-bucket", "a", long.as_str(), Some("one of its parts is longer than 255 bytes")),
        ("out-bucket", long.as_str(), "flow", Some("one of its parts is longer than 255 bytes")),
        ("..", "", "flow", Some("NoSuchBucket")),
    ];
    for (bucket, prefix, name, expected) in cases {
        let destination = S3Destination {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            ..S3Destination::default()
        };
        let checked = buckets.check_output(&destination, &name.into()).map_err(|error| error.to_string());
        match expected {
            None => assert_eq!(checked, Ok(()), "{prefix}"),
            Some(why) => assert!(checked.as_ref().is_err_and(|e| e.contains(why)), "{prefix}: {checked:?}"),
        }
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
