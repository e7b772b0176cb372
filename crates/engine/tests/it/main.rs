//! The engine from the outside: flows over scans and files into buckets.

mod compressed;
mod error_file;
mod events;
mod formats;
mod many_files;
mod memory;
mod parquet_source;
mod partition;
mod property;
mod publish;
mod reference;
mod s3;
mod sources;
mod support;
mod tasks;
