//! [`Uploader`]: the task that keeps a mirror up to date.
//!
//! Changes are uploaded one after the other; an image is uploaded beside them, and takes the place of the last one, and of the
//! changes that it covers, when it is whole.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::error::{Error, Result};

use super::OnMirrorFailure;
use super::bucket::{Bucket, Created, Published};
use super::frame::{TITLE, put_record};
use super::link::{Content, HeldImage, Link, OBJECT_BYTES, Piece};
use super::manifest::{self, Manifest, Object, Tip};

/// After so many objects of changes their frames are uploaded once more, as one object: a manifest names them all, and is
/// written each time.
const LOOSE: usize = 31;
/// Larger changes stay as they are.
const LOOSE_BYTES: usize = 1 << 20;

/// The folder of a run's objects.
pub(super) const FOLDER: &str = "data";

/// Uploads what comes through the link.
pub(super) struct Uploader {
    bucket: Bucket,
    link: Arc<Link>,
    run: Uuid,
    on_failure: OnMirrorFailure,
    /// What a reader finds.
    published: Published,
    /// Whether the changes go on from what a reader finds.
    chained: bool,
    /// The changes since the image, with the number of the last piece in each.
    changes: Vec<(u64, Object)>,
    /// The frames of the last of them, which the next ones are uploaded together with when there are many.
    loose: Vec<u8>,
    loose_objects: usize,
    /// The last piece uploaded.
    reached: (u64, Tip),
    image: Option<ImageUpload>,
    /// Another run has taken over.
    superseded: bool,
}

/// An image on its way.
struct ImageUpload {
    number: u64,
    tip: Tip,
    task: JoinHandle<Result<Vec<Object>>>,
}

impl Drop for ImageUpload {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Uploader {
    pub(super) fn new(
        bucket: Bucket,
        link: Arc<Link>,
        run: Uuid,
        on_failure: OnMirrorFailure,
        published: Published,
        resumed: bool,
    ) -> Self {
        let changes = if resumed {
            published.manifest.changes.iter().map(|object| (0, object.clone())).collect()
        } else {
            Vec::new()
        };
        let reached = (0, published.manifest.tip);
        Self {
            bucket,
            link,
            run,
            on_failure,
            published,
            chained: resumed,
            changes,
            loose: Vec::new(),
            loose_objects: 0,
            reached,
            image: None,
            superseded: false,
        }
    }

    /// Uploads until the link is closed, or until a failure that ends the query.
    pub(super) async fn run(mut self) {
        while let Err(error) = self.serve().await {
            if self.superseded || self.on_failure == OnMirrorFailure::Fail {
                self.link.end(Err(error.to_string()));
                return;
            }
            tracing::warn!(mirror = %self.bucket, %error, "the mirror falls behind; a later commit tries again with a new image");
            self.image = None;
            self.chained = false;
            self.changes.clear();
            self.begin_group();
            self.link.fall_behind(error.to_string());
        }
        self.link.end(Ok(()));
    }

    async fn serve(&mut self) -> Result<()> {
        let mut open = true;
        while open || self.image.is_some() {
            tokio::select! {
                piece = self.link.next(), if open => match piece {
                    Some(piece) => self.upload(piece).await?,
                    None => open = false,
                },
                done = uploaded(&mut self.image) => self.adopt(done?).await?,
            }
        }
        Ok(())
    }

    async fn upload(&mut self, piece: Piece) -> Result<()> {
        let Piece { number, tip, content } = piece;
        let run = self.run;
        let name = |kind: &str| format!("{FOLDER}/{}/{kind}-{number}", run.simple());
        match content {
            Content::Image(image) => {
                // What comes before the image goes when it is there, and what comes after it stays.
                self.begin_group();
                let task = upload_image(self.bucket.clone(), image, name("image"));
                self.image = Some(ImageUpload { number, tip, task: tokio::spawn(task) });
                Ok(())
            }
            Content::Changes(frames) => {
                if self.loose.len() + frames.len() > LOOSE_BYTES {
                    self.begin_group();
                }
                self.loose.extend_from_slice(&frames);
                let merged = if self.loose_objects == LOOSE { self.loose_objects } else { 0 };
                let frames = if merged > 0 { std::mem::take(&mut self.loose) } else { frames };
                let object = self.bucket.put(name("changes"), [TITLE.as_slice(), &frames].concat()).await?;
                self.changes.truncate(self.changes.len() - merged);
                self.changes.push((number, object));
                self.loose_objects = if merged > 0 { 0 } else { self.loose_objects + 1 };
                self.reached = (number, tip);
                if self.chained { self.publish(None).await } else { Ok(()) }
            }
        }
    }

    /// What comes next isn't uploaded together with what has been.
    fn begin_group(&mut self) {
        self.loose.clear();
        self.loose_objects = 0;
    }

    /// Puts an image in the place of the last one.
    async fn adopt(&mut self, objects: Vec<Object>) -> Result<()> {
        let Some((number, tip)) = self.image.take().map(|image| (image.number, image.tip)) else {
            return Ok(());
        };
        self.changes.retain(|(piece, _)| *piece > number);
        if self.reached.0 <= number {
            self.reached = (number, tip);
        }
        let bytes = objects.iter().map(|object| object.bytes).sum();
        self.publish(Some(objects)).await?;
        self.chained = true;
        self.link.imaged(bytes);
        Ok(())
    }

    /// Lets readers find what has been uploaded.
    async fn publish(&mut self, image: Option<Vec<Object>>) -> Result<()> {
        let before = &self.published;
        let manifest = Manifest {
            run: self.run,
            tip: self.reached.1,
            image: image.unwrap_or_else(|| before.manifest.image.clone()),
            changes: self.changes.iter().map(|(_, object)| object.clone()).collect(),
            ..Manifest::empty(before.manifest.query_id, self.run)
        };
        let number = before.number + 1;
        if self.bucket.create(number, &manifest).await? == Created::ByAnother {
            self.superseded = true;
            return Err(self.bucket.error(
                "another run of the query has taken over this mirror; stop one of the two: they write the same results",
            ));
        }
        let kept: HashSet<&str> = manifest.objects().map(|object| object.name.as_str()).collect();
        let superseded = before.manifest.objects().filter(|object| !kept.contains(object.name.as_str()));
        let superseded: Vec<String> = superseded.map(|object| object.name.clone()).collect();
        let manifest_before = manifest::name(before.number);
        self.published = Published { number, manifest };
        let objects = self.changes.len() as u64;
        self.link.mirrored(self.reached.0, self.reached.1.committed, objects);
        self.bucket.remove(std::iter::once(manifest_before).chain(superseded).collect()).await;
        Ok(())
    }
}

/// Waits for the image, if there is one.
async fn uploaded(image: &mut Option<ImageUpload>) -> Result<Vec<Object>> {
    match image {
        Some(upload) => (&mut upload.task).await.unwrap_or_else(|error| {
            Err(Error::Other(format!("the mirror's image was given up: {error}").into()))
        }),
        None => std::future::pending().await,
    }
}

async fn upload_image(bucket: Bucket, image: HeldImage, name: String) -> Result<Vec<Object>> {
    let (sender, mut parts) = mpsc::channel(1);
    let gone = || Error::Other("the mirror's image was given up".into());
    let reader = tokio::task::spawn_blocking(move || {
        let mut part = TITLE.to_vec();
        image.image.for_each_record(&mut |key, value| {
            put_record(key, value, &mut part).map_err(|why| Error::Other(why.into()))?;
            if part.len() >= OBJECT_BYTES {
                let full = std::mem::replace(&mut part, TITLE.to_vec());
                sender.blocking_send(full).map_err(|_| gone())?;
            }
            Ok(())
        })?;
        sender.blocking_send(part).map_err(|_| gone())
    });
    let mut objects = Vec::new();
    while let Some(part) = parts.recv().await {
        objects.push(bucket.put(format!("{name}-{:06}", objects.len()), part).await?);
    }
    reader.await.unwrap_or_else(|_| Err(gone()))?;
    Ok(objects)
}
