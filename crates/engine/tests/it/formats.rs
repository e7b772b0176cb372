//! What each format does with each type; golden files in `tests/data`, which
//! `UPDATE_EXPECT=1` writes anew.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, AsArray as _, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int32Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampSecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Schema, TimeUnit, TimestampMillisecondType,
};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Compression;
use tidegate_core::connector::{EXTENSION_NAME, JSON_EXTENSION, Progress};
use tidegate_core::flow::{InputFormat, OutputFormat};
use tidegate_engine::SourceInput;

use crate::support::{Bench, data, flow, map_all, s3, sap, scan_of};

/// Three rows of every type: usual values, awkward ones, nulls.
pub fn orders() -> RecordBatch {
    let utc = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    let columns: Vec<(&str, DataType, ArrayRef)> = vec![
        ("id", DataType::Int32, Arc::new(Int32Array::from(vec![1, 2, 3]))),
        (
            "name",
            DataType::Utf8,
            Arc::new(StringArray::from(vec![Some("Ann, \"the\" 1st\r\nÉlan 𝄞"), Some(""), None])),
        ),
        ("big", DataType::Int64, Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None]))),
        (
            "price",
            DataType::Decimal128(38, 4),
            Arc::new(
                Decimal128Array::from(vec![Some(195_000), Some(-1), None])
                    .with_precision_and_scale(38, 4)
                    .unwrap(),
            ),
        ),
        ("ratio", DataType::Float64, Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), None]))),
        ("open", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("day", DataType::Date32, Arc::new(Date32Array::from(vec![Some(19_358), Some(-1), None]))),
        (
            "at",
            utc(TimeUnit::Microsecond),
            Arc::new(
                TimestampMicrosecondArray::from(vec![
                    Some(1_672_549_200_000_000),
                    Some(1_672_549_200_123_000),
                    None,
                ])
                .with_timezone("UTC"),
            ),
        ),
        (
            "at_ms",
            utc(TimeUnit::Millisecond),
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(1_672_549_200_120), Some(-1), None])
                    .with_timezone("UTC"),
            ),
        ),
        (
            "at_s",
            DataType::Timestamp(TimeUnit::Second, None),
            Arc::new(TimestampSecondArray::from(vec![Some(1_672_549_200), Some(0), None])),
        ),
        (
            "clock",
            DataType::Time64(TimeUnit::Microsecond),
            Arc::new(Time64MicrosecondArray::from(vec![Some(86_399_000_001), Some(0), None])),
        ),
        (
            "bytes",
            DataType::Binary,
            Arc::new(BinaryArray::from_opt_vec(vec![Some(&b"\x00\xff"[..]), Some(b""), None])),
        ),
        (
            "nested",
            DataType::Utf8,
            Arc::new(StringArray::from(vec![Some("{\"a\":\n [1.10, \"x,\"]}"), Some("[]"), None])),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, data_type, _)| {
            let field = Field::new(*name, data_type.clone(), true);
            if *name == "nested" {
                field.with_metadata([(EXTENSION_NAME.to_owned(), JSON_EXTENSION.to_owned())].into())
            } else {
                field
            }
        })
        .collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn expect(name: &str, actual: &[u8]) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name), actual).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(actual), String::from_utf8_lossy(&data(name)), "{name}");
}

fn parquet(content: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(content)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[tokio::test]
async fn text_formats_write_every_type_as_the_golden_files_say() {
    for (format, name) in [(OutputFormat::Json, "orders.json"), (OutputFormat::Csv, "orders.csv")] {
        let bench = Bench::new();
        let content = bench.content(&flow(sap(), format, map_all()), scan_of(&orders())).await.unwrap();
        expect(name, &content);
        assert_eq!(Progress::get(&bench.progress.bytes_written), content.len() as u64);
        assert_eq!(Progress::get(&bench.progress.records_processed), 3);
    }
}

#[tokio::test]
async fn json_lines_are_json_with_every_field_and_exact_numbers() {
    let bench = Bench::new();
    let spec = flow(sap(), OutputFormat::Json, map_all());
    let content = bench.content(&spec, scan_of(&orders())).await.unwrap();
    let rows: Vec<serde_json::Value> =
        String::from_utf8(content).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["price"].to_string(), "19.5000");
    assert_eq!(rows[0]["big"].as_i64(), Some(i64::MAX));
    assert_eq!(rows[0]["nested"]["a"][0].to_string(), "1.10");
    for row in &rows {
        assert_eq!(row.as_object().unwrap().len(), orders().num_columns());
    }
    assert!(rows[2]["name"].is_null() && rows[2]["nested"].is_null());
}

#[tokio::test]
async fn parquet_keeps_types_or_holds_texts() {
    let bench = Bench::new();
    let mut spec = flow(sap(), OutputFormat::Parquet, map_all());
    spec.destination.preserve_source_data_typing = Some(true);
    let batch = parquet(bench.content(&spec, scan_of(&orders())).await.unwrap());
    let source = orders();
    for (at, field) in source.schema().fields().iter().enumerate() {
        let kept = batch.schema().field(at).data_type().clone();
        match field.name().as_str() {
            "at_s" => {
                assert_eq!(kept, DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
                let values = batch.column(at).as_primitive::<TimestampMillisecondType>();
                assert_eq!(values.value(0), 1_672_549_200_000);
            }
            "nested" => assert_eq!(batch.column(at).as_string::<i32>().value(1), "[]"),
            _ => {
                assert_eq!(&kept, field.data_type(), "{}", field.name());
                assert_eq!(batch.column(at), source.column(at), "{}", field.name());
            }
        }
    }
    assert_eq!(batch.column_by_name("price").unwrap().as_primitive::<Decimal128Type>().value(1), -1);

    for preserve in [None, Some(false)] {
        let bench = Bench::new();
        spec.destination.preserve_source_data_typing = preserve;
        let batch = parquet(bench.content(&spec, scan_of(&orders())).await.unwrap());
        assert!(batch.schema().fields().iter().all(|field| field.data_type() == &DataType::Utf8));
        let texts: Vec<_> = batch.columns().iter().map(|column| column.as_string::<i32>().value(0)).collect();
        assert_eq!(texts[2..4], ["9223372036854775807", "19.5000"]);
        assert_eq!(texts[7], "2023-01-01T05:00:00Z");
        assert!(batch.columns()[1..].iter().all(|column| column.is_null(2)));
    }
}

#[tokio::test]
async fn parquet_has_small_row_groups_and_snappy() {
    let bench = Bench::new();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let batches = (0..20).map(|batch| {
        let values = Int64Array::from_iter_values((0..10_000).map(|row| batch * 10_000 + row));
        Ok(RecordBatch::try_new(schema.clone(), vec![Arc::new(values)]).unwrap())
    });
    let spec = flow(sap(), OutputFormat::Parquet, map_all());
    let content = bench.content(&spec, crate::support::scan(&schema, batches.collect())).await.unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(content)).unwrap();
    let groups = builder.metadata().row_groups();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].num_rows(), 128 * 1024);
    assert_eq!(groups[0].column(0).compression(), Compression::SNAPPY);
}

#[tokio::test]
async fn a_file_written_here_reads_back_as_it_was() {
    let text = "a,b\r\nx,\r\n\"\",\"q\"\"\r\n,\"\r\n";
    let bench = Bench::new();
    bench.put("f.csv", text);
    let spec = flow(s3(InputFormat::Csv, ""), OutputFormat::Csv, map_all());
    let content = bench.content(&spec, SourceInput::Files).await.unwrap();
    assert_eq!(String::from_utf8(content).unwrap(), text);

    let text = "{\"n\":12345678901234567890.10,\"s\":\"5\",\"o\":{\"x\":[null]},\"b\":true,\"z\":null}\n";
    let bench = Bench::new();
    bench.put("f.json", text);
    let spec = flow(s3(InputFormat::Json, ""), OutputFormat::Json, map_all());
    let content = bench.content(&spec, SourceInput::Files).await.unwrap();
    assert_eq!(String::from_utf8(content).unwrap(), text);
}

#[tokio::test]
async fn a_target_size_makes_several_files_and_single_file_does_not() {
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]));
    let rows = StringArray::from_iter_values(std::iter::repeat_n("x".repeat(600), 1_000));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(rows)]).unwrap();
    for (single_file, count) in [(false, 3), (true, 1)] {
        let bench = Bench::new();
        let mut spec = flow(sap(), OutputFormat::Json, map_all());
        spec.destination.aggregation.single_file = single_file;
        spec.destination.aggregation.target_file_size_mb = Some(1);
        let batches = vec![Ok(batch.clone()); 5];
        let list = bench.stage(&spec, crate::support::scan(&schema, batches)).await.unwrap();
        bench.engine.publish(&"run-1".into(), &list).await.unwrap();
        let files = crate::support::files(&bench.out());
        assert_eq!(files.len(), count);
        let lines: usize =
            files.iter().map(|(_, content)| content.iter().filter(|b| **b == b'\n').count()).sum();
        assert_eq!(lines, 5_000);
        if !single_file {
            assert_eq!(files[2].0, "flow/run-1/run-1-00003");
        }
    }
}
