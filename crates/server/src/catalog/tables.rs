//! Which tables of a catalog a run's output belongs to, and what they look
//! like: names, places, columns, partitions.
//!
//! The names are AppFlow's: `PREFIX_appflow_FLOW_TIME_latest` for the last run,
//! `PREFIX_appflow_FLOW_VERSION` for all runs of a schema version, and, where
//! runs have folders of their own, `PREFIX_appflow_FLOW_VERSION_EXECUTION`.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use tidegate_core::run::OutputShape;
use tidegate_core::task::Task;

/// How Hive's readers spell a missing value of a partition.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Which table it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The flow's table of the last run, of which this is the name before the
    /// time at which it was made.
    Latest(String),
    /// A table of this name.
    Exact(String),
}

/// A table as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: Name,
    /// The folder, as an address.
    pub location: String,
    pub columns: Vec<Column>,
    /// The names of the partition keys, which are all texts.
    pub keys: Vec<String>,
    pub partitions: Vec<Partition>,
    /// Whether partitions that are not named here go away.
    pub is_replaced: bool,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub hive_type: String,
    /// What the vendor calls the field, and what it says of it.
    pub label: Option<String>,
    pub description: Option<String>,
}

/// A partition of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub values: Vec<String>,
    pub location: String,
}

/// What a vendor says of a field: its label, and its description.
pub type Labels = HashMap<String, (String, Option<String>)>;

/// The tables of a run of a flow.
pub fn tables(prefix: &str, flow: &str, execution: &str, shape: &OutputShape, labels: &Labels) -> Vec<Table> {
    let of_flow = name_of(&format!("{prefix}_appflow_{flow}"));
    let of_version = format!("{of_flow}_{}", shape.schema_version);
    let columns = columns(shape, labels);
    let taken: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let own_keys = unlike(shape.keys.iter().map(String::as_str), &taken);
    let all = shape.path_keys.iter().chain(&shape.keys);
    let all_keys = unlike(all.map(String::as_str), &taken);
    let own: Vec<Partition> = shape.partitions.iter().map(|folder| partition(shape, &[], folder)).collect();
    let path: Vec<&str> =
        shape.folder[shape.base.len()..].split('/').filter(|part| !part.is_empty()).collect();
    let mut of_all: Vec<Partition> =
        shape.partitions.iter().map(|folder| partition(shape, &path, folder)).collect();
    if shape.keys.is_empty() && !path.is_empty() {
        of_all.push(partition(shape, &path, ""));
    }
    let table = |name, folder: &str, keys: &[String], partitions: &[Partition], is_replaced| Table {
        name,
        location: address(shape, folder, ""),
        columns: columns.clone(),
        keys: keys.to_vec(),
        partitions: partitions.to_vec(),
        is_replaced,
    };
    let latest = Name::Latest(of_flow);
    let mut tables = vec![
        table(latest, &shape.folder, &own_keys, &own, true),
        table(Name::Exact(of_version.clone()), &shape.base, &all_keys, &of_all, false),
    ];
    if shape.path_keys.last().is_some_and(|key| key == "execution_id") {
        let name = Name::Exact(name_of(&format!("{of_version}_{execution}")));
        tables.push(table(name, &shape.folder, &own_keys, &own, true));
    }
    tables
}

/// A text as a name that Glue and its readers take: lower case, and `_` for
/// what is neither a letter, a digit, `_` nor `-`.
fn name_of(text: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    text.chars().map(|character| if fits(character) { character.to_ascii_lowercase() } else { '_' }).collect()
}

fn columns(shape: &OutputShape, labels: &Labels) -> Vec<Column> {
    let names = unlike(shape.columns.iter().map(|column| column.name.as_str()), &[]);
    let column = |(column, name): (&tidegate_core::run::OutputColumn, String)| {
        let said = labels.get(&column.name);
        Column {
            name,
            hive_type: column.hive_type.clone(),
            label: said.map(|(label, _)| label.clone()),
            description: said.and_then(|(_, description)| description.clone()),
        }
    };
    shape.columns.iter().zip(names).map(column).collect()
}

/// Names in lower case, as Hive's readers want them; one that is taken gets a
/// number.
fn unlike<'n>(names: impl Iterator<Item = &'n str>, taken: &[String]) -> Vec<String> {
    let mut given: Vec<String> = Vec::new();
    for name in names {
        let name = name.to_lowercase();
        let is_free = |name: &String| !given.contains(name) && !taken.contains(name);
        let free =
            std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}_{number}"))).find(is_free);
        given.extend(free);
    }
    given
}

fn partition(shape: &OutputShape, path: &[&str], folder: &str) -> Partition {
    let value = |part: &str| match part.split_once('=').map_or(part, |(_, value)| value) {
        "null" => MISSING.to_owned(),
        spelled => percent_decode_str(spelled).decode_utf8_lossy().into_owned(),
    };
    let own = folder.split('/').filter(|part| !part.is_empty()).map(value);
    Partition {
        values: path.iter().map(|&part| part.to_owned()).chain(own).collect(),
        location: address(shape, &shape.folder, folder),
    }
}

fn address(shape: &OutputShape, folder: &str, below: &str) -> String {
    let mut address = format!("s3://{}/{folder}/", shape.bucket);
    if !below.is_empty() {
        address.push_str(below);
        address.push('/');
    }
    address
}

/// What the vendor says of the fields of the destination, by way of the tasks
/// that map them.
pub fn labels(tasks: &[Task], said: &[tidegate_core::entity::EntityField]) -> Labels {
    let of = |source: &str| {
        let field = said.iter().find(|field| field.identifier == source)?;
        Some((field.label.clone(), field.description.clone().filter(|text| !text.is_empty())))
    };
    let mut labels: Labels =
        said.iter().filter_map(|field| Some((field.identifier.clone(), of(&field.identifier)?))).collect();
    for task in tasks {
        if let Task::Map { source, destination, .. } = task {
            match of(source) {
                Some(said) => labels.insert(destination.clone(), said),
                // Computed by a task: the vendor knows nothing of it.
                None => labels.remove(destination),
            };
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use tidegate_core::flow::OutputFormat;
    use tidegate_core::run::OutputColumn;

    use super::*;

    fn shape(
        base: &str,
        folder: &str,
        path_keys: &[&str],
        keys: &[&str],
        partitions: &[&str],
    ) -> OutputShape {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let column = |name: &str| OutputColumn { name: name.to_owned(), hive_type: "string".to_owned() };
        OutputShape {
            schema_version: 3,
            bucket: "b".to_owned(),
            format: OutputFormat::Json,
            columns: ["Id", "ID", "year"].map(column).into(),
            base: base.to_owned(),
            folder: folder.to_owned(),
            path_keys: owned(path_keys),
            keys: owned(keys),
            partitions: owned(partitions),
        }
    }

    #[test]
    fn a_plain_run_has_two_tables_without_partitions() {
        let shape = shape("p/f", "p/f", &[], &[], &[]);
        let tables = tables("My.Prefix", "a.Flow!", "E-1", &shape, &Labels::new());
        let names: Vec<_> = tables.iter().map(|table| &table.name).collect();
        assert_eq!(
            names,
            [
                &Name::Latest("my_prefix_appflow_a_flow_".to_owned()),
                &Name::Exact("my_prefix_appflow_a_flow__3".to_owned())
            ]
        );
        for table in &tables {
            assert_eq!(
                (table.location.as_str(), table.keys.len(), table.partitions.len()),
                ("s3://b/p/f/", 0, 0)
            );
            let columns: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(columns, ["id", "id_2", "year"]);
        }
    }

    #[test]
    fn folders_of_the_path_are_partitions_of_the_version_s_table() {
        let folder = "f/schemaVersion_3/2023/01/E-1";
        let shape = shape(
            "f/schemaVersion_3",
            folder,
            &["year", "month", "execution_id"],
            &["K"],
            &["K=null", "K=a%2Fb"],
        );
        let tables = tables("p", "f", "E-1", &shape, &Labels::new());
        let [latest, version, run] = tables.as_slice() else { panic!("{tables:?}") };
        assert_eq!(run.name, Name::Exact("p_appflow_f_3_e-1".to_owned()));
        for table in [latest, run] {
            assert_eq!(table.location, format!("s3://b/{folder}/"));
            assert_eq!(table.keys, ["k"]);
            assert_eq!(table.partitions[0].values, [MISSING]);
            assert_eq!(table.partitions[1].values, ["a/b"]);
            assert_eq!(table.partitions[1].location, format!("s3://b/{folder}/K=a%2Fb/"));
        }
        assert!(latest.is_replaced && !version.is_replaced);
        assert_eq!(version.location, "s3://b/f/schemaVersion_3/");
        // A column has that name already.
        assert_eq!(version.keys, ["year_2", "month", "execution_id", "k"]);
        assert_eq!(version.partitions[1].values, ["2023", "01", "E-1", "a/b"]);
        assert_eq!(version.partitions[1].location, latest.partitions[1].location);
    }

    #[test]
    fn a_run_of_the_path_without_keys_is_one_partition_of_the_version() {
        let shape = shape("f", "f/2023", &["year"], &[], &[]);
        let tables = tables("p", "f", "E-1", &shape, &Labels::new());
        assert_eq!(tables.len(), 2);
        assert!(tables[0].partitions.is_empty());
        let expected = Partition { values: vec!["2023".to_owned()], location: "s3://b/f/2023/".to_owned() };
        assert_eq!(tables[1].partitions, [expected]);
    }
}
