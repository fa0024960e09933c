//! A checkpoint's mirror: a copy in an object store, from which another machine goes on.
//!
//! ```text
//! PREFIX/manifest/NUMBER       which objects make up the mirror; the last one counts
//! PREFIX/data/RUN/image-…      the checkpoint as of a commit
//! PREFIX/data/RUN/changes-…    what the batches since then have changed
//! ```
//!
//! Objects are never replaced: new ones are put first, then a manifest that names them, and what no manifest names any
//! more goes last. So whatever is cut short, a reader finds the checkpoint as of a commit, or as of a batch's plan.

mod bucket;
mod frame;
mod link;
mod manifest;
mod restore;
mod store;
mod upload;

use std::sync::Arc;

use object_store::ObjectStore;

use crate::error::{Error, Result};

pub use restore::{Restored, restore_from};
pub(crate) use store::MirroredStore;

/// Keeps a copy of a query's checkpoint in an object store; given to
/// [`QueryBuilder::mirror_to`](crate::engine::QueryBuilder::mirror_to). [`restore_from`] makes a checkpoint of it again, on any machine.
///
/// The copy is an image of the checkpoint and the changes since, in the form in which batches commit them, so a commit costs what
/// has changed, not what there is. A new image is uploaded, beside the changes, once these have outgrown the last one (and
/// 4 MiB), or come to 500 objects; and at a start whose mirror had fallen behind. All in all two to three times the bytes of the changes are uploaded, and
/// a small manifest each time.
///
/// Uploads run beside the query. It waits for them only when more than [`backlog`](Self::backlog) are outstanding, and at its
/// end. `mirror` in the [`Progress`](crate::engine::Progress) tells how far the mirror has come.
///
/// # What a restored query repeats
///
/// Uploads lag behind the commits, so a query that goes on from a mirror runs its last batches again, and reads other ranges in them than
/// the lost machine did: a sink that has the lost batches already, by their ids, would take the new ones for repetitions. `FileSink`
/// refuses to start then, and rows in other places have to be removed by hand. [`synchronous`](Self::synchronous) closes the gap: each
/// plan is in the mirror before a sink sees a row, so that the restored query repeats the very batch that the lost one was in, exactly once.
///
/// # One query
///
/// A prefix belongs to one query, by its id; another one doesn't start, and none does while the store can't be reached. Of two runs of the same query, on two machines, the one that has
/// started last goes on, and the other one ends with an error at its next upload.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use stream_runtime::checkpoint::Mirror;
/// use stream_runtime::object_store::local::LocalFileSystem;
///
/// let store = Arc::new(LocalFileSystem::new_with_prefix("/mnt/copies")?);
/// let mirror = Mirror::new(store, "checkpoints/page-stats").every(10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a mirror does nothing until a query is told to keep it"]
pub struct Mirror {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    every: u64,
    backlog: u64,
    synchronous: bool,
    retries: u32,
    on_failure: OnMirrorFailure,
}

/// What becomes of a query whose mirror can't be written, after all repetitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMirrorFailure {
    /// It ends with the error.
    #[default]
    Fail,
    /// It goes on, with a warning in the log and in its progress; a later commit tries again, with a new image.
    Warn,
}

impl Mirror {
    /// A mirror below `prefix` of `store`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: impl Into<String>) -> Self {
        Self {
            store,
            prefix: prefix.into(),
            every: 1,
            backlog: 64,
            synchronous: false,
            retries: 10,
            on_failure: OnMirrorFailure::default(),
        }
    }

    /// Uploads after every so many batches, or earlier if their changes come to 8 MiB; after each batch unless set.
    pub fn every(mut self, batches: u64) -> Self {
        self.every = batches;
        self
    }

    /// How many uploads may be outstanding before a commit waits; 64 unless set. It waits, too, while more than 64 MiB of changes
    /// are to be uploaded.
    pub fn backlog(mut self, uploads: u64) -> Self {
        self.backlog = uploads;
        self
    }

    /// Has each batch's plan in the mirror before a sink sees a row, and each commit before the next batch. A batch then takes as
    /// long as two uploads at least; [`every`](Self::every) and [`backlog`](Self::backlog) have no say.
    pub fn synchronous(mut self) -> Self {
        self.synchronous = true;
        self
    }

    /// How often a write that has failed is repeated, after 0.1 s, 0.2 s, 0.4 s and so on up to 30 s; 10 times unless set.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// What becomes of the query when a write has failed as often as that; it fails unless set.
    pub fn on_failure(mut self, on_failure: OnMirrorFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    fn check(&self) -> Result<()> {
        if self.every == 0 {
            let message = "a mirror is written after every so many batches; give at least 1".to_owned();
            return Err(Error::InvalidOption { option: "every", message });
        }
        if self.synchronous && self.on_failure == OnMirrorFailure::Warn {
            let message = "a query can't both wait for its mirror and go on without it".to_owned();
            return Err(Error::InvalidOption { option: "on_failure", message });
        }
        Ok(())
    }
}
