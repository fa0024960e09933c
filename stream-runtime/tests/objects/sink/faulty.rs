//! [`Faulty`]: an object store of which a request fails or waits, or whose objects are older than they are.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use stream_runtime::object_store::path::Path;
use stream_runtime::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::Semaphore;

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A write isn't done.
    Write,
    /// A write is done, and its answer lost.
    Answer,
    /// Nothing is read.
    Read,
    /// A write isn't done, and whoever waits for it waits for ever.
    Hang,
    /// A write is done, and whoever waits for it waits for ever.
    HangDone,
}

/// Holds back the writes of objects whose keys contain a text.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    key: String,
    pub(super) reached: Arc<Semaphore>,
    pub(super) opened: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    state: Arc<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// The fault, and how many requests of its kind come before it.
    fault: Option<(Fault, u64)>,
    requests: AtomicU64,
    failed: Mutex<Option<String>>,
    /// Has a permit once a write hangs.
    pub(crate) hangs: Semaphore,
    gate: Mutex<Option<Gate>>,
    /// How many seconds ago everything was written.
    age: AtomicI64,
    /// Uploads in parts that have begun and haven't ended.
    uploads: AtomicI64,
    /// Parts of such uploads.
    upload_parts: AtomicU64,
    /// Requests for what is known of an object.
    heads: AtomicU64,
    creation: Mutex<Creation>,
}

/// What becomes of a write on condition that there is no such object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Creation {
    #[default]
    AsItShould,
    /// The condition is passed over.
    Always,
    /// The store has no such writes.
    Unknown,
    /// So many times there is another write under way, of which nothing comes.
    Conflict(u64),
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    state: Arc<State>,
    key: Path,
    has_ended: bool,
}

impl Faulty {
    /// A store over another one, and what a test does with it.
    pub(super) fn over(
        inner: Arc<dyn ObjectStore>,
        fault: Option<(Fault, u64)>,
    ) -> (Arc<State>, Arc<dyn ObjectStore>) {
        let (requests, failed, gate, age, uploads, upload_parts, heads, creation) = Default::default();
        let hangs = Semaphore::new(0);
        let state =
            State { fault, requests, failed, hangs, gate, age, uploads, upload_parts, heads, creation };
        let state = Arc::new(state);
        (Arc::clone(&state), Arc::new(Self { inner, state }))
    }
}

impl State {
    /// The request that has failed.
    pub(super) fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap().clone()
    }

    pub(super) fn hold_back(&self, key: &str) -> Gate {
        let closed = || Arc::new(Semaphore::new(0));
        let gate = Gate { key: key.to_owned(), reached: closed(), opened: closed() };
        *self.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    pub(super) fn age(&self, seconds: i64) {
        self.age.store(seconds, SeqCst);
    }

    /// How many requests there were for what is known of an object.
    pub(super) fn heads(&self) -> u64 {
        self.heads.load(SeqCst)
    }

    pub(super) fn creates(&self, creation: Creation) {
        *self.creation.lock().unwrap() = creation;
    }

    fn create(&self, key: &Path) -> Result<Option<PutMode>> {
        let mut creation = self.creation.lock().unwrap();
        match &mut *creation {
            Creation::AsItShould | Creation::Conflict(0) => Ok(None),
            Creation::Always => Ok(Some(PutMode::Overwrite)),
            Creation::Unknown => {
                Err(Error::NotImplemented { operation: "put".into(), implementer: "Faulty".into() })
            }
            Creation::Conflict(left) => {
                *left -= 1;
                Err(Error::AlreadyExists { path: key.to_string(), source: "409 Conflict".into() })
            }
        }
    }

    pub(super) fn uploads(&self) -> (i64, u64) {
        (self.uploads.load(SeqCst), self.upload_parts.load(SeqCst))
    }

    /// Whether the request of this kind is the one that fails; a failure is noted.
    fn fails(&self, is_read: bool, what: &str, key: &Path) -> Option<Fault> {
        let (fault, at) = self.fault.filter(|(fault, _)| (*fault == Fault::Read) == is_read)?;
        if self.requests.fetch_add(1, SeqCst) != at {
            return None;
        }
        *self.failed.lock().unwrap() = Some(format!("{what} {key}"));
        Some(fault)
    }

    fn read(&self, what: &str, key: &Path) -> Result<()> {
        self.fails(true, what, key).map_or(Ok(()), |_| Err(failure()))
    }

    async fn write<T>(
        &self,
        what: &str,
        key: &Path,
        write: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let gate = self.gate.lock().unwrap().clone().filter(|gate| key.as_ref().contains(&gate.key));
        if let Some(gate) = gate {
            gate.reached.add_permits(1);
            gate.opened.acquire().await.unwrap().forget();
        }
        match self.fails(false, what, key) {
            None => write.await,
            Some(Fault::Answer) => write.await.and(Err(failure())),
            Some(fault @ (Fault::Hang | Fault::HangDone)) => {
                if fault == Fault::HangDone {
                    drop(write.await);
                }
                self.hangs.add_permits(1);
                std::future::pending().await
            }
            Some(Fault::Write | Fault::Read) => Err(failure()),
        }
    }

    fn aged(&self, mut object: ObjectMeta) -> ObjectMeta {
        object.last_modified -= std::time::Duration::from_secs(self.age.load(SeqCst).unsigned_abs());
        object
    }
}

fn failure() -> Error {
    Error::Generic { store: "Faulty", source: "the connection was lost".into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl Upload {
    fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.state.uploads.fetch_sub(1, SeqCst);
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, state, key) = (self.inner.put_part(data), Arc::clone(&self.state), self.key.clone());
        state.upload_parts.fetch_add(1, SeqCst);
        async move { state.write("part", &key, part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (state, key) = (Arc::clone(&self.state), self.key.clone());
        let complete = async {
            let done = self.inner.complete().await;
            self.end();
            done
        };
        state.write("complete", &key, complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.end();
        self.inner.abort().await
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut opts: PutOptions,
    ) -> Result<PutResult> {
        if opts.mode == PutMode::Create
            && let Some(mode) = self.state.create(location)?
        {
            opts.mode = mode;
        }
        self.state.write("put", location, self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begin = self.inner.put_multipart_opts(location, opts);
        let inner = self.state.write("begin", location, begin).await?;
        self.state.uploads.fetch_add(1, SeqCst);
        Ok(Box::new(Upload {
            inner,
            state: Arc::clone(&self.state),
            key: location.clone(),
            has_ended: false,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.state.read("get", location)?;
        self.state.heads.fetch_add(options.head.into(), SeqCst);
        let mut got = self.inner.get_opts(location, options).await?;
        got.meta = self.state.aged(got.meta);
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (state, inner) = (Arc::clone(&self.state), Arc::clone(&self.inner));
        let delete = move |key: Path| {
            let (state, inner) = (Arc::clone(&state), Arc::clone(&inner));
            async move {
                let one = stream::once({
                    let key = key.clone();
                    async { Ok(key) }
                });
                let mut deleted = inner.delete_stream(one.boxed());
                state.write("delete", &key, async { deleted.try_next().await }).await?;
                Ok(key)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.state.read("list", prefix.unwrap_or(&Path::ROOT)) {
            return stream::once(async { Err(error) }).boxed();
        }
        let state = Arc::clone(&self.state);
        self.inner.list(prefix).map_ok(move |object| state.aged(object)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.state.read("list", prefix.unwrap_or(&Path::ROOT))?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
