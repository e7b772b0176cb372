//! Buckets and the three file formats.

mod ahead;
pub(crate) mod buckets;
pub(crate) mod csv_in;
pub(crate) mod encode;
pub(crate) mod events_in;
mod gz;
pub(crate) mod json_in;
pub(crate) mod key;
pub(crate) mod layout;
pub(crate) mod local;
mod marks;
mod opened;
mod parquet_in;
pub(crate) mod parquet_out;
pub(crate) mod partition;
pub(crate) mod publish;
pub(crate) mod s3;
pub(crate) mod shape;
pub(crate) mod source;
pub(crate) mod spill;
pub(crate) mod stage;
mod text_column;
mod text_in;
pub(crate) mod text_out;
pub(crate) mod upload;
pub(crate) mod writer;

#[cfg(test)]
mod tests;
