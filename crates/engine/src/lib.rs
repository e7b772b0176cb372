//! The engine of Tidegate: runs one execution of a flow. The only crate that
//! names DataFusion.
//!
//! Reading order: [`Engine::stage`] in `run` is the whole story of a run,
//! `tasks` lowers each task to an expression, `files` reads and writes the
//! three formats in buckets and publishes what was staged.
//!
//! Nothing is collected: records stream from the source through the plan to
//! the file, and each stage waits for the next.

mod error;
mod files;
mod plan;
mod preview;
mod run;
mod table;
mod tasks;
mod values;

pub use error::RunError;
pub use files::buckets::{BucketError, Buckets, Object};
pub use files::events_in::{EventPieces, EventSource};
pub use files::local::LocalBuckets;
pub use files::s3::{S3Buckets, S3Config, S3KeySource, S3Keys};
pub use plan::read_request;
pub use preview::{Head, parquet_head};
pub use run::{Engine, EngineConfig, RunIdentity, SourceInput};
