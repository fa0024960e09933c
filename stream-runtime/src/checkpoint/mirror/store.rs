//! [`MirroredStore`]: a checkpoint on disk that hands on what it has made durable.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::checkpoint::live::CommitRecord;
use crate::checkpoint::writer::pack;
use crate::checkpoint::{BatchPlan, Commit, Fingerprint, Metadata, Recovered, SledStore, StateStore, key};
use crate::engine::MirrorProgress;
use crate::error::{Error, Result};
use crate::plan::{OperatorChanges, StateEntry};
use crate::source::LogEntry;
use crate::state::codec;

use super::Mirror;
use super::bucket::{ATTEMPTS, Bucket, Created, Published};
use super::frame::{put_record, put_superseded};
use super::link::{Begin, Link, OBJECT_BYTES};
use super::manifest::{self, Manifest, Tip};
use super::upload::{FOLDER, Uploader};

/// A checkpoint in a directory, with a mirror.
pub(crate) struct MirroredStore {
    options: Mirror,
    bucket: Bucket,
    runtime: Handle,
    feed: Mutex<Feed>,
    /// There once the mirror is claimed for the query.
    uploads: OnceLock<Uploads>,
    // Dropped last: it waits until nobody uses the database any more.
    local: SledStore,
}

struct Uploads {
    link: Arc<Link>,
    task: JoinHandle<()>,
}

/// What is durable on disk and not handed over yet.
#[derive(Default)]
struct Feed {
    frames: Vec<u8>,
    batches: u64,
    tip: Tip,
}

impl MirroredStore {
    /// Opens the checkpoint at `directory` and claims the mirror for it. Blocks, on the tokio runtime that does the uploads.
    pub(crate) fn open(directory: PathBuf, options: Mirror) -> Result<Self> {
        options.check()?;
        let bucket = Bucket::new(Arc::clone(&options.store), &options.prefix, options.retries)?;
        let local = SledStore::open(directory)?;
        let runtime = Handle::current();
        let (feed, uploads) = Default::default();
        let store = Self { options, bucket, runtime, feed: Mutex::new(feed), uploads, local };
        if let Some(metadata) = store.local.metadata()? {
            store.begin(metadata.query_id)?;
        }
        Ok(store)
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the mirror and starts the uploads.
    fn begin(&self, query_id: Uuid) -> Result<()> {
        let run = Uuid::new_v4();
        let Recovered { plans, commit, .. } = self.local.recover()?;
        let mut feed = self.feed();
        feed.tip = tip(plans.last(), commit.as_ref())?;
        let claimed = self.runtime.block_on(claim(&self.bucket, query_id, run, feed.tip, &plans))?;
        let resumed = !claimed.manifest.image.is_empty() && claimed.manifest.tip == feed.tip;
        let sizes = |objects: &[manifest::Object]| objects.iter().map(|object| object.bytes).sum();
        let link = Link::new(&Begin {
            resumed,
            batch: claimed.manifest.tip.committed,
            image_bytes: sizes(&claimed.manifest.image),
            changes_bytes: sizes(&claimed.manifest.changes),
            changes: claimed.manifest.changes.len() as u64,
        });
        let on_failure = self.options.on_failure;
        let uploader =
            Uploader::new(self.bucket.clone(), Arc::clone(&link), run, on_failure, claimed, resumed);
        let ending = Ending(Arc::clone(&link));
        let task = self.runtime.spawn(async move {
            let _ending = ending;
            uploader.run().await;
        });
        let uploads = self.uploads.get_or_init(|| Uploads { link, task });
        if !resumed && feed.tip.planned.is_some() {
            uploads.link.hand_over(Vec::new(), feed.tip, self.local.image()?);
        }
        drop(feed);
        if self.options.synchronous {
            // A batch that runs again isn't planned again: its plan has to be there before a sink sees its rows.
            uploads.link.wait(0).map_err(|why| self.failed(why))?;
        }
        Ok(())
    }

    fn link(&self) -> Result<&Arc<Link>> {
        let uploads = self.uploads.get();
        uploads
            .map(|uploads| &uploads.link)
            .ok_or_else(|| Error::checkpoint(self.local.location(), "isn't mirrored before it has metadata"))
    }

    fn failed(&self, why: impl std::fmt::Display) -> Error {
        Error::checkpoint(self.local.location(), format!("can't be mirrored: {why}"))
    }

    /// Hands over what the feed holds, and waits if too much is outstanding.
    fn flush(&self, feed: &mut Feed) -> Result<()> {
        let link = self.link()?;
        let image = if link.wants_image(feed.frames.len()) { self.local.image()? } else { None };
        feed.batches = 0;
        link.hand_over(std::mem::take(&mut feed.frames), feed.tip, image);
        let backlog = if self.options.synchronous { 0 } else { self.options.backlog };
        link.wait(backlog).map_err(|why| self.failed(why))
    }
}

/// Tells commits that wait that nothing is uploaded any more: the task was dropped with its runtime.
struct Ending(Arc<Link>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(Err("the tokio runtime was shut down while the query was running".to_owned()));
    }
}

/// How far a checkpoint has come.
fn tip(planned: Option<&BatchPlan>, commit: Option<&Commit>) -> Result<Tip> {
    let plan_crc32 = match planned {
        Some(plan) => crc32fast::hash(&encode_json(plan)?),
        None => 0,
    };
    Ok(Tip {
        planned: planned.map(|plan| plan.batch),
        plan_crc32,
        committed: commit.map(|commit| commit.batch),
    })
}

fn encode_json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::Other(format!("the mirror's records can't be encoded: {error}").into()))
}

/// Makes this run the one that writes the mirror; gives what the last one has left there.
async fn claim(
    bucket: &Bucket,
    query_id: Uuid,
    run: Uuid,
    local: Tip,
    plans: &[BatchPlan],
) -> Result<Published> {
    for _ in 0..ATTEMPTS {
        let (number, manifest) = match bucket.published().await? {
            None => (0, Manifest::empty(query_id, run)),
            // Claimed, and never used.
            Some(found) if found.manifest.image.is_empty() => {
                (found.number + 1, Manifest::empty(query_id, run))
            }
            Some(found) => {
                refuse_other(bucket, &found.manifest, query_id, local, plans)?;
                (found.number + 1, Manifest { run, ..found.manifest })
            }
        };
        if bucket.create(number, &manifest).await? == Created::Now {
            remove_leftovers(bucket, number, &manifest).await?;
            return Ok(Published { number, manifest });
        }
    }
    Err(bucket.error("another run of the query keeps writing to this mirror; stop it first"))
}

/// Removes what no manifest names: this run has the last one, so nobody adds to the others.
async fn remove_leftovers(bucket: &Bucket, number: u64, manifest: &Manifest) -> Result<()> {
    let kept: Vec<&str> = manifest.objects().map(|object| object.name.as_str()).collect();
    let mut leftovers = bucket.names(FOLDER).await?;
    leftovers.retain(|name| !kept.contains(&name.as_str()));
    let mut manifests = bucket.names(manifest::FOLDER).await?;
    manifests.retain(|name| manifest::number(name).is_some_and(|found| found < number));
    leftovers.append(&mut manifests);
    bucket.remove(leftovers).await;
    Ok(())
}

/// A mirror that this checkpoint would destroy is left as it is.
fn refuse_other(
    bucket: &Bucket,
    found: &Manifest,
    query_id: Uuid,
    local: Tip,
    plans: &[BatchPlan],
) -> Result<()> {
    if found.query_id != query_id {
        return Err(bucket.error(format!(
            "it is the mirror of query {}, and this is query {query_id}; give each query a prefix of its own",
            found.query_id
        )));
    }
    let (there, here) = (found.tip, local);
    if there.committed > here.committed || there.planned > here.planned {
        return Err(bucket.error(
            "it is ahead of this checkpoint: the query has gone on elsewhere; restore the checkpoint from it, or give this one a prefix of its own",
        ));
    }
    let Some(plan) = plans.iter().find(|plan| Some(plan.batch) == there.planned) else { return Ok(()) };
    if crc32fast::hash(&encode_json(plan)?) != there.plan_crc32 {
        return Err(bucket.error(format!(
            "its batch {} isn't that of this checkpoint: the query has gone on elsewhere; restore the checkpoint from it, or give this one a prefix of its own",
            plan.batch
        )));
    }
    Ok(())
}

impl StateStore for MirroredStore {
    fn location(&self) -> PathBuf {
        self.local.location()
    }

    fn metadata(&self) -> Result<Option<Metadata>> {
        self.local.metadata()
    }

    fn initialize(&self, metadata: &Metadata) -> Result<()> {
        // A prefix of another query is refused before there is anything on disk.
        self.begin(metadata.query_id)?;
        self.local.initialize(metadata)
    }

    fn update_fingerprint(&self, fingerprint: &Fingerprint) -> Result<()> {
        self.local.update_fingerprint(fingerprint)?;
        let Some(metadata) = self.local.metadata()? else { return Ok(()) };
        let encoded = encode_json(&metadata)?;
        put_record(&key::metadata(0), &encoded, &mut self.feed().frames).map_err(|why| self.failed(why))
    }

    fn recover(&self) -> Result<Recovered> {
        self.local.recover()
    }

    fn load(&self, operator: usize, visit: &mut dyn FnMut(StateEntry<'_>) -> Result<()>) -> Result<()> {
        self.local.load(operator, visit)
    }

    fn write_plan(&self, plan: &BatchPlan, logs: &[(usize, LogEntry)]) -> Result<()> {
        self.link()?.check().map_err(|why| self.failed(why))?;
        self.local.write_plan(plan, logs)?;
        let mut feed = self.feed();
        if feed.tip.planned >= Some(plan.batch) {
            return Ok(());
        }
        for (index, (source, entry)) in (0..).zip(logs) {
            let source = u16::try_from(*source).map_err(|_| self.failed("it has too many sources"))?;
            let (LogEntry::Append(bytes) | LogEntry::Replace(bytes)) = entry;
            if matches!(entry, LogEntry::Replace(_)) {
                put_superseded(source, &mut feed.frames);
            }
            put_record(&key::log(source, plan.batch, index, 0), bytes, &mut feed.frames)
                .map_err(|why| self.failed(why))?;
        }
        put_record(&key::plan(plan.batch, 0), &encode_json(plan)?, &mut feed.frames)
            .map_err(|why| self.failed(why))?;
        let committed = feed.tip.committed;
        feed.tip = Tip { committed, ..tip(Some(plan), None)? };
        if self.options.synchronous { self.flush(&mut feed) } else { Ok(()) }
    }

    fn write_commit(&self, commit: &Commit, changes: Vec<OperatorChanges>) -> Result<()> {
        self.link()?.check().map_err(|why| self.failed(why))?;
        let key_groups = self.local.metadata()?.map_or(0, |metadata| metadata.key_groups);
        let mut record = CommitRecord { commit: *commit, operators: Vec::with_capacity(changes.len()) };
        let mut frames = Vec::new();
        for (operator, changes) in changes.iter().enumerate() {
            let mut put = |number, sequence, packed: &[u8]| {
                put_record(&key::delta(commit.batch, number, sequence, 0), packed, &mut frames)
            };
            let delta = pack(operator, changes, key_groups, &mut put).map_err(|why| self.failed(why))?;
            record.operators.push(delta);
        }
        put_record(&key::commit(commit.batch, 0), &codec::encode(&record)?, &mut frames)
            .map_err(|why| self.failed(why))?;
        self.local.write_commit(commit, changes)?;
        let mut feed = self.feed();
        feed.frames.append(&mut frames);
        feed.tip.committed = Some(commit.batch);
        feed.batches += 1;
        let Mirror { synchronous, every, .. } = self.options;
        if synchronous || feed.batches >= every || feed.frames.len() >= OBJECT_BYTES {
            self.flush(&mut feed)?;
        }
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        self.local.disk_bytes()
    }

    fn mirror(&self) -> Option<MirrorProgress> {
        Some(self.uploads.get().map(|uploads| uploads.link.progress()).unwrap_or_default())
    }

    fn close(&self) -> Result<()> {
        let Ok(link) = self.link() else { return Ok(()) };
        {
            let mut feed = self.feed();
            if !feed.frames.is_empty() {
                self.flush(&mut feed)?;
            }
        }
        link.close().map_err(|why| self.failed(why))
    }
}

impl Drop for MirroredStore {
    fn drop(&mut self) {
        if let Some(Uploads { link, task }) = self.uploads.get() {
            task.abort();
            link.abandon();
        }
    }
}
