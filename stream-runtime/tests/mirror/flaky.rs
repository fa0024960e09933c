//! [`Flaky`]: an object store whose writes fail where a test wants.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use stream_runtime::object_store::memory::InMemory;
use stream_runtime::object_store::path::Path;
use stream_runtime::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Lets some writes (and removals) through, then fails so many, then works again.
#[derive(Debug)]
pub(crate) struct Flaky {
    pub(crate) inner: Arc<InMemory>,
    writes: AtomicU64,
    good: u64,
    bad: u64,
    /// Whether a write that fails is done all the same, as when only its answer gets lost.
    silently: bool,
    /// Whether the first read after each write fails.
    pub(crate) is_blind: AtomicBool,
    has_written: AtomicBool,
}

impl Flaky {
    pub(crate) fn new(good: u64, bad: u64, silently: bool) -> Arc<Self> {
        let (inner, writes, is_blind, has_written) = Default::default();
        Arc::new(Self { inner, writes, good, bad, silently, is_blind, has_written })
    }

    /// How many writes there were.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    fn cannot_read(&self) -> bool {
        self.has_written.swap(false, Ordering::SeqCst) && self.is_blind.load(Ordering::SeqCst)
    }

    fn is_bad(&self) -> bool {
        self.has_written.store(true, Ordering::SeqCst);
        let write = self.writes.fetch_add(1, Ordering::SeqCst);
        write >= self.good && write - self.good < self.bad
    }
}

fn failure() -> Error {
    Error::Generic { store: "Flaky", source: "the connection was lost".into() }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let is_bad = self.is_bad();
        if is_bad && !self.silently {
            return Err(failure());
        }
        let put = self.inner.put_opts(location, payload, opts).await?;
        if is_bad { Err(failure()) } else { Ok(put) }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.cannot_read() {
            return Err(failure());
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        if self.is_bad() {
            return stream::once(async { Err(failure()) }).boxed();
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.cannot_read() {
            return stream::once(async { Err(failure()) }).boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
