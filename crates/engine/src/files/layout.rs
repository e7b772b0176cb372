//! Keys of output objects.
//!
//! `PREFIX/FLOW/[schemaVersion_N/][YYYY/MM/DD/HH/mm/][EXECUTION-ID/][FIELD=VALUE/…]FILE`,
//! where FILE is the execution id, then the number of the file if a run may
//! write several into one folder, then the run's time if the file's name shall
//! carry it. No key has an extension, as at AppFlow.

use tidegate_core::civil::civil_from_days;
use tidegate_core::flow::{FileCount, FlowSpec, PathPrefix, PrefixFormat, PrefixType, S3Destination};
use tidegate_core::task::Task;
use tidegate_core::{ExecutionId, FlowName};

use super::key::join;

/// The keys of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What all runs of the schema version have in common.
    pub base: String,
    /// Everything before partitions and the file's name.
    pub folder: String,
    /// What the folders between the two stand for.
    pub path_keys: Vec<&'static str>,
    /// The version of the flow's schema.
    pub schema_version: u32,
    /// Whether the folder is this run's alone.
    pub own_folder: bool,
    /// How records are parted into files.
    pub files: FileCount,
    execution: String,
    time: Option<String>,
}

impl Layout {
    /// The layout of a flow's run that began at a time (epoch milliseconds).
    pub(crate) fn new(spec: &FlowSpec, execution: &ExecutionId, started_at_ms: i64) -> Self {
        let is_partitioned = spec.tasks.iter().any(|task| matches!(task, Task::Partition { .. }));
        let version = spec.schema_version;
        Self::of(&spec.destination, &spec.name, version, execution, started_at_ms, is_partitioned)
    }

    /// The same from the parts of a flow that matter.
    pub(crate) fn of(
        destination: &S3Destination,
        flow: &FlowName,
        schema_version: u32,
        execution: &ExecutionId,
        started_at_ms: i64,
        is_partitioned: bool,
    ) -> Self {
        let layout = &destination.layout;
        let files = destination.aggregation.files();
        let clock = Clock::new(started_at_ms);
        let has = |prefix: PathPrefix| layout.hierarchy.contains(&prefix);
        let in_path = matches!(layout.prefix_type, Some(PrefixType::Path | PrefixType::PathAndFilename));
        let in_name = matches!(layout.prefix_type, Some(PrefixType::Filename | PrefixType::PathAndFilename));
        // Without any option, files of a size lie together below the execution
        // id, where otherwise the one file has that key itself. Files for each
        // input do not, because there may be only one, and partitions are one
        // data set over all runs if nobody asks for the execution id.
        let plain = layout.prefix_type.is_none() && layout.hierarchy.is_empty() && !is_partitioned;
        let own_folder = has(PathPrefix::ExecutionId) || (plain && matches!(files, FileCount::OfSize(_)));
        let version = format!("schemaVersion_{schema_version}");
        let path = clock.path(layout.prefix_format.unwrap_or(PrefixFormat::Day));
        let base = join([
            destination.prefix.as_str(),
            flow.as_str(),
            if has(PathPrefix::SchemaVersion) { &version } else { "" },
        ]);
        let folder = join([
            base.as_str(),
            if in_path { &path } else { "" },
            if own_folder { execution.as_str() } else { "" },
        ]);
        let units = path.split('/').zip(["year", "month", "day", "hour", "minute"]);
        let mut path_keys: Vec<_> = units.filter(|_| in_path).map(|(_, unit)| unit).collect();
        path_keys.extend(own_folder.then_some("execution_id"));
        Self {
            base,
            folder,
            path_keys,
            schema_version,
            own_folder,
            files,
            execution: execution.as_str().to_owned(),
            time: in_name.then(|| clock.stamp()),
        }
    }

    /// The name of a file, counted from 1 in its folder; of files for each
    /// input, the input's number.
    pub(crate) fn file(&self, number: u32) -> String {
        let mut name = self.execution.clone();
        let is_numbered = match self.files {
            FileCount::One => false,
            FileCount::OfSize(_) => true,
            // The first, which is often the only one, has the plain name.
            FileCount::PerInput => number > 1,
        };
        if is_numbered {
            name.push_str(&format!("-{number:05}"));
        }
        if let Some(time) = &self.time {
            name.push('-');
            name.push_str(time);
        }
        name
    }

    /// The key of a file; `partition` is empty or `FIELD=VALUE/…`.
    pub(crate) fn key(&self, partition: &str, number: u32) -> String {
        join([self.folder.as_str(), partition, &self.file(number)])
    }
}

/// A moment in UTC, as its parts.
struct Clock {
    date: (i64, u32, u32),
    seconds: i64,
}

impl Clock {
    fn new(milliseconds: i64) -> Self {
        let seconds = milliseconds.div_euclid(1_000);
        Self { date: civil_from_days(seconds.div_euclid(86_400)), seconds: seconds.rem_euclid(86_400) }
    }

    fn path(&self, format: PrefixFormat) -> String {
        let (year, month, day) = self.date;
        let parts = [
            format!("{year:04}"),
            format!("{month:02}"),
            format!("{day:02}"),
            format!("{:02}", self.seconds / 3_600),
            format!("{:02}", self.seconds / 60 % 60),
        ];
        let count = match format {
            PrefixFormat::Year => 1,
            PrefixFormat::Month => 2,
            PrefixFormat::Day => 3,
            PrefixFormat::Hour => 4,
            PrefixFormat::Minute => 5,
        };
        parts[..count].join("/")
    }

    fn stamp(&self) -> String {
        let (year, month, day) = self.date;
        let (hours, minutes, seconds) = (self.seconds / 3_600, self.seconds / 60 % 60, self.seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::flow::{
        Aggregation, InputFormat, Layout as Options, S3Destination, S3Source, SourceSpec,
    };

    use super::*;

    fn layout(prefix: &str, options: Options, aggregation: Aggregation, keys: &[&str]) -> Layout {
        let partition = Task::Partition { keys: keys.iter().map(|&key| key.to_owned()).collect() };
        let spec = FlowSpec {
            name: "flow".into(),
            schema_version: 3,
            source: SourceSpec::S3(S3Source {
                changed: None,
                bucket: "in".to_owned(),
                prefix: String::new(),
                format: InputFormat::Csv,
            }),
            destination: S3Destination {
                bucket: "out".to_owned(),
                prefix: prefix.to_owned(),
                layout: options,
                aggregation,
                ..S3Destination::default()
            },
            tasks: if keys.is_empty() { vec![] } else { vec![partition] },
            policies: Default::default(),
            errors: Default::default(),
        };
        // 2023-01-02T03:04:05.678Z
        Layout::new(&spec, &"run-1".into(), 1_672_628_645_678)
    }

    fn options(kind: Option<PrefixType>, format: Option<PrefixFormat>, hierarchy: &[PathPrefix]) -> Options {
        Options { prefix_type: kind, prefix_format: format, hierarchy: hierarchy.to_vec() }
    }

    #[test]
    fn keys_follow_the_options() {
        use PathPrefix::{ExecutionId, SchemaVersion};
        use PrefixFormat::{Hour, Minute, Year};
        use PrefixType::{Filename, Path, PathAndFilename};
        let none = Aggregation::default();
        let many = Aggregation { target_file_size_mb: Some(128), ..Aggregation::default() };
        let single = Aggregation { single_file: true, ..many };
        let each = Aggregation { per_input: true, ..none };
        let cases = [
            ("in/", options(None, None, &[]), none, "in/flow/run-1"),
            ("/a//b/", options(None, None, &[]), single, "a/b/flow/run-1"),
            ("", options(None, None, &[]), many, "flow/run-1/run-1-00002"),
            ("", options(Some(Filename), None, &[]), none, "flow/run-1-2023-01-02T03:04:05"),
            ("", options(Some(Filename), None, &[]), many, "flow/run-1-00002-2023-01-02T03:04:05"),
            ("", options(Some(Path), Some(Year), &[]), none, "flow/2023/run-1"),
            ("", options(Some(Path), None, &[]), none, "flow/2023/01/02/run-1"),
            (
                "p",
                options(Some(PathAndFilename), Some(Minute), &[ExecutionId, SchemaVersion]),
                none,
                "p/flow/schemaVersion_3/2023/01/02/03/04/run-1/run-1-2023-01-02T03:04:05",
            ),
            ("", options(Some(Path), Some(Hour), &[]), many, "flow/2023/01/02/03/run-1-00002"),
            ("", options(None, None, &[ExecutionId]), none, "flow/run-1/run-1"),
            ("", options(None, None, &[]), each, "flow/run-1-00002"),
            ("", options(Some(Filename), None, &[]), each, "flow/run-1-00002-2023-01-02T03:04:05"),
        ];
        for (prefix, options, aggregation, expected) in cases {
            assert_eq!(layout(prefix, options, aggregation, &[]).key("", 2), expected);
        }
    }

    #[test]
    fn partitions_stand_before_the_file_and_after_the_execution() {
        let keys = ["a", "b"];
        let many = Aggregation { target_file_size_mb: Some(128), ..Aggregation::default() };
        let plain = layout("p", options(None, None, &[]), many, &keys);
        assert_eq!(plain.key("a=1/b=null", 2), "p/flow/a=1/b=null/run-1-00002");
        assert!(!plain.own_folder);
        let own = layout("p", options(None, None, &[PathPrefix::ExecutionId]), Aggregation::default(), &keys);
        assert_eq!(own.key("a=1/b=null", 1), "p/flow/run-1/a=1/b=null/run-1");
        let hierarchy = [PathPrefix::SchemaVersion, PathPrefix::ExecutionId];
        let dated = options(Some(PrefixType::Path), Some(PrefixFormat::Month), &hierarchy);
        let dated = layout("p", dated, Aggregation::default(), &[]);
        assert_eq!(
            (dated.base.as_str(), dated.folder.as_str()),
            ("p/flow/schemaVersion_3", "p/flow/schemaVersion_3/2023/01/run-1")
        );
        assert_eq!(dated.path_keys, ["year", "month", "execution_id"]);
    }
}
