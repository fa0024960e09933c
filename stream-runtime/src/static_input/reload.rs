//! [`Reload`]: when a table is loaded again, and how a service says so.

use std::fmt;

use async_trait::async_trait;

use super::{StaticSource, Version};
use crate::error::Result;
use crate::schema::Schema;
use crate::time::Duration;

/// When a table is loaded again; never by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// At the earliest when this much time has passed since it was loaded, or looked at.
    pub(super) every: Option<Duration>,
    /// Only if its version has changed.
    pub(super) on_change: bool,
}

impl Reload {
    /// Whether the table is loaded only once.
    pub(super) fn is_never(self) -> bool {
        self == Self::default()
    }
}

/// A table with what [`StaticSourceExt`] has said of it.
pub struct StaticInput<R: Schema> {
    source: Box<dyn StaticSource<R>>,
    reload: Reload,
}

impl<R: Schema> fmt::Debug for StaticInput<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticInput")
            .field("source", &self.source.description())
            .field("reload", &self.reload)
            .finish()
    }
}

/// When a table is loaded again. Without any of these, it is loaded once, before the first batch; only a
/// [`MemoryTable`](super::MemoryTable) is looked at before each.
///
/// Either way a table changes only between two batches. See [the module](super) for what that means for a batch that is
/// run again after a crash.
pub trait StaticSourceExt<R: Schema>: StaticSource<R> + Sized {
    /// Loads the table again before the first batch that begins when `every` has passed since the last time.
    ///
    /// A query without new input runs no batch, and so loads nothing. `every` has to be positive, or the query fails
    /// before its first batch.
    fn reload_every(self, every: impl Into<Duration>) -> StaticInput<R> {
        let reload = Reload { every: Some(every.into()), ..self.reload_policy() };
        StaticInput { source: Box::new(self), reload }
    }

    /// Loads the table again before a batch if its [version](StaticSource::version) is another than that of the last
    /// time. With [`reload_every`](Self::reload_every), it is looked at only that often.
    ///
    /// A table that can't tell its version fails the query before its first batch.
    fn reload_on_change(self) -> StaticInput<R> {
        let reload = Reload { on_change: true, ..self.reload_policy() };
        StaticInput { source: Box::new(self), reload }
    }
}

impl<R: Schema, S: StaticSource<R>> StaticSourceExt<R> for S {}

#[async_trait]
impl<R: Schema> StaticSource<R> for StaticInput<R> {
    fn description(&self) -> String {
        self.source.description()
    }

    fn reload_policy(&self) -> Reload {
        self.reload
    }

    async fn load(&mut self) -> Result<Vec<R>> {
        self.source.load().await
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        self.source.version().await
    }
}
