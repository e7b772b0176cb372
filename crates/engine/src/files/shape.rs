//! What a data catalog is told of a run's output.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use tidegate_core::flow::{OutputFormat, S3Destination};
use tidegate_core::run::{OutputColumn, OutputShape};

use super::layout::Layout;
use crate::tasks::Output;

/// The shape of an output with these columns, of which `keys` became folders.
pub(super) fn of(
    destination: &S3Destination,
    columns: &[Output],
    keys: &[String],
    layout: &Layout,
    partitions: BTreeSet<String>,
) -> OutputShape {
    let column = |output: &Output| OutputColumn {
        name: output.name.clone(),
        hive_type: hive_type(destination, output),
    };
    OutputShape {
        schema_version: layout.schema_version,
        bucket: destination.bucket.clone(),
        format: destination.format,
        columns: columns.iter().filter(|output| !keys.contains(&output.name)).map(column).collect(),
        base: layout.base.clone(),
        folder: layout.folder.clone(),
        path_keys: layout.path_keys.iter().map(|&key| key.to_owned()).collect(),
        keys: keys.to_vec(),
        partitions: partitions.into_iter().collect(),
    }
}

/// The type under which Hive's readers understand what the format writes. CSV,
/// and Parquet without types, hold texts; in JSON dates and times are texts.
fn hive_type(destination: &S3Destination, output: &Output) -> String {
    let is_parquet = destination.format == OutputFormat::Parquet;
    let is_text = match destination.format {
        OutputFormat::Csv => true,
        OutputFormat::Parquet => destination.preserve_source_data_typing != Some(true),
        OutputFormat::Json => false,
    };
    if is_text || output.is_json {
        return "string".to_owned();
    }
    match &output.data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "int",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64 => "decimal(20,0)",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            return format!("decimal({precision},{scale})");
        }
        DataType::Date32 if is_parquet => "date",
        DataType::Timestamp(..) | DataType::Date64 if is_parquet => "timestamp",
        DataType::Time64(_) | DataType::Time32(TimeUnit::Microsecond) if is_parquet => "bigint",
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) if is_parquet => "binary",
        _ => "string",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::lit;

    use super::*;
    use crate::tasks::Meaning;

    #[test]
    fn types_are_those_that_the_format_keeps() {
        let of = |format, typed: bool, data_type: DataType, is_json: bool| {
            let destination = S3Destination {
                format,
                preserve_source_data_typing: Some(typed),
                ..S3Destination::default()
            };
            let (name, meaning) = ("x".to_owned(), Meaning::Own);
            let (trim, hidden, is_line) = (false, false, false);
            hive_type(
                &destination,
                &Output { name, expr: lit(1), data_type, is_json, meaning, trim, hidden, is_line },
            )
        };
        let moment = DataType::Timestamp(TimeUnit::Millisecond, None);
        for (format, typed, data_type, is_json, expected) in [
            (OutputFormat::Csv, true, DataType::Int64, false, "string"),
            (OutputFormat::Json, false, DataType::Int64, false, "bigint"),
            (OutputFormat::Json, false, DataType::Decimal128(15, 4), false, "decimal(15,4)"),
            (OutputFormat::Json, false, moment.clone(), false, "string"),
            (OutputFormat::Json, false, DataType::Date32, false, "string"),
            (OutputFormat::Json, false, DataType::Utf8, true, "string"),
            // Hive has no unsigned integers, and decimals of 38 digits at most.
            (OutputFormat::Json, false, DataType::UInt64, false, "decimal(20,0)"),
            (OutputFormat::Json, false, DataType::Decimal256(39, 0), false, "string"),
            (OutputFormat::Parquet, true, DataType::UInt32, false, "bigint"),
            (OutputFormat::Parquet, true, DataType::UInt64, false, "decimal(20,0)"),
            (OutputFormat::Parquet, true, DataType::Decimal256(39, 0), false, "string"),
            (OutputFormat::Parquet, false, DataType::UInt64, false, "string"),
            (OutputFormat::Parquet, false, DataType::Int64, false, "string"),
            (OutputFormat::Parquet, true, DataType::Date32, false, "date"),
            (OutputFormat::Parquet, true, moment, false, "timestamp"),
            (OutputFormat::Parquet, true, DataType::Binary, false, "binary"),
            (OutputFormat::Parquet, true, DataType::Int32, true, "string"),
        ] {
            assert_eq!(
                of(format, typed, data_type.clone(), is_json),
                expected,
                "{format:?} {typed} {data_type}"
            );
        }
    }
}
