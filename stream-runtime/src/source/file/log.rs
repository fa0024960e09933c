//! [`FileLog`]: which files a source has taken, and in which batch.
//!
//! The checkpoint keeps it as entries: a version byte, then JSON. A batch's files stay in it until the batch is
//! committed; after that a file is forgotten once it is too old to be taken for new (the *horizon*). The horizon is
//! part of the log, so that a larger `max_file_age` after a restart doesn't read forgotten files again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::is_partition;
use crate::source::LogEntry;
use crate::time::{Duration, Timestamp};

const VERSION: u8 = 1;
/// The log is rewritten at the earliest when it has grown by so many files.
const MIN_APPENDED: usize = 1024;

/// A file as it was when its batch was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenFile {
    /// The absolute path, or an object's key.
    pub(super) path: Arc<str>,
    /// The modification time, in microseconds.
    #[serde(rename = "modificationTime")]
    pub(super) modified: Timestamp,
    /// The length in bytes.
    pub(super) size: u64,
    /// What tells an object's versions apart, if its store does.
    #[serde(rename = "eTag", default, skip_serializing_if = "Option::is_none")]
    pub(super) e_tag: Option<Arc<str>>,
}

impl SeenFile {
    /// Whether it is still what was recorded. Stores give an object's time in other precision, and its version in other quotes, when
    /// it is listed than when it is asked for by itself.
    pub(super) fn is_same(&self, recorded: &Self) -> bool {
        let tag =
            |file: &Self| Some(file.e_tag.as_deref()?.trim_start_matches("W/").trim_matches('"').to_owned());
        match (tag(self), tag(recorded)) {
            (Some(found), Some(tag)) => self.size == recorded.size && found == tag,
            _ => self == recorded,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    log_offset: u64,
    files: Vec<SeenFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    horizon: Timestamp,
    batches: Vec<Batch>,
}

/// The files that were taken, by batch.
#[derive(Clone, Debug)]
pub(super) struct FileLog {
    by_name: bool,
    max_age: Option<Duration>,
    seen: HashSet<Arc<str>>,
    batches: BTreeMap<u64, Vec<SeenFile>>,
    /// A file modified before this is never new.
    horizon: Timestamp,
    /// The last batch that won't be asked for again.
    committed: Option<u64>,
    /// How many files the last rewriting of the log held, and how many were appended since.
    rewritten: usize,
    appended: usize,
}

impl FileLog {
    /// An empty log. Files are told apart `by_name` or by path.
    pub(super) fn new(by_name: bool, max_age: Option<Duration>) -> Self {
        Self {
            by_name,
            max_age,
            seen: HashSet::new(),
            batches: BTreeMap::new(),
            horizon: Timestamp::MIN,
            committed: None,
            rewritten: 0,
            appended: 0,
        }
    }

    /// Puts back what the checkpoint holds.
    ///
    /// # Errors
    /// What is wrong with an entry.
    pub(super) fn restore(&mut self, entries: &[Vec<u8>]) -> Result<(), String> {
        for (index, entry) in entries.iter().enumerate() {
            let record =
                decode(entry).map_err(|problem| format!("entry {index} of {}: {problem}", entries.len()))?;
            let count = record.batches.iter().map(|batch| batch.files.len()).sum();
            if index == 0 {
                self.rewritten = count;
            } else {
                self.appended += count;
            }
            self.horizon = self.horizon.max(record.horizon);
            for Batch { log_offset, files } in record.batches {
                if let Some((last, _)) =
                    self.batches.last_key_value().filter(|(last, _)| **last >= log_offset)
                {
                    return Err(format!(
                        "entry {index} of {}: batch {log_offset} comes after batch {last}",
                        entries.len()
                    ));
                }
                self.add(log_offset, files);
            }
        }
        Ok(())
    }

    /// The number of the last batch in the log.
    pub(super) fn last(&self) -> Option<u64> {
        self.batches.last_key_value().map(|(last, _)| *last)
    }

    /// The files of a batch, in the order in which they are read.
    pub(super) fn batch(&self, number: u64) -> Option<&[SeenFile]> {
        self.batches.get(&number).map(Vec::as_slice)
    }

    /// How many files it remembers.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether the file at `path` was taken, as far as the log remembers.
    pub(super) fn has_seen(&self, path: &str) -> bool {
        self.seen.contains(self.key(path))
    }

    /// Whether a file that wasn't seen is too old to be new.
    pub(super) fn is_too_old(&self, modified: Timestamp) -> bool {
        modified < self.horizon
    }

    /// Takes the files as a batch and answers what the checkpoint has to keep.
    pub(super) fn append(&mut self, number: u64, files: Vec<SeenFile>) -> LogEntry {
        let count = files.len();
        self.add(number, files);
        if self.appended + count > self.rewritten.max(MIN_APPENDED) {
            self.forget();
            self.rewritten = self.batches.values().map(Vec::len).sum();
            self.appended = 0;
            return LogEntry::Replace(self.encode(0));
        }
        self.appended += count;
        LogEntry::Append(self.encode(number))
    }

    /// Takes back the batches after `number`, which were offered and not planned; answers their files in order.
    pub(super) fn roll_back(&mut self, number: Option<u64>) -> Vec<SeenFile> {
        let first = number.map_or(0, |number| number.saturating_add(1));
        let files: Vec<_> = self.batches.split_off(&first).into_values().flatten().collect();
        for file in &files {
            self.seen.remove(self.key(&file.path));
        }
        files
    }

    /// Notes that the batches up to `number` won't be asked for again, and answers the files of those for which
    /// that is news.
    pub(super) fn commit(&mut self, number: u64) -> Vec<SeenFile> {
        let first = self.committed.map_or(0, |committed| committed.saturating_add(1));
        if first > number {
            return Vec::new();
        }
        self.committed = Some(number);
        self.batches.range(first..=number).flat_map(|(_, files)| files.iter().cloned()).collect()
    }

    /// What tells the file at `path` apart from others: the path, or its last component with the directories of partitions
    /// before it, in each of which other writers than Spark use the same names.
    pub(super) fn key<'a>(&self, path: &'a str) -> &'a str {
        let separators = ['/', std::path::MAIN_SEPARATOR];
        let last = |path: &'a str| {
            path.rsplit_once(separators).map_or((None, path), |(dir, name)| (Some(dir), name))
        };
        if !self.by_name {
            return path;
        }
        let (mut directory, mut key) = last(path);
        while let Some(above) = directory {
            let (next, name) = last(above);
            if !is_partition(name) {
                break;
            }
            key = path.get(above.len() - name.len()..).unwrap_or(key);
            directory = next;
        }
        key
    }

    fn add(&mut self, number: u64, files: Vec<SeenFile>) {
        for file in &files {
            let key = if self.by_name { Arc::from(self.key(&file.path)) } else { Arc::clone(&file.path) };
            self.seen.insert(key);
            if let Some(age) = self.max_age {
                self.horizon = self.horizon.max(file.modified - age);
            }
        }
        self.batches.insert(number, files);
    }

    /// Drops what is committed and older than the horizon.
    fn forget(&mut self) {
        let (by_name, horizon, committed) = (self.by_name, self.horizon, self.committed);
        for (number, files) in &mut self.batches {
            if committed.is_some_and(|committed| *number <= committed) {
                files.retain(|file| file.modified >= horizon);
            }
        }
        self.batches.retain(|_, files| !files.is_empty());
        let kept = std::mem::replace(self, Self::new(by_name, self.max_age));
        self.horizon = kept.horizon;
        self.committed = kept.committed;
        for (number, files) in kept.batches {
            self.add(number, files);
        }
    }

    /// The batches from `first` on as an entry.
    fn encode(&self, first: u64) -> Vec<u8> {
        let batches = self.batches.range(first..);
        let batches =
            batches.map(|(number, files)| Batch { log_offset: *number, files: files.clone() }).collect();
        let mut entry = vec![VERSION];
        serde_json::to_writer(&mut entry, &Record { horizon: self.horizon, batches })
            .expect("numbers and text have a JSON form, and a vector takes all bytes");
        entry
    }
}

fn decode(entry: &[u8]) -> Result<Record, String> {
    match entry.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| error.to_string()),
        Some((version, _)) => {
            Err(format!("it has format {version}, and this version reads format {VERSION}"))
        }
        None => Err("it is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{days, hours, milliseconds};

    fn file(name: &str, modified: Timestamp) -> SeenFile {
        SeenFile { path: Arc::from(format!("/data/{name}")), modified, size: 1, e_tag: None }
    }

    fn day(n: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + days(n)
    }

    /// What a checkpoint does with an entry.
    fn keep(stored: &mut Vec<Vec<u8>>, entry: LogEntry) {
        match entry {
            LogEntry::Append(bytes) => stored.push(bytes),
            LogEntry::Replace(bytes) => *stored = vec![bytes],
        }
    }

    #[test]
    fn the_log_stays_as_small_as_the_files_younger_than_the_horizon() {
        let mut log = FileLog::new(false, Some(days(7)));
        let mut stored = Vec::new();
        let mut largest = 0;
        for hour in 0..24 * 400_i64 {
            let number = hour as u64;
            let files = (0..10).map(|n| file(&format!("{hour}-{n}"), day(1000) + hours(hour))).collect();
            keep(&mut stored, log.append(number, files));
            log.commit(number);
            largest = largest.max(stored.iter().map(Vec::len).sum());
        }
        // 7 days of 240 files, as much again until the log is rewritten, and an hour's files at either end.
        let per_file = 80;
        assert!(largest < 2 * (7 * 240 + 20) * per_file, "{largest}");

        let mut restored = FileLog::new(false, Some(days(7)));
        restored.restore(&stored).unwrap();
        assert!(restored.has_seen("/data/9599-0"));
        assert!(!restored.has_seen("/data/0-0"));
        assert!(restored.is_too_old(day(1000)));
        assert_eq!(restored.last(), log.last());
    }

    #[test]
    fn a_batch_that_may_be_replayed_keeps_its_files_however_old_they_are() {
        let mut log = FileLog::new(false, Some(days(7)));
        log.append(0, vec![file("old", day(0))]);
        let many: Vec<_> = (0..2000).map(|n| file(&n.to_string(), day(100))).collect();
        let LogEntry::Replace(entry) = log.append(1, many) else { panic!("the log has outgrown its limit") };
        let mut restored = FileLog::new(false, Some(days(7)));
        restored.restore(&[entry]).unwrap();
        assert_eq!(restored.batch(0), Some(&[file("old", day(0))][..]));
    }

    #[test]
    fn a_larger_age_after_a_restart_does_not_bring_forgotten_files_back() {
        let mut log = FileLog::new(false, Some(days(7)));
        let LogEntry::Append(entry) = log.append(0, vec![file("a", day(100))]) else { panic!() };
        let mut restored = FileLog::new(false, Some(days(365)));
        restored.restore(&[entry]).unwrap();
        assert!(restored.is_too_old(day(92)));
        assert!(!restored.is_too_old(day(93)));
    }

    #[test]
    fn a_batch_that_was_not_planned_can_be_taken_back() {
        let mut log = FileLog::new(false, None);
        log.append(0, vec![file("a", day(1))]);
        log.append(1, vec![file("b", day(2)), file("c", day(3))]);
        assert_eq!(log.roll_back(Some(0)), [file("b", day(2)), file("c", day(3))]);
        assert!(log.has_seen("/data/a") && !log.has_seen("/data/b"));
        assert_eq!(log.last(), Some(0));
    }

    #[test]
    fn a_name_is_one_within_its_partition() {
        let mut log = FileLog::new(true, None);
        log.append(0, vec![file("in/day=1/_hour=2/000000_0", day(1)), file("day=1/plain/a", day(1))]);
        for (path, seen) in [
            ("/data/in/day=1/_hour=2/000000_0", true),
            ("/moved/day=1/_hour=2/000000_0", true),
            ("day=1/_hour=2/000000_0", true),
            ("/data/in/day=1/_hour=3/000000_0", false),
            ("/data/in/day=2/_hour=2/000000_0", false),
            ("/data/in/000000_0", false),
            ("000000_0", false),
            // A directory between two means that the one above is no partition.
            ("/data/a", true),
            ("a", true),
            ("/data/day=1/a", false),
        ] {
            assert_eq!(log.has_seen(path), seen, "{path}");
        }
        assert_eq!(FileLog::new(false, None).key("/data/day=1/a"), "/data/day=1/a");
    }

    #[test]
    fn a_damaged_entry_is_told_by_its_number() {
        let mut log = FileLog::new(false, None);
        let LogEntry::Append(entry) = log.append(0, vec![file("a", day(1))]) else { panic!() };
        let restore = |entries: &[Vec<u8>]| FileLog::new(false, None).restore(entries).unwrap_err();
        assert!(restore(&[entry.clone(), vec![]]).starts_with("entry 1 of 2: it is empty"));
        assert!(restore(&[entry[..entry.len() - 3].to_vec()]).starts_with("entry 0 of 1: EOF"));
        assert!(restore(&[vec![9, b'{']]).starts_with("entry 0 of 1: it has format 9"));
        assert!(restore(&[entry.clone(), entry]).starts_with("entry 1 of 2: batch 0 comes after batch 0"));
    }

    #[test]
    fn a_store_may_say_the_same_of_an_object_in_two_ways() {
        let listed = SeenFile {
            path: "a".into(),
            modified: Timestamp::UNIX_EPOCH + milliseconds(1_234),
            size: 7,
            e_tag: Some("0x8D".into()),
        };
        let asked = |tag: &str, size| SeenFile {
            modified: Timestamp::UNIX_EPOCH + milliseconds(1_000),
            size,
            e_tag: Some(tag.into()),
            ..listed.clone()
        };
        assert!(asked("\"0x8D\"", 7).is_same(&listed));
        assert!(asked("W/\"0x8D\"", 7).is_same(&listed));
        assert!(!asked("\"0x8E\"", 7).is_same(&listed));
        assert!(!asked("\"0x8D\"", 8).is_same(&listed));
        let untagged = |file: SeenFile| SeenFile { e_tag: None, ..file };
        assert!(!untagged(asked("", 7)).is_same(&untagged(listed.clone())));
        assert!(untagged(listed.clone()).is_same(&untagged(listed)));
    }
}
