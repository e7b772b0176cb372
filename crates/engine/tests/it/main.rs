//! The engine from the outside: flows over scans and files into buckets.

mod error_file;
mod formats;
mod memory;
mod partition;
mod property;
mod publish;
mod reference;
mod s3;
mod sources;
mod support;
mod tasks;
