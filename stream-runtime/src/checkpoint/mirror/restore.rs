//! [`restore_from`]: a checkpoint from its mirror.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::checkpoint::rebuild::Rebuild;
use crate::error::{Error, Result};

use super::bucket::{ATTEMPTS, Bucket};
use super::frame::{Frame, frames};
use super::manifest::{Manifest, Tip};

/// What a restored checkpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The query's id.
    pub query_id: Uuid,
    /// The last batch committed; `None` if the first one was under way.
    pub batch: Option<u64>,
    /// The batch that was under way, which the query runs again with the same input.
    pub pending: Option<u64>,
}

/// Makes the checkpoint that a [`Mirror`](super::Mirror) keeps at `prefix` of `store` that of `directory`, which must not hold a checkpoint
/// yet. A query that is started with it goes on from the last batch mirrored. Make sure that the other machine has stopped.
///
/// Each object's checksum is compared, and the checkpoint is read from end to end, before the directory has a checkpoint. What was interrupted
/// can be done again.
///
/// ```no_run
/// # use stream_runtime::checkpoint;
/// # use stream_runtime::object_store::{ObjectStore, local::LocalFileSystem};
/// # async fn restore() -> Result<(), Box<dyn std::error::Error>> {
/// let store: std::sync::Arc<dyn ObjectStore> =
///     std::sync::Arc::new(LocalFileSystem::new_with_prefix("/mnt/copies")?);
/// let restored = checkpoint::restore_from(&store, "checkpoints/page-stats", "data/page-stats").await?;
/// println!("the query goes on after batch {:?}", restored.batch);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Checkpoint`] if there is no mirror, or nothing in it yet, if it is damaged or of a newer release, if it can't be read, or
/// if the directory holds a checkpoint, or something else; [`Error::Io`] if the directory can't be written.
pub async fn restore_from(
    store: &Arc<dyn ObjectStore>,
    prefix: &str,
    directory: impl Into<PathBuf>,
) -> Result<Restored> {
    let bucket = Bucket::new(Arc::clone(store), prefix, 0)?;
    let (directory, runtime) = (directory.into(), Handle::current());
    let restoring = tokio::task::spawn_blocking(move || restore(&bucket, &directory, &runtime));
    restoring.await.unwrap_or_else(|error| {
        Err(Error::Other(format!("the restoring of a checkpoint ended early: {error}").into()))
    })
}

fn restore(bucket: &Bucket, directory: &Path, runtime: &Handle) -> Result<Restored> {
    for _ in 0..ATTEMPTS {
        let Some(published) = runtime.block_on(bucket.published())? else {
            return Err(bucket.error("there is no mirror; check store and prefix"));
        };
        let manifest = published.manifest;
        if manifest.image.is_empty() {
            return Err(bucket.error("nothing has been mirrored yet: the query has not committed a batch"));
        }
        if let Some(query_id) = rebuild(bucket, &manifest, directory, runtime)? {
            let Tip { planned, committed, .. } = manifest.tip;
            let pending = planned.filter(|planned| Some(*planned) > committed);
            return Ok(Restored { query_id, batch: committed, pending });
        }
        if runtime.block_on(bucket.published())?.is_some_and(|now| now.number == published.number) {
            return Err(bucket.error(
                "the mirror is damaged: an object that its manifest names is missing; restore it from a copy, or go on with the checkpoint that it is of",
            ));
        }
    }
    Err(bucket.error("a query replaces the mirror faster than it can be read; stop the query first"))
}

/// Puts the checkpoint together, and gives its query's id; `None` if an object has been superseded meanwhile.
fn rebuild(bucket: &Bucket, manifest: &Manifest, directory: &Path, runtime: &Handle) -> Result<Option<Uuid>> {
    let rebuild = Rebuild::begin(directory)?;
    for object in manifest.objects() {
        let Some(bytes) = runtime.block_on(bucket.fetch(object))? else { return Ok(None) };
        for frame in frames(&bytes) {
            match frame.map_err(|why| bucket.damaged(&object.name, why))? {
                Frame::Record { key, value } => rebuild.put(key, value)?,
                Frame::Superseded { source } => rebuild.supersede_log(source)?,
            }
        }
    }
    let Tip { planned, committed, .. } = manifest.tip;
    Ok(Some(rebuild.finish(planned, committed)?.query_id))
}
