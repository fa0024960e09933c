//! What the tests of mirrors share: queries, their input, and how they are run.
#![allow(dead_code)] // Each test binary uses a part of it.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::checkpoint::Mirror;
use stream_runtime::engine::StreamingQuery;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::memory::InMemory;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::Json;

pub(crate) const PREFIX: &str = "copies/words";
/// Files of the input, each of which is a batch.
pub(crate) const FILES: usize = 4;

#[derive(Schema)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) text: String,
    pub(crate) n: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct ByMinute {
    pub(crate) window: Window,
    pub(crate) text: String,
    pub(crate) n: u64,
}

stream_query! {
    pub(crate) query Counts(words: Word) -> Count {
        from w in words;
        group by w.text unbounded;
        select Count { text: w.text, n: count() };
        output complete;
    }
}

stream_query! {
    pub(crate) query Minutes(words: Word) -> ByMinute {
        from w in words watermark(w.ts, seconds(0));
        group by window(w.ts, minutes(1)) as m, w.text;
        select ByMinute { window: m, text: w.text, n: count() };
        output append;
    }
}

/// Writes the file that a batch will read: words, and the seconds of the day that they are of.
pub(crate) fn write_words(directory: &Path, file: usize, words: impl IntoIterator<Item = (String, usize)>) {
    let line = |(text, second): (String, usize)| {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{{\"text\":\"{text}\",\"ts\":\"2026-01-01T{hour:02}:{minute:02}:{second:02}Z\"}}\n")
    };
    let text: String = words.into_iter().map(line).collect();
    std::fs::create_dir_all(directory).expect("a directory for the input");
    // It appears whole.
    let hidden = directory.join(format!(".{file:04}"));
    std::fs::write(&hidden, text).expect("the input can be written");
    std::fs::rename(&hidden, directory.join(format!("{file:04}.jsonl"))).expect("the input can be renamed");
}

/// A file of two minutes of words, some of which every file has.
pub(crate) fn add_file(directory: &Path, file: usize) {
    let word = |row: usize| (format!("w{}", row * (file + 1) % 7), file * 120 + row * 10);
    write_words(directory, file, (0..12).map(word));
}

pub(crate) fn input(directory: &Path) -> FileSource<Json> {
    FileSource::json(directory).max_files_per_trigger(1)
}

pub(crate) fn in_memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

pub(crate) fn mirror(store: &Arc<dyn ObjectStore>) -> Mirror {
    Mirror::new(Arc::clone(store), PREFIX).retries(0)
}

/// Starts the counting of words, for all the files that there are.
pub(crate) async fn start_counts(
    words: &Path,
    checkpoint: &Path,
    mirror: Mirror,
) -> stream_runtime::Result<(MemoryResults<Count>, StreamingQuery)> {
    let (results, sink) = MemorySink::new();
    let query = Counts::query().words(input(words)).to(sink).checkpoint(checkpoint).mirror_to(mirror);
    let query = query.workers(1).trigger(Trigger::AvailableNow).start().await?;
    Ok((results, query))
}

/// Counts words to the end; gives the last result.
pub(crate) async fn count(
    words: &Path,
    checkpoint: &Path,
    mirror: Mirror,
) -> stream_runtime::Result<Vec<Count>> {
    let (results, query) = start_counts(words, checkpoint, mirror).await?;
    query.await_termination().await?;
    Ok(results.last().map(|batch| batch.rows.to_vec()).unwrap_or_default())
}

/// The names of a store's objects.
pub(crate) async fn names(store: &Arc<dyn ObjectStore>) -> Vec<stream_runtime::object_store::path::Path> {
    use futures_util::TryStreamExt;
    let objects: Vec<_> = store.list(None).try_collect().await.expect("the store can be listed");
    let mut names: Vec<_> = objects.into_iter().map(|object| object.location).collect();
    names.sort();
    names
}
