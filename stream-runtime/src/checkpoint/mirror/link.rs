//! [`Link`]: what the query hands over to its mirror, and what it learns of it.
//!
//! Pieces are numbered in the order of the batches. What the mirror holds is always an image and all pieces after it, without
//! a gap; after a gap only a new image helps.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::checkpoint::image::Image;
use crate::engine::MirrorProgress;

use super::manifest::Tip;

/// Changes are worth a new image only from this size on.
const IMAGE_BYTES: u64 = 4 << 20;
/// So many objects of changes are worth one, too: each costs a request when it is read, and its line in each manifest.
const CHANGES: u64 = 500;
/// The most that waits in memory.
const PENDING_BYTES: u64 = 64 << 20;
/// Changes that have been waiting are uploaded together, up to about this size.
pub(super) const OBJECT_BYTES: usize = 8 << 20;
/// How long an upload that has been given up may hold on to the checkpoint.
const RELEASE: Duration = Duration::from_secs(5);

/// Between the query's commits and the uploads.
#[derive(Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// Tells commits that wait.
    changed: Condvar,
    /// Tells the uploads.
    work: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Piece>,
    pending_bytes: u64,
    /// The number of the last piece handed over, and of the last one mirrored.
    handed: u64,
    mirrored: u64,
    /// The last batch mirrored.
    batch: Option<u64>,
    /// Nothing but an image can be mirrored.
    behind: bool,
    imaging: bool,
    image_bytes: u64,
    /// Changes handed over since the last image was.
    changes_bytes: u64,
    /// Objects of changes that a reader has to read.
    changes: u64,
    closing: bool,
    /// Uploads have ended, for this reason if it was an error.
    ended: Option<Result<(), String>>,
    /// Why the last upload has failed, until one succeeds.
    failure: Option<String>,
    images_held: usize,
}

/// What is to be uploaded.
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) tip: Tip,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Frames.
    Changes(Vec<u8>),
    /// The checkpoint as all pieces up to this number have left it.
    Image(HeldImage),
}

/// An image that the link knows to be in use.
pub(super) struct HeldImage {
    // Dropped first.
    pub(super) image: Image,
    _held: Held,
}

struct Held(Arc<Link>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().images_held -= 1;
        self.0.changed.notify_all();
    }
}

/// What the last run has left in the mirror.
pub(super) struct Begin {
    /// Whether this run can go on with it.
    pub(super) resumed: bool,
    pub(super) batch: Option<u64>,
    pub(super) image_bytes: u64,
    pub(super) changes_bytes: u64,
    pub(super) changes: u64,
}

impl Link {
    pub(super) fn new(begin: &Begin) -> Arc<Self> {
        let &Begin { resumed, batch, image_bytes, changes_bytes, changes } = begin;
        let state =
            State { behind: !resumed, batch, image_bytes, changes_bytes, changes, ..State::default() };
        Arc::new(Self { state: Mutex::new(state), ..Self::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these changes are to be accompanied by an image.
    pub(super) fn wants_image(&self, bytes: usize) -> bool {
        let state = self.state();
        // While uploads fail, one image at a time is tried.
        let idle = state.queue.is_empty() && !state.imaging;
        let outgrown = state.changes_bytes + bytes as u64 > state.image_bytes.max(IMAGE_BYTES)
            || state.changes >= CHANGES;
        if state.behind { idle } else { !state.imaging && outgrown }
    }

    /// Hands over changes, and an image that they lead to if one is wanted.
    pub(super) fn hand_over(self: &Arc<Self>, changes: Vec<u8>, tip: Tip, image: Option<Image>) {
        let mut state = self.state();
        if state.behind && image.is_none() {
            // They would leave a gap; the next image has them.
            return;
        }
        state.handed += 1;
        let number = state.handed;
        if !state.behind {
            state.changes_bytes += changes.len() as u64;
            state.pending_bytes += changes.len() as u64;
            state.queue.push_back(Piece { number, tip, content: Content::Changes(changes) });
        }
        if let Some(image) = image {
            state.images_held += 1;
            let content = Content::Image(HeldImage { image, _held: Held(Arc::clone(self)) });
            state.queue.push_back(Piece { number, tip, content });
            (state.behind, state.imaging) = (false, true);
            state.changes_bytes = 0;
        }
        drop(state);
        self.work.notify_one();
    }

    /// Waits until no more than `backlog` pieces are outstanding.
    pub(super) fn wait(&self, backlog: u64) -> Result<(), String> {
        let mut state = self.state();
        loop {
            match &state.ended {
                Some(Err(why)) => return Err(why.clone()),
                Some(Ok(())) => return Ok(()),
                None => {}
            }
            let has_room = state.handed - state.mirrored <= backlog && state.pending_bytes <= PENDING_BYTES;
            if has_room || state.failure.is_some() {
                return Ok(());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Why nothing is uploaded any more.
    pub(super) fn check(&self) -> Result<(), String> {
        self.state().ended.clone().unwrap_or(Ok(()))
    }

    /// Has everything uploaded that was handed over, and waits for it.
    pub(super) fn close(&self) -> Result<(), String> {
        let mut state = self.state();
        state.closing = true;
        self.work.notify_one();
        loop {
            if let Some(ended) = &state.ended {
                return ended.clone();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Forgets what was handed over, and waits until nobody holds on to the checkpoint.
    pub(super) fn abandon(&self) {
        let queue = std::mem::take(&mut self.state().queue);
        drop(queue);
        let state = self.state();
        let held = |state: &mut State| state.images_held > 0;
        drop(self.changed.wait_timeout_while(state, RELEASE, held));
    }

    pub(super) fn progress(&self) -> MirrorProgress {
        let state = self.state();
        MirrorProgress {
            batch_id: state.batch,
            pending_uploads: state.handed - state.mirrored,
            pending_bytes: state.pending_bytes,
            failure: state.failure.clone(),
        }
    }

    /// The next image, or the next changes, as many as go together; `None` once there will be none.
    pub(super) async fn next(&self) -> Option<Piece> {
        loop {
            let work = self.work.notified();
            {
                let mut state = self.state();
                if let Some(piece) = state.pop() {
                    return Some(piece);
                }
                if state.closing {
                    return None;
                }
            }
            work.await;
        }
    }

    /// The mirror is at a batch now, with all pieces up to this number.
    pub(super) fn mirrored(&self, number: u64, batch: Option<u64>, changes: u64) {
        let mut state = self.state();
        (state.mirrored, state.batch, state.failure) = (number, batch, None);
        state.changes = changes;
        self.changed.notify_all();
    }

    /// An image has been mirrored.
    pub(super) fn imaged(&self, bytes: u64) {
        let mut state = self.state();
        (state.imaging, state.image_bytes) = (false, bytes);
    }

    /// An upload has failed: there is a gap.
    pub(super) fn fall_behind(&self, why: String) {
        let mut state = self.state();
        let queue = std::mem::take(&mut state.queue);
        (state.behind, state.imaging, state.pending_bytes) = (true, false, 0);
        state.mirrored = state.handed;
        state.failure = Some(why);
        drop(state);
        drop(queue);
        self.changed.notify_all();
    }

    /// Nothing is uploaded any more. The first reason counts.
    pub(super) fn end(&self, outcome: Result<(), String>) {
        let mut state = self.state();
        let queue = std::mem::take(&mut state.queue);
        state.ended.get_or_insert(outcome);
        drop(state);
        drop(queue);
        self.changed.notify_all();
    }
}

impl State {
    fn pop(&mut self) -> Option<Piece> {
        let mut piece = self.queue.pop_front()?;
        if let Content::Changes(frames) = &mut piece.content {
            while frames.len() < OBJECT_BYTES
                && matches!(self.queue.front(), Some(Piece { content: Content::Changes(_), .. }))
                && let Some(Piece { number, tip, content: Content::Changes(more) }) = self.queue.pop_front()
            {
                frames.extend_from_slice(&more);
                (piece.number, piece.tip) = (number, tip);
            }
            self.pending_bytes = self.pending_bytes.saturating_sub(frames.len() as u64);
        }
        Some(piece)
    }
}
