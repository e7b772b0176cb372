//! Objects opened ahead of their turn, and handed out in it: a source of
//! thousands of small objects waits for many answers at once.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio_util::task::AbortOnDropHandle;

use super::buckets::{BucketError, Buckets};
use super::opened::{Opened, Version};
use crate::error::RunError;

/// Objects that are open at once; each holds its first bytes.
const AHEAD: usize = 16;

/// An object whose turn comes.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub key: String,
    /// The version that must be read; `None` for whichever is there.
    pub pinned: Option<Version>,
}

/// Objects in the order of their turns.
pub(super) type InTurn = BoxStream<'static, Result<Opened, RunError>>;

/// Opens objects.
pub(super) fn open(buckets: &Arc<Buckets>, bucket: &str, turns: Vec<Turn>) -> InTurn {
    let (buckets, bucket): (Arc<Buckets>, Arc<str>) = (buckets.clone(), bucket.into());
    let opening = move |turn: Turn| {
        let (buckets, bucket) = (buckets.clone(), bucket.clone());
        let open = async move { buckets.open(&bucket, &turn.key, turn.pinned.as_ref()).await };
        let task = AbortOnDropHandle::new(tokio::spawn(open));
        async move {
            let ended = |error| BucketError::Failed(format!("The reading task ended early: {error}"));
            task.await.map_err(ended).flatten().map_err(BucketError::of_source)
        }
    };
    futures::stream::iter(turns).map(opening).buffered(AHEAD).boxed()
}
