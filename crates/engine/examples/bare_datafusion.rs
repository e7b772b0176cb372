//! What the bench's flow from CSV to Parquet does, written as a DataFusion program and nothing more: no tasks, no
//! staging, no record of a run. It is what the engine's own cost is measured against.
//!
//! `bare_datafusion SOURCE.csv TARGET.parquet` prints one JSON line: seconds, and the peak memory in MiB.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::config::TableParquetOptions;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::logical_expr::{ColumnarValue, Volatility, cast, col, create_udf, lit};
use datafusion::prelude::{CsvReadOptions, SessionContext};

/// Every column is read as text, as flows read CSV.
const COLUMNS: [&str; 12] = [
    "id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "city",
    "status",
    "quantity",
    "price",
    "created_at",
    "notes",
    "region",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (source, target) =
        arguments.next().zip(arguments.next()).ok_or("usage: bare_datafusion SOURCE TARGET")?;
    let begun = Instant::now();
    let schema = Schema::new(COLUMNS.map(|name| Field::new(name, DataType::Utf8, true)).to_vec());
    let session = SessionContext::new();
    let mask = create_udf(
        "mask_last_4",
        vec![DataType::Utf8],
        DataType::Utf8,
        Volatility::Immutable,
        Arc::new(|arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            let texts = arrays[0].as_string::<i32>();
            let mut masked = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
            for text in texts {
                masked.append_option(text.map(|text| {
                    let covered = text.chars().count().min(4);
                    let kept = text.chars().count() - covered;
                    text.chars().take(kept).chain(std::iter::repeat_n('*', covered)).collect::<String>()
                }));
            }
            Ok(ColumnarValue::Array(Arc::new(masked.finish()) as ArrayRef))
        }),
    );
    let float = |name| cast(col(name), DataType::Float64);
    let whole = |name: &str| cast(col(name), DataType::Int64).alias(name);
    let mut parquet = TableParquetOptions::new();
    parquet.global.compression = Some("snappy".to_owned());
    parquet.global.max_row_group_size = 128 * 1024;
    session
        .read_csv(&source, CsvReadOptions::new().schema(&schema).has_header(true))
        .await?
        .filter(col("status").not_eq(lit("closed")).and(float("price").gt(lit(250.0))))?
        .select(vec![
            whole("id"),
            col("first_name").alias("given_name"),
            col("last_name"),
            col("email"),
            mask.call(vec![col("phone")]).alias("phone"),
            col("city"),
            whole("quantity"),
            float("price").alias("price"),
            (float("quantity") * float("price")).alias("total"),
            col("created_at"),
            col("region"),
        ])?
        .write_parquet(&target, DataFrameWriteOptions::new().with_single_file_output(true), Some(parquet))
        .await?;
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
    let peak_mib = peak.and_then(|peak| peak.trim().parse::<f64>().ok()).unwrap_or_default() / 1024.0;
    let mut stdout = std::io::stdout();
    std::io::Write::write_all(
        &mut stdout,
        format!("{{\"seconds\": {seconds}, \"peak_mib\": {peak_mib}}}\n").as_bytes(),
    )?;
    Ok(())
}
