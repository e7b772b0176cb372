//! Tables and partitions in AWS Glue, or in what speaks its API.
//!
//! Everything can be done again after a crash at any point: what is there is
//! updated.

use std::collections::HashSet;

use aws_sdk_glue::Client;
use aws_sdk_glue::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{
    BatchUpdatePartitionRequestEntry, Column as GlueColumn, ErrorDetail, PartitionInput, PartitionValueList,
    SerDeInfo, StorageDescriptor, Table as GlueTable, TableInput,
};
use tidegate_core::flow::OutputFormat;
use tidegate_core::run::{CatalogDetail, Registration};

use super::tables::{Name, Partition, Table};

/// The parameter of a table that names its flow.
const FLOW: &str = "AppFlowFlowName";
/// The most partitions that one request creates or updates.
const CREATED_AT_ONCE: usize = 100;
/// The most partitions that one request deletes.
const DELETED_AT_ONCE: usize = 25;

/// A database, and what is registered in it.
pub struct Database<'a> {
    pub client: &'a Client,
    pub name: &'a str,
    pub flow: &'a str,
    pub format: OutputFormat,
    /// Epoch seconds of now, for the name of a new table.
    pub now: i64,
}

impl Database<'_> {
    /// Registers a table and its partitions; what fails is told, and ends
    /// nothing.
    pub async fn register(&self, table: &Table) -> CatalogDetail {
        let mut detail = CatalogDetail::default();
        match self.table(table).await {
            Ok((name, created)) => {
                detail.table = name;
                detail.tables.count = 1;
                detail.partitions = self.partitions(&detail.table, table, created).await;
            }
            Err(error) => {
                detail.table = match &table.name {
                    Name::Latest(base) => format!("{base}_{}_latest", self.now),
                    Name::Exact(name) => name.clone(),
                };
                detail.partitions.error = Some("The table was not registered".to_owned());
                detail.tables.error = Some(error);
            }
        }
        detail
    }

    /// Creates or updates a table; gives its name, and whether it is new.
    async fn table(&self, table: &Table) -> Result<(String, bool), String> {
        let known = self.find(&table.name).await?;
        let name = match (&known, &table.name) {
            (Some(known), _) => known.name().to_owned(),
            (None, Name::Exact(name)) => name.clone(),
            (None, Name::Latest(base)) => format!("{base}_{}_latest", self.now),
        };
        let known_keys = |known: &GlueTable| {
            known.partition_keys().iter().map(|key| key.name().to_owned()).collect::<Vec<_>>()
        };
        let mut is_new = known.is_none();
        if let Some(known) = &known {
            let owner = known.parameters().and_then(|parameters| parameters.get(FLOW));
            // Nobody else's table is changed: neither another flow's, nor one that a crawler or AppFlow has made.
            if owner.map(String::as_str) != Some(self.flow) {
                let owner =
                    if owner.is_some() { "belongs to another flow" } else { "was not made by this flow" };
                return Err(format!("The table {name} {owner}; choose another table prefix"));
            }
            if known_keys(known) != table.keys {
                // Its partitions mean something else than the new ones.
                let gone = self.client.delete_table().database_name(self.name).name(&name).send().await;
                gone.map_err(|error| text(&error))?;
                is_new = true;
            }
        }
        let input = self.input(table, &name).map_err(|error| error.to_string())?;
        if is_new {
            let created =
                self.client.create_table().database_name(self.name).table_input(input.clone()).send();
            match created.await {
                Ok(_) => return Ok((name, true)),
                Err(error) if error.code() == Some("AlreadyExistsException") => {}
                Err(error) => return Err(text(&error)),
            }
        }
        let updated = self.client.update_table().database_name(self.name).table_input(input).send().await;
        updated.map_err(|error| text(&error))?;
        Ok((name, false))
    }

    async fn find(&self, name: &Name) -> Result<Option<GlueTable>, String> {
        match name {
            Name::Exact(name) => {
                match self.client.get_table().database_name(self.name).name(name).send().await {
                    Ok(answer) => Ok(answer.table),
                    Err(error) if error.code() == Some("EntityNotFoundException") => {
                        self.database_exists().await.map(|()| None)
                    }
                    Err(error) => Err(text(&error)),
                }
            }
            Name::Latest(base) => {
                let expression = format!("{base}_[0-9]+_latest");
                let mut pages = self
                    .client
                    .get_tables()
                    .database_name(self.name)
                    .expression(expression)
                    .into_paginator()
                    .send();
                let mut found: Option<GlueTable> = None;
                while let Some(page) = pages.next().await {
                    for table in page.map_err(|error| text(&error))?.table_list.unwrap_or_default() {
                        let is_older = found.as_ref().is_none_or(|found| table.name() < found.name());
                        if is_latest(table.name(), base) && is_older {
                            found = Some(table);
                        }
                    }
                }
                Ok(found)
            }
        }
    }

    /// A missing database is told as that, and not as a missing table.
    async fn database_exists(&self) -> Result<(), String> {
        let asked = self.client.get_database().name(self.name).send().await;
        asked.map(drop).map_err(|error| text(&error))
    }

    fn input(&self, table: &Table, name: &str) -> Result<TableInput, aws_sdk_glue::error::BuildError> {
        let column = |name: &str, hive_type: &str| GlueColumn::builder().name(name).r#type(hive_type);
        let keys: Result<Vec<_>, _> = table.keys.iter().map(|key| column(key, "string").build()).collect();
        let kind = match self.format {
            OutputFormat::Csv => "csv",
            OutputFormat::Json => "json",
            OutputFormat::Parquet => "parquet",
        };
        let input = TableInput::builder()
            .name(name)
            .description(format!("The output of the flow {}", self.flow))
            .table_type("EXTERNAL_TABLE")
            .set_partition_keys(Some(keys?))
            .storage_descriptor(self.storage(table, &table.location)?)
            .parameters("EXTERNAL", "TRUE")
            .parameters("classification", kind)
            .parameters(FLOW, self.flow);
        match self.format {
            OutputFormat::Csv => input.parameters("skip.header.line.count", "1").build(),
            _ => input.build(),
        }
    }

    fn storage(
        &self,
        table: &Table,
        location: &str,
    ) -> Result<StorageDescriptor, aws_sdk_glue::error::BuildError> {
        let columns: Result<Vec<_>, _> = table
            .columns
            .iter()
            .map(|column| {
                let mut built = GlueColumn::builder().name(&column.name).r#type(&column.hive_type);
                if let Some(label) = &column.label {
                    built = built.parameters("AppFlowLabel", label);
                }
                if let Some(description) = &column.description {
                    built = built.parameters("AppFlowDescription", description);
                }
                built.build()
            })
            .collect();
        let text = (
            "org.apache.hadoop.mapred.TextInputFormat",
            "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        );
        let parquet = (
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        );
        let ((read, write), library) = match self.format {
            OutputFormat::Csv => (text, "org.apache.hadoop.hive.serde2.OpenCSVSerde"),
            OutputFormat::Json => (text, "org.openx.data.jsonserde.JsonSerDe"),
            OutputFormat::Parquet => (parquet, "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
        };
        let mut serde = SerDeInfo::builder().serialization_library(library);
        if self.format == OutputFormat::Csv {
            serde = serde.parameters("separatorChar", ",").parameters("quoteChar", "\"");
        }
        Ok(StorageDescriptor::builder()
            .set_columns(Some(columns?))
            .location(location)
            .input_format(read)
            .output_format(write)
            .serde_info(serde.build())
            .build())
    }

    /// Creates or updates the partitions of a table, and deletes those of an
    /// earlier run where the table is that of one run.
    async fn partitions(&self, name: &str, table: &Table, is_new: bool) -> Registration {
        let mut registration = Registration::default();
        if table.keys.is_empty() {
            return registration;
        }
        let result = async {
            if table.is_replaced && !is_new {
                self.forget(name, &table.partitions).await?;
            }
            for some in table.partitions.chunks(CREATED_AT_ONCE) {
                self.put(name, table, some).await?;
                registration.count += some.len() as u64;
            }
            Ok::<(), String>(())
        };
        let error = result.await.err();
        registration.error = error;
        registration
    }

    async fn put(&self, name: &str, table: &Table, some: &[Partition]) -> Result<(), String> {
        let mut inputs = Vec::with_capacity(some.len());
        for partition in some {
            let storage = self.storage(table, &partition.location).map_err(|error| error.to_string())?;
            let values = Some(partition.values.clone());
            inputs.push(PartitionInput::builder().set_values(values).storage_descriptor(storage).build());
        }
        let request = self.client.batch_create_partition().database_name(self.name).table_name(name);
        let answer = request.set_partition_input_list(Some(inputs.clone())).send().await;
        let errors = answer.map_err(|error| text(&error))?.errors.unwrap_or_default();
        let mut known = HashSet::new();
        for error in errors {
            match error.error_detail.as_ref().and_then(ErrorDetail::error_code) {
                Some("AlreadyExistsException") => known.insert(error.partition_values.unwrap_or_default()),
                _ => return Err(refused(error.error_detail.as_ref())),
            };
        }
        let mut entries = Vec::new();
        for input in inputs.into_iter().filter(|input| known.contains(input.values())) {
            let entry = BatchUpdatePartitionRequestEntry::builder()
                .set_partition_value_list(Some(input.values().to_vec()))
                .partition_input(input);
            entries.push(entry.build().map_err(|error| error.to_string())?);
        }
        if entries.is_empty() {
            return Ok(());
        }
        let request = self.client.batch_update_partition().database_name(self.name).table_name(name);
        let answer = request.set_entries(Some(entries)).send().await.map_err(|error| text(&error))?;
        match answer.errors().first() {
            None => Ok(()),
            Some(error) => Err(refused(error.error_detail())),
        }
    }

    /// Deletes the partitions that are not wanted any more.
    async fn forget(&self, name: &str, wanted: &[Partition]) -> Result<(), String> {
        let wanted: HashSet<&[String]> = wanted.iter().map(|partition| partition.values.as_slice()).collect();
        let mut gone = Vec::new();
        let request = self.client.get_partitions().database_name(self.name).table_name(name);
        let mut pages = request.exclude_column_schema(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            for partition in page.map_err(|error| text(&error))?.partitions.unwrap_or_default() {
                if !wanted.contains(partition.values()) {
                    let values = PartitionValueList::builder().set_values(partition.values);
                    gone.push(values.build().map_err(|error| error.to_string())?);
                }
            }
        }
        for some in gone.chunks(DELETED_AT_ONCE) {
            let request = self.client.batch_delete_partition().database_name(self.name).table_name(name);
            let answer = request.set_partitions_to_delete(Some(some.to_vec())).send().await;
            let answer = answer.map_err(|error| text(&error))?;
            if let Some(error) = answer.errors().first() {
                return Err(refused(error.error_detail()));
            }
        }
        Ok(())
    }
}

/// Whether a name is `BASE_TIME_latest`.
fn is_latest(name: &str, base: &str) -> bool {
    name.strip_prefix(base)
        .and_then(|rest| rest.strip_prefix('_')?.strip_suffix("_latest"))
        .is_some_and(|time| !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The service's words, or else why there are none.
fn text<E, R>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: ProvideErrorMetadata + std::error::Error,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => DisplayErrorContext(error).to_string(),
    }
}

fn refused(detail: Option<&ErrorDetail>) -> String {
    let code = detail.and_then(ErrorDetail::error_code).unwrap_or("Glue refused a partition");
    let message = detail.and_then(ErrorDetail::error_message).unwrap_or_default();
    format!("{code}: {message}")
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn only_a_time_stands_between_a_flow_and_latest() {
        assert!(is_latest("p_appflow_f_1668036146_latest", "p_appflow_f"));
        for other in [
            "p_appflow_f_2_1668036146_latest",
            "p_appflow_f__latest",
            "p_appflow_f_1",
            "p_appflow_f2_1_latest",
        ] {
            assert!(!is_latest(other, "p_appflow_f"), "{other}");
        }
    }
}
