//! [`Objects`]: requests to an object store, from threads that may wait.
//!
//! What fails in passing is repeated by the store's own client, as its `RetryConfig` says.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::stream::{BoxStream, Fuse};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
};
use tempfile::{NamedTempFile, TempPath};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::Created;
use crate::error::{Error, Result};

/// How large the parts of an upload are; a smaller file is uploaded at once.
const PART: usize = 8 << 20;
/// How many parts are on their way.
const PARTS_AT_A_TIME: usize = 4;
/// How often an object is created that meets another write of it, …
const ATTEMPTS: u32 = 5;
/// … and how long it waits before the second time; each later time it is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// An object store, whose requests run on the runtime that the query was started on.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) runtime: Handle,
    /// The URL of the store's root, such as `s3a://bucket/`; empty if nobody knows it.
    root: Arc<str>,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: String) -> Self {
        Self { store, runtime: Handle::current(), root: root.into() }
    }

    /// How the store calls itself.
    pub(crate) fn store(&self) -> String {
        self.store.to_string()
    }

    /// The URL of the store's root; empty if nobody knows it.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// How messages call an object.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    pub(crate) fn failed(&self, action: &'static str, key: &str, error: object_store::Error) -> Error {
        Error::io(action, self.name(key), error.into())
    }

    /// What is known of an object; `None` if there is none of this key.
    pub(crate) fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        // The root isn't an object.
        if key.is_empty() {
            return Ok(None);
        }
        let head = parse(key).and_then(|key| self.runtime.block_on(self.store.head(&key)));
        match head {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("reading", key, error)),
        }
    }

    /// Calls `visit` with each object below a key: those that begin with it and a slash.
    pub(crate) fn for_each_below(&self, key: &str, mut visit: impl FnMut(ObjectMeta)) -> Result<()> {
        let listed = parse(key).and_then(|key| {
            let below = (!key.is_root()).then_some(&key);
            let mut objects = self.store.list(below);
            self.runtime.block_on(async {
                while let Some(object) = objects.try_next().await? {
                    visit(object);
                }
                Ok(())
            })
        });
        listed.map_err(|error| self.failed("listing", key, error))
    }

    /// The objects below a key whose keys have no further slash, and what others begin with up to there.
    pub(crate) fn directory(&self, key: &str) -> Result<object_store::ListResult> {
        let listed = parse(key).and_then(|key| {
            let below = (!key.is_root()).then_some(&key);
            self.runtime.block_on(self.store.list_with_delimiter(below))
        });
        listed.map_err(|error| self.failed("listing", key, error))
    }

    /// All bytes of an object.
    pub(crate) fn get(&self, key: &str) -> io::Result<Bytes> {
        let got = parse(key)
            .and_then(|key| self.runtime.block_on(async { self.store.get(&key).await?.bytes().await }));
        Ok(got?)
    }

    /// The bytes of an object, as they arrive. The store may not wait long for a reader that pauses.
    pub(crate) fn open(&self, key: &str) -> io::Result<Body> {
        let got = parse(key).and_then(|key| self.runtime.block_on(self.store.get(&key)))?;
        Ok(Body { runtime: self.runtime.clone(), rest: got.into_stream().fuse(), here: Bytes::new() })
    }

    /// Writes an object unless there is one of this key. What has failed may have been written all the same, so an object of
    /// the same content counts as written now.
    pub(crate) fn create(&self, key: &str, content: &Bytes) -> Result<Created> {
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            match self.put_new(key, content.clone()) {
                Ok(()) => return Ok(Created::Now),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                }
                Err(error) => return Err(self.failed("creating", key, error)),
            }
            match self.get(key) {
                Ok(found) if found == *content => return Ok(Created::Now),
                Ok(_) => return Ok(Created::Before),
                // S3 refuses one of two writes at once (409) before the other one is there, or has failed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if attempt < ATTEMPTS {
                        std::thread::sleep(pause);
                        pause *= 2;
                    }
                }
                Err(error) => return Err(Error::io("reading", self.name(key), error)),
            }
        }
        let message = "the store says each time that there is one, or another write of it under way, and has none; make sure that nothing else writes there, and try again";
        Err(Error::io("creating", self.name(key), io::Error::other(message)))
    }

    /// Fails if the store wouldn't refuse to create an object that is there, as this one of the same content is.
    pub(crate) fn check_creates_once(&self, key: &str, content: Vec<u8>) -> Result<()> {
        let why = match self.put_new(key, content.into()) {
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                return Ok(());
            }
            Ok(()) => "it wrote an object that was to be created only if there is none".to_owned(),
            Err(
                error @ (object_store::Error::NotImplemented { .. }
                | object_store::Error::NotSupported { .. }),
            ) => error.to_string(),
            Err(error) => return Err(self.failed("creating", key, error)),
        };
        Err(Error::InvalidOption {
            option: "object_store",
            message: format!(
                "the store `{}` doesn't support conditional puts, without which two runs could write a batch at once: {why}; choose a store that does (`If-None-Match` on S3), and switch them on where they are an option (`S3ConditionalPut::ETagMatch`)",
                self.store
            ),
        })
    }

    /// Writes an object on condition that there is none of this key.
    fn put_new(&self, key: &str, content: Bytes) -> object_store::Result<()> {
        let (path, payload) = (parse(key)?, PutPayload::from_bytes(content));
        self.runtime.block_on(self.store.put_opts(&path, payload, PutMode::Create.into())).map(drop)
    }

    /// Writes an object, in place of the one of this key, if there is one.
    pub(crate) fn replace(&self, key: &str, content: Vec<u8>) -> Result<()> {
        let put = parse(key).and_then(|key| self.runtime.block_on(self.store.put(&key, content.into())));
        put.map(drop).map_err(|error| self.failed("writing", key, error))
    }

    /// Writes a file of this machine to a new key: a large one in parts, several at a time.
    pub(crate) fn upload(&self, mut file: File, key: &str) -> io::Result<()> {
        let path = parse(key)?;
        file.rewind()?;
        let mut part = Vec::new();
        (&mut file).take(PART as u64).read_to_end(&mut part)?;
        if part.len() < PART {
            self.runtime.block_on(self.store.put(&path, part.into()))?;
            return Ok(());
        }
        self.runtime.block_on(async {
            let mut upload = self.store.put_multipart(&path).await?;
            let mut sending = JoinSet::new();
            let sent = send(&mut *upload, &mut sending, part, file).await;
            if sent.is_err() {
                sending.shutdown().await;
                // Parts that stay are waste, which the store's own rules remove.
                let _ = upload.abort().await;
            }
            sent
        })
    }

    /// A copy of an object on this machine. It has a name, because not all that are needed at once could be open at once: a process that is
    /// killed leaves it.
    pub(crate) fn download(&self, key: &str) -> io::Result<TempPath> {
        let path = parse(key)?;
        let mut copy = NamedTempFile::new()?;
        let got = self.runtime.block_on(self.store.get(&path))?;
        let mut body = got.into_stream();
        while let Some(bytes) = self.runtime.block_on(body.try_next())? {
            copy.write_all(&bytes)?;
        }
        Ok(copy.into_temp_path())
    }

    /// Removes an object some time, without waiting.
    pub(crate) fn delete_later(&self, key: String) {
        let store = Arc::clone(&self.store);
        self.runtime.spawn(async move {
            let deleted = async { store.delete(&parse(&key)?).await };
            if let Err(error) = deleted.await {
                tracing::warn!(key, %error, "an object that nothing names stays");
            }
        });
    }

    /// Removes an object, which may be gone already.
    pub(crate) fn delete(&self, key: &str) -> io::Result<()> {
        match parse(key).and_then(|key| self.runtime.block_on(self.store.delete(&key))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Copies an object to a key that has none yet, and removes it. A copy of it that an earlier attempt has made will do.
    pub(crate) fn move_new(&self, from: &str, to: &str) -> io::Result<()> {
        let head = |key| self.head(key).map_err(io::Error::other);
        let Some(object) = head(from)? else { return Ok(()) };
        match head(to)? {
            Some(found) if found.size == object.size && found.last_modified >= object.last_modified => {}
            Some(_) => {
                let message = format!("`{}` exists", self.name(to));
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            None => {
                let (from_key, to_key) = (parse(from)?, parse(to)?);
                self.runtime.block_on(self.store.copy(&from_key, &to_key))?;
            }
        }
        self.delete(from)
    }
}

/// An object that is read from its beginning.
pub(crate) struct Body {
    runtime: Handle,
    rest: Fuse<BoxStream<'static, object_store::Result<Bytes>>>,
    /// What has arrived.
    here: Bytes,
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.here.is_empty() {
            match self.runtime.block_on(self.rest.try_next())? {
                Some(bytes) => self.here = bytes,
                None => break,
            }
        }
        Ok(&self.here)
    }

    fn consume(&mut self, count: usize) {
        self.here.advance(count);
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Sends a file in parts, of which the first is here.
async fn send(
    upload: &mut dyn MultipartUpload,
    sending: &mut JoinSet<object_store::Result<()>>,
    mut part: Vec<u8>,
    mut rest: File,
) -> io::Result<()> {
    while !part.is_empty() {
        while sending.len() >= PARTS_AT_A_TIME {
            sent(sending).await?;
        }
        sending.spawn(upload.put_part(std::mem::take(&mut part).into()));
        (&mut rest).take(PART as u64).read_to_end(&mut part)?;
    }
    while !sending.is_empty() {
        sent(sending).await?;
    }
    upload.complete().await?;
    Ok(())
}

/// Waits for one of the parts.
async fn sent(sending: &mut JoinSet<object_store::Result<()>>) -> io::Result<()> {
    match sending.join_next().await {
        Some(sent) => Ok(sent.map_err(io::Error::other)??),
        None => Ok(()),
    }
}

/// The options of a request for some bytes of one version of an object.
pub(super) fn options(range: std::ops::Range<u64>, e_tag: Option<&str>) -> GetOptions {
    GetOptions {
        range: Some(GetRange::Bounded(range)),
        if_match: e_tag.map(str::to_owned),
        ..GetOptions::default()
    }
}

/// The key, which is not to be escaped once more.
pub(super) fn parse(key: &str) -> object_store::Result<Key> {
    Ok(Key::parse(key)?)
}
