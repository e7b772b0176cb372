//! The engine from the outside: flows over scans and files into buckets.

mod formats;
mod memory;
mod property;
mod publish;
mod s3;
mod sources;
mod support;
mod tasks;
