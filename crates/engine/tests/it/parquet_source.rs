//! Parquet files as a source.

use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, Float16Type, Int32Type, IntervalDayTimeType, Schema, TimeUnit, i256,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::WriterProperties;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{FlowSpec, InputFormat, OutputFormat};
use tidegate_core::plan::{Comparison, Filter};
use tidegate_core::task::{OnMissingField, Policies, Task};
use tidegate_engine::SourceInput;

use crate::support::{Bench, flow, map, map_all, s3};

/// Names and contents.
type Files<'a> = &'a [(&'a str, &'a [u8])];

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1 << 20)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let columns = columns.iter().map(|(name, array)| (*name, array.clone(), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn to_json(tasks: Vec<Task>) -> FlowSpec {
    flow(s3(InputFormat::Csv, "in"), OutputFormat::Json, tasks)
}

async fn text(bench: &Bench, spec: &FlowSpec) -> Result<String, String> {
    let written = bench.content(spec, SourceInput::Files).await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(written).unwrap())
}

/// Two rows of every type: a value and a null.
fn every_type() -> RecordBatch {
    let utc = || Some(Arc::from("+02:00"));
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let inner =
        Fields::from(vec![Field::new("a\"b", DataType::Utf8, true), Field::new("d", DataType::Date32, true)]);
    let members: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("x\n"), None])),
        Arc::new(Date32Array::from(vec![Some(0), Some(1)])),
    ];
    let structure = StructArray::new(inner, members, Some(vec![true, false].into()));
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(5);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let structures: ArrayRef = Arc::new(structure.clone());
    let nested = ListArray::new(
        Arc::new(Field::new("item", structure.data_type().clone(), true)),
        OffsetBuffer::from_lengths([2, 0]),
        structures.clone(),
        None,
    );
    batch(&[
        ("i8", Arc::new(Int8Array::from(vec![Some(-8), None]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ("u8", Arc::new(UInt8Array::from(vec![Some(255), None]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        (
            "f16",
            Arc::new(Float16Array::from(vec![
                Some(<Float16Type as ArrowPrimitiveType>::Native::from_f32(1.5)),
                None,
            ])),
        ),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.1), None]))),
        ("f64", Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
        (
            "d9",
            Arc::new(Decimal128Array::from(vec![Some(-12345), None]).with_precision_and_scale(9, 2).unwrap()),
        ),
        (
            "d38",
            Arc::new(Decimal128Array::from(vec![Some(7), None]).with_precision_and_scale(38, 10).unwrap()),
        ),
        (
            "d50",
            Arc::new(
                Decimal256Array::from(vec![Some(i256::from(15)), None])
                    .with_precision_and_scale(50, 1)
                    .unwrap(),
            ),
        ),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("date", Arc::new(Date32Array::from(vec![Some(19_358), None]))),
        (
            "zoned",
            Arc::new(TimestampMillisecondArray::from(vec![Some(1_500), None]).with_timezone_opt(utc())),
        ),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]))),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![Some(-1), None]))),
        ("time", Arc::new(Time32MillisecondArray::from(vec![Some(1_001), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("é"), None]))),
        ("empty", Arc::new(LargeStringArray::from(vec![Some(""), None]))),
        ("shared", Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("s"), None]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None]))),
        (
            "fixed",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(b"ab"), None].into_iter(), 2)
                    .unwrap(),
            ),
        ),
        ("list", Arc::new(list)),
        ("struct", structures),
        ("map", Arc::new(map.finish())),
        ("nested", Arc::new(nested)),
    ])
}

#[tokio::test]
async fn values_of_every_type_keep_their_value() {
    let bench = Bench::new();
    bench.put("in/a.parquet", parquet(&every_type()));
    let first = r#"{"i8":-8,"i64":-9223372036854775808,"u8":255,"u64":18446744073709551615,"f16":1.5,"f32":0.1,"f64":"NaN","d9":-123.45,"d38":0.0000000007,"d50":1.5,"bool":true,"date":"2023-01-01","zoned":"1970-01-01T00:00:01.500Z","local":"1970-01-01T00:00:00.000001Z","nanos":"1969-12-31T23:59:59.999999999Z","time":"00:00:01.001","text":"é","empty":"","shared":"s","bytes":"AP8=","fixed":"YWI=","list":[1,null],"struct":{"a\"b":"x\n","d":"1970-01-01"},"map":{"k":5},"nested":[{"a\"b":"x\n","d":"1970-01-01"},null]}"#;
    let names: Vec<String> =
        every_type().schema().fields().iter().map(|field| field.name().clone()).collect();
    let nulls: Vec<String> = names[..24].iter().map(|name| format!("\"{name}\":null")).collect();
    let expected = format!("{first}\n{{{},\"nested\":[]}}\n", nulls.join(","));
    assert_eq!(text(&bench, &to_json(map_all())).await.unwrap(), expected);
    assert_eq!(Progress::get(&bench.progress.files_read), 1);
}

#[tokio::test]
async fn types_are_kept_where_the_destination_keeps_types() {
    let bench = Bench::new();
    bench.put("in/a.parquet", parquet(&every_type()));
    let mut spec = flow(s3(InputFormat::Csv, "in"), OutputFormat::Parquet, map_all());
    spec.destination.preserve_source_data_typing = Some(true);
    let written = bench.content(&spec, SourceInput::Files).await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written)).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let read = concat_batches(&schema, &batches).unwrap();
    let source = every_type();
    // What is the same is the same array; of the others the type is told.
    let utc = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    let others = [
        ("f16", DataType::Float32),
        ("d50", DataType::Decimal256(50, 1)),
        ("zoned", utc(TimeUnit::Millisecond)),
        ("local", utc(TimeUnit::Microsecond)),
        ("nanos", utc(TimeUnit::Nanosecond)),
        ("time", DataType::Time64(TimeUnit::Microsecond)),
        ("empty", DataType::Utf8),
        ("shared", DataType::Utf8),
        ("fixed", DataType::Binary),
        ("list", DataType::Utf8),
        ("struct", DataType::Utf8),
        ("map", DataType::Utf8),
        ("nested", DataType::Utf8),
    ];
    for field in source.schema().fields() {
        let array = read.column_by_name(field.name()).unwrap();
        match others.iter().find(|(name, _)| name == field.name()) {
            Some((_, data_type)) => assert_eq!(array.data_type(), data_type, "{}", field.name()),
            None => assert_eq!(array, source.column_by_name(field.name()).unwrap(), "{}", field.name()),
        }
        assert!(array.is_valid(0) && (array.is_null(1) || field.name() == "nested"), "{}", field.name());
    }
}

#[tokio::test]
async fn columns_are_those_of_all_files_and_types_hold_the_values_of_all() {
    let bench = Bench::new();
    let ints = |values: Vec<i32>| Arc::new(Int32Array::from(values)) as ArrayRef;
    bench.put("in/a.parquet", parquet(&batch(&[("n", ints(vec![1])), ("mix", ints(vec![2]))])));
    // No name says what these are.
    let big: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["text"]));
    bench.put("in/b", parquet(&batch(&[("late", texts.clone()), ("n", big.clone())])));
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![0]));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]));
    bench.put("in/c", parquet(&batch(&[("mix", dates), ("late", lists)])));
    bench.put(
        "in/d",
        parquet(&batch(&[("mix", Arc::new(NullArray::new(1))), ("none", Arc::new(NullArray::new(1)))])),
    );
    bench.put("in/_metadata", "PAR1 which describes the others PAR1");
    let expected = concat!(
        "{\"n\":1,\"mix\":\"2\",\"late\":null,\"none\":null}\n",
        "{\"n\":9223372036854775807,\"mix\":null,\"late\":\"text\",\"none\":null}\n",
        "{\"n\":null,\"mix\":\"1970-01-01\",\"late\":\"[1]\",\"none\":null}\n",
        "{\"n\":null,\"mix\":null,\"late\":null,\"none\":null}\n",
    );
    assert_eq!(text(&bench, &to_json(map_all())).await.unwrap(), expected);
    assert_eq!(Progress::get(&bench.progress.files_read), 4);
}

#[tokio::test]
async fn a_value_that_the_common_type_does_not_hold_ends_the_run() {
    let bench = Bench::new();
    let far: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![253_402_300_799_999]));
    let near: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1]));
    bench.put("in/a.parquet", parquet(&batch(&[("t", far)])));
    bench.put("in/b.parquet", parquet(&batch(&[("t", near)])));
    let error = text(&bench, &to_json(map_all())).await.unwrap_err();
    assert!(error.starts_with("The file in/a.parquet cannot be read: column t: "), "{error}");
}

#[tokio::test]
async fn only_the_columns_that_are_asked_for_are_read() {
    const ROWS: i64 = 300_000;
    let bench = Bench::new();
    let noise = |salt: i64| {
        let values = (0..ROWS).map(move |n| n.wrapping_mul(0x1e37_79b9_7f4a_7c15) ^ salt);
        Arc::new(Int64Array::from_iter_values(values)) as ArrayRef
    };
    let columns = batch(&[
        ("a", noise(1)),
        ("small", Arc::new(BooleanArray::from(vec![true; ROWS as usize]))),
        ("b", noise(2)),
    ]);
    let content = parquet(&columns);
    assert!(content.len() > 4_000_000, "{}", content.len());
    bench.put("in/a.parquet", &content);
    let spec = to_json(vec![map("small")]);
    assert_eq!(text(&bench, &spec).await.unwrap(), "{\"small\":true}\n".repeat(ROWS as usize));
    // The first bytes and the end are read whatever is in them.
    let read = Progress::get(&bench.progress.bytes_read);
    assert!(read < 700 * 1024, "{read} of {}", content.len());
}

#[tokio::test]
async fn filters_compare_in_the_columns_own_types() {
    let columns = batch(&[
        ("u8", Arc::new(UInt8Array::from(vec![9, 10, 200])) as ArrayRef),
        ("u64", Arc::new(UInt64Array::from(vec![9, 10, u64::MAX]))),
        ("i16", Arc::new(Int16Array::from(vec![9, 10, -1]))),
        ("d", Arc::new(Decimal128Array::from(vec![900, 1000, 100]).with_precision_and_scale(9, 2).unwrap())),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![0, 86_400_000, 1]))),
    ]);
    let cases = [
        ("u8", Comparison::Greater, "9", "10 200"),
        ("u64", Comparison::Greater, "9", "10 200"),
        ("u64", Comparison::Equal, "18446744073709551615", "200"),
        ("i16", Comparison::Less, "10", "9 200"),
        ("d", Comparison::GreaterOrEqual, "9.5", "10"),
        ("t", Comparison::Greater, "1970-01-01T12:00:00Z", "10"),
    ];
    for (field, comparison, value, expected) in cases {
        let filter = Filter {
            field: field.to_owned(),
            comparison,
            data_type: Some("string".to_owned()),
            values: vec![value.to_owned()],
        };
        let spec = to_json(vec![map("u8"), Task::Filter(filter)]);
        let rows = text(&fresh(&columns), &spec).await.unwrap();
        let expected: String = expected.split(' ').map(|n| format!("{{\"u8\":{n}}}\n")).collect();
        assert_eq!(rows, expected, "{field} {value}");
    }
}

/// A bench with one file: each has one output.
fn fresh(columns: &RecordBatch) -> Bench {
    let bench = Bench::new();
    bench.put("in/a.parquet", parquet(columns));
    bench
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_the_files_name() {
    let ints: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let whole = parquet(&batch(&[("x", ints.clone())]));
    let mut damaged = whole.clone();
    let footer = whole.len() - 20;
    damaged[footer..footer + 8].fill(0xff);
    let mut pages = whole.clone();
    pages[4..20].fill(0xff);
    let schema = Arc::new(Schema::new(vec![
        Field::new("twice", DataType::Int32, true),
        Field::new("twice", DataType::Int32, true),
    ]));
    let twice = parquet(&RecordBatch::try_new(schema, vec![ints.clone(), ints.clone()]).unwrap());
    let span: ArrayRef =
        Arc::new(PrimitiveArray::<IntervalDayTimeType>::new(Buffer::from(vec![0_u8; 8]).into(), None));
    let span = parquet(&batch(&[("x", ints), ("span", span)]));
    let not_parquet =
        "its name ends in .parquet, and it does not begin and end as a Parquet file does; was it cut off?";
    let apart = "keep them in folders of their own";
    let cases: [(Files<'_>, Vec<Task>, &str); 9] = [
        (&[("a.parquet", &whole[..whole.len() - 1])], map_all(), not_parquet),
        (&[("a.parquet", b"x\n1\n")], map_all(), not_parquet),
        (&[("a.parquet", &damaged)], map_all(), "The file in/a.parquet cannot be read: "),
        (&[("a.parquet", &pages)], map_all(), "The file in/a.parquet cannot be read: "),
        (&[("a.parquet", &whole), ("b.csv", b"x\n1\n")], map_all(), apart),
        (&[("a.csv", b"x\n1\n"), ("b.parquet", &whole)], vec![map("x")], apart),
        (
            &[("a.parquet", &twice)],
            map_all(),
            "The file in/a.parquet cannot be read: it has two columns of the name twice",
        ),
        (&[("a.parquet", &span)], map_all(), "the column span is of the type Interval"),
        (&[("a.parquet", &whole)], vec![map("y")], "The tasks name the field y, which none of the files has"),
    ];
    for (content, tasks, expected) in cases {
        let bench = Bench::new();
        content.iter().for_each(|(name, content)| bench.put(&format!("in/{name}"), content));
        let error = text(&bench, &to_json(tasks)).await.unwrap_err();
        assert!(error.contains(expected), "{error}\n{expected}");
    }
    // What is not asked for does no harm, and a field may be missing if the flow says so.
    let bench = Bench::new();
    bench.put("in/a", &span);
    let mut spec = to_json(vec![map("x"), map("y")]);
    spec.policies = Policies { on_missing_field: OnMissingField::Null, ..spec.policies };
    assert_eq!(text(&bench, &spec).await.unwrap(), "{\"x\":1,\"y\":null}\n");
    let bench = Bench::new();
    bench.put("in/a", &span);
    let spec = flow(s3(InputFormat::Json, "in"), OutputFormat::Json, vec![Task::Passthrough]);
    let error = text(&bench, &spec).await.unwrap_err();
    assert_eq!(error, "A Passthrough task needs a source of JSON Lines, and its files are Parquet");
}

#[tokio::test]
async fn long_texts_come_in_batches_of_a_bounded_size() {
    // One text of a million bytes that every row shares: decoded for each row
    // at once they would be 4 GB.
    const ROWS: usize = 4_000;
    let text: String = "long ".repeat(200_000);
    let mut keys = Int32Builder::new();
    (0..ROWS).for_each(|_| keys.append_value(0));
    let shared = DictionaryArray::new(keys.finish(), Arc::new(StringArray::from(vec![text.as_str()])));
    let bench = Bench::new();
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(1 << 24).build();
    let columns = batch(&[("x", Arc::new(shared) as ArrayRef)]);
    let mut writer = ArrowWriter::try_new(Vec::new(), columns.schema(), Some(properties)).unwrap();
    writer.write(&columns).unwrap();
    let content = writer.into_inner().unwrap();
    assert!(content.len() < 4_000_000, "{}", content.len());
    bench.put("in/a.parquet", content);
    let cut = Task::Truncate { field: "x".to_owned(), length: 4 };
    let spec = to_json(vec![map("x"), cut]);
    assert_eq!(crate::parquet_source::text(&bench, &spec).await.unwrap(), "{\"x\":\"long\"}\n".repeat(ROWS));
}
