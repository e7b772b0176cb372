//! Partitions and aggregation: which records are in which file.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{AsArray as _, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{FlowSpec, InputFormat, OutputFormat, PathPrefix};
use tidegate_core::task::Task;
use tidegate_engine::{RunError, SourceInput};

use crate::support::{Bench, files, flow, map_all, run, s3, sap, scan};

const FORMATS: [OutputFormat; 3] = [OutputFormat::Json, OutputFormat::Csv, OutputFormat::Parquet];

fn partitioned(format: OutputFormat, keys: &[&str]) -> FlowSpec {
    let mut tasks = map_all();
    tasks.push(Task::Partition { keys: keys.iter().map(|&key| key.to_owned()).collect() });
    flow(sap(), format, tasks)
}

/// Pages of records whose numbers count up and whose groups come in turn.
pub fn pages(pages: i64, rows: i64, groups: i64) -> SourceInput {
    let schema = Arc::new(Schema::new(vec![
        Field::new("group", DataType::Utf8, true),
        Field::new("id", DataType::Int64, false),
    ]));
    let page = |page: i64| {
        let ids: Vec<i64> = (page * rows..(page + 1) * rows).collect();
        // A step that shares no divisor with the number of groups mixes them well.
        let group = |id: &i64| Some(format!("g{}", id * 7_919 % groups));
        let groups: StringArray = ids.iter().map(group).collect();
        Ok(RecordBatch::try_new(schema.clone(), vec![Arc::new(groups), Arc::new(Int64Array::from(ids))])
            .unwrap())
    };
    scan(&schema, (0..pages).map(page).collect())
}

/// The numbers of the records in each file, which holds no other field.
fn ids(found: &[(String, Vec<u8>)], format: OutputFormat) -> BTreeMap<String, Vec<i64>> {
    let of = |content: &[u8]| match format {
        OutputFormat::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(content.to_vec())).unwrap();
            assert_eq!(builder.schema().fields().len(), 1);
            let batches = builder.build().unwrap().map(Result::unwrap);
            batches.flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
        }
        _ => {
            let text = std::str::from_utf8(content).unwrap();
            let number =
                |line: &str| line.trim_start_matches("{\"id\":").trim_end_matches('}').parse().unwrap();
            text.lines().filter(|line| *line != "id").map(number).collect()
        }
    };
    found.iter().map(|(name, content)| (name.clone(), of(content))).collect()
}

async fn publish(bench: &Bench, spec: &FlowSpec, source: SourceInput) -> Vec<(String, Vec<u8>)> {
    let list = bench.stage(spec, source).await.unwrap();
    bench.engine.publish(&run().execution, &list).await.unwrap();
    assert_eq!(files(&bench.staging()), []);
    let found = files(&bench.out());
    assert_eq!(Progress::get(&bench.progress.files_written), found.len() as u64);
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_partitions_hold_every_record_once_and_in_order() {
    // Once in full; the other ways with fewer, which are more than can be open, too.
    let ways = [
        (OutputFormat::Json, true, 5_000),
        (OutputFormat::Json, false, 200),
        (OutputFormat::Csv, false, 200),
        (OutputFormat::Parquet, true, 200),
        (OutputFormat::Parquet, false, 200),
    ];
    for (format, own_folder, groups) in ways {
        let bench = Bench::new();
        let mut spec = partitioned(format, &["group"]);
        spec.destination.preserve_source_data_typing = Some(true);
        if own_folder {
            spec.destination.layout.hierarchy = vec![PathPrefix::ExecutionId];
        }
        let found = publish(&bench, &spec, pages(10, groups, groups)).await;
        let found = ids(&found, format);
        assert_eq!(found.len() as i64, groups);
        let folder = if own_folder { "flow/run-1/" } else { "flow/" };
        for (name, ids) in found {
            let group = name.strip_prefix(folder).unwrap().strip_suffix("/run-1").unwrap();
            let group: i64 = group.strip_prefix("group=g").unwrap().parse().unwrap();
            assert_eq!(ids.len(), 10, "{name}");
            assert!(ids.iter().all(|id| id * 7_919 % groups == group), "{name}: {ids:?}");
            assert!(ids.is_sorted_by(|one, next| one < next), "{name}: {ids:?}");
        }
    }
}

#[tokio::test]
async fn folders_nest_in_the_order_of_the_keys_and_spell_odd_values() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
        Field::new("id", DataType::Int64, false),
    ]));
    let batch = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(StringArray::from(vec![Some("../../x"), None, Some("null"), Some(""), None])),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(-2), None, None])),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])),
        ],
    );
    let bench = Bench::new();
    let spec = partitioned(OutputFormat::Csv, &["n", "a"]);
    let found = publish(&bench, &spec, scan(&schema, vec![Ok(batch.unwrap())])).await;
    let expected = [
        ("n=-2/a=%6Eull", vec![3]),
        ("n=1/a=..%2F..%2Fx", vec![1]),
        ("n=null/a=", vec![4]),
        ("n=null/a=null", vec![2, 5]),
    ];
    let expected = expected.map(|(folder, ids)| (format!("flow/{folder}/run-1"), ids));
    assert_eq!(ids(&found, OutputFormat::Csv), expected.into());
}

#[tokio::test]
async fn a_partition_needs_a_field_that_is_left_and_a_key_that_is_mapped() {
    for (keys, says) in [(&["group", "id"][..], "leaves nothing"), (&["nobody"][..], "the field nobody")] {
        let bench = Bench::new();
        let error = bench.stage(&partitioned(OutputFormat::Csv, keys), pages(1, 2, 1)).await.unwrap_err();
        assert!(matches!(&error, RunError::Task(text) if text.contains(says)), "{error}");
    }
}

#[tokio::test]
async fn without_aggregation_each_page_is_a_file() {
    for format in FORMATS {
        let bench = Bench::new();
        let mut spec = flow(
            sap(),
            format,
            vec![Task::Map {
                source: "id".to_owned(),
                destination: "id".to_owned(),
                source_type: None,
                destination_type: None,
            }],
        );
        spec.destination.preserve_source_data_typing = Some(true);
        spec.destination.aggregation.per_input = true;
        let found = ids(&publish(&bench, &spec, pages(3, 10_000, 7)).await, format);
        let page = |page: i64| (page * 10_000..(page + 1) * 10_000).collect::<Vec<_>>();
        let names = ["flow/run-1", "flow/run-1-00002", "flow/run-1-00003"];
        let expected = names.into_iter().zip(0..).map(|(name, at)| (name.to_owned(), page(at)));
        assert_eq!(found, expected.collect());
    }
}

#[tokio::test]
async fn without_aggregation_each_input_file_is_a_file_in_each_partition() {
    let bench = Bench::new();
    bench.put("in/1.csv", "group,id\na,1\nb,2\na,3\n");
    bench.put("in/2.csv", "group,id\n");
    bench.put("in/3.csv", "group,id\nb,4\n");
    let mut spec = partitioned(OutputFormat::Csv, &["group"]);
    spec.source = s3(InputFormat::Csv, "in");
    spec.destination.aggregation.per_input = true;
    let found = ids(&publish(&bench, &spec, SourceInput::Files).await, OutputFormat::Csv);
    let expected = [("a/run-1", vec![1, 3]), ("b/run-1", vec![2]), ("b/run-1-00003", vec![4])];
    assert_eq!(found, expected.map(|(name, ids)| (format!("flow/group={name}"), ids)).into());
}

#[tokio::test]
async fn pages_and_more_partitions_than_can_be_open() {
    let bench = Bench::new();
    let mut spec = partitioned(OutputFormat::Json, &["group"]);
    spec.destination.aggregation.per_input = true;
    let found = ids(&publish(&bench, &spec, pages(4, 300, 150)).await, OutputFormat::Json);
    assert_eq!(found.len(), 600);
    for (name, ids) in found {
        let (_, page) = name.rsplit_once("run-1").unwrap();
        let page: i64 = page.trim_start_matches('-').parse().unwrap_or(1);
        assert!(ids.len() == 2 && ids.iter().all(|id| id / 300 == page - 1), "{name}: {ids:?}");
    }
}

#[tokio::test]
async fn files_have_about_the_target_size_in_every_format_and_each_partition() {
    for format in FORMATS {
        for is_partitioned in [false, true] {
            let bench = Bench::new();
            let mut spec = partitioned(format, &["group"]);
            if !is_partitioned {
                spec.tasks.pop();
            }
            spec.destination.aggregation.target_file_size_mb = Some(1);
            let rows = if format == OutputFormat::Parquet { 120 } else { 30 };
            let found = publish(&bench, &spec, wide(rows, 8_000)).await;
            let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for (name, content) in found {
                let folder = name.rsplit_once('/').unwrap().0.to_owned();
                groups.entry(folder).or_default().push(content.len() as f64 / f64::from(1 << 20));
            }
            assert_eq!(groups.len(), if is_partitioned { 2 } else { 1 });
            for (folder, sizes) in groups {
                assert!(sizes.len() > 2, "{format:?} {folder}: {sizes:?}");
                // All but the last, and the first of which nobody knew how it compresses.
                let full = &sizes[1..sizes.len() - 1];
                assert!(
                    full.iter().all(|size| (0.75..1.25).contains(size)),
                    "{format:?} {folder}: {sizes:?}"
                );
            }
        }
    }
}

/// Pages of two groups with texts that hardly compress.
fn wide(pages: i64, rows: i64) -> SourceInput {
    let schema = Arc::new(Schema::new(vec![
        Field::new("group", DataType::Utf8, true),
        Field::new("text", DataType::Utf8, true),
    ]));
    let page = |page: i64| {
        let ids = page * rows..(page + 1) * rows;
        let groups: StringArray = ids.clone().map(|id| Some(if id % 2 == 0 { "a" } else { "b" })).collect();
        let text = |id: i64| Some(format!("{:016x}{id:08}", id.wrapping_mul(0x1e37_79b9_7f4a_7c15)));
        let texts: StringArray = ids.map(text).collect();
        Ok(RecordBatch::try_new(schema.clone(), vec![Arc::new(groups), Arc::new(texts)]).unwrap())
    };
    scan(&schema, (0..pages).map(page).collect())
}
