//! [`Part`]: a data file of one attempt at a batch.
//!
//! Its name is its own and says whose it is and of which batch, so that a file which a crash left behind can be
//! told from every other file. It counts only once the manifest lists it.

#[cfg(feature = "object-store")]
use std::collections::HashSet;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use tempfile::TempPath;
use uuid::Uuid;

use super::manifest::Manifest;
use super::status::FileStatus;
use crate::error::{Error, Result};
#[cfg(feature = "object-store")]
use crate::storage::{Objects, key_of};
use crate::storage::{Status, Storage};

/// How many bytes of a part's unique name are its query's.
const MARK: usize = 6;
/// What the names of parts end in, with what stands for their compression.
const ENDINGS: [&str; 10] = [
    "json",
    "json.gz",
    "json.zst",
    "csv",
    "csv.gz",
    "csv.zst",
    "parquet",
    "snappy.parquet",
    "gz.parquet",
    "zstd.parquet",
];

/// A file being written, on this machine first if it is to be an object. Dropped before it is [kept](Written::keep), it
/// is removed.
#[derive(Debug)]
pub(super) struct Part {
    /// The file's name. One that is to be an object has none here, so that it is gone whatever happens to the process.
    path: Option<TempPath>,
    storage: Storage,
    /// Where it is to be.
    target: PathBuf,
}

impl Part {
    /// A new file in `dir`, which is absolute, or a key, and is created if it doesn't exist.
    pub(super) fn create(
        storage: &Storage,
        dir: &Path,
        query: Uuid,
        batch: u64,
        extension: &str,
    ) -> Result<(Self, File)> {
        let target = dir.join(part_name(query, batch, extension));
        let (path, file) = match storage {
            Storage::Disk => {
                storage.create_dirs(dir)?;
                let file =
                    File::create_new(&target).map_err(|error| Error::io("creating", &target, error))?;
                let path = TempPath::try_from_path(&target)
                    .map_err(|error| Error::io("creating", &target, error))?;
                (Some(path), file)
            }
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => {
                let file = tempfile::tempfile()
                    .map_err(|error| Error::io("creating a file in", std::env::temp_dir(), error))?;
                (None, file)
            }
        };
        Ok((Self { path, storage: storage.clone(), target }, file))
    }

    /// What went wrong while the file was written.
    pub(super) fn failed(&self, error: std::io::Error) -> Error {
        match self.storage {
            Storage::Disk => Error::io("writing", &self.target, error),
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => Error::io("writing a file in", std::env::temp_dir(), error),
        }
    }

    /// Makes the file durable.
    pub(super) fn finish(self, file: File) -> Result<Written> {
        let Self { path, storage, target } = self;
        let (status, unkept) = match &storage {
            Storage::Disk => {
                let metadata = file
                    .sync_all()
                    .and_then(|()| file.metadata())
                    .map_err(|error| Error::io("syncing", &target, error))?;
                if let Some(dir) = target.parent() {
                    storage.sync_dir(dir)?;
                }
                (Status { size: metadata.len(), modified: metadata.modified().ok() }, Unkept::File(path))
            }
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => {
                let unkept = UnkeptObject { objects: objects.clone(), key: key_of(&target) };
                let failed = |error| Error::io("uploading", objects.name(&unkept.key), error);
                let size = file.metadata().map_err(failed)?.len();
                objects.upload(file, &unkept.key).map_err(failed)?;
                match storage.status(&target)? {
                    Some(status) if status.size == size => (status, Unkept::Object(unkept)),
                    found => {
                        let found = found
                            .map_or("isn't there".to_owned(), |found| format!("has {} bytes", found.size));
                        let message = format!("{size} bytes were uploaded, and it {found}");
                        return Err(failed(std::io::Error::other(message)));
                    }
                }
            }
        };
        Ok(Written { status: FileStatus::added(&storage, &target, status), unkept })
    }
}

/// A file that is whole and durable, and in no manifest yet. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) status: FileStatus,
    unkept: Unkept,
}

/// Removes a file when it is dropped.
#[derive(Debug)]
enum Unkept {
    File(Option<TempPath>),
    #[cfg(feature = "object-store")]
    Object(UnkeptObject),
}

#[cfg(feature = "object-store")]
#[derive(Debug)]
struct UnkeptObject {
    objects: Objects,
    /// Empty once the object is kept.
    key: String,
}

#[cfg(feature = "object-store")]
impl Drop for UnkeptObject {
    fn drop(&mut self) {
        if !self.key.is_empty() {
            self.objects.delete_later(std::mem::take(&mut self.key));
        }
    }
}

impl Written {
    /// Keeps the file, listed or not: better one left over than one missing.
    pub(super) fn keep(self) -> Result<()> {
        match self.unkept {
            Unkept::File(path) => {
                let kept = path.map(TempPath::keep).transpose();
                kept.map_err(|error| Error::io("keeping", error.path.to_path_buf(), error.error))?;
            }
            #[cfg(feature = "object-store")]
            Unkept::Object(mut object) => object.key.clear(),
        }
        Ok(())
    }
}

/// `part-<batch>-<uuid>-c000.<extension>`, nearly as Spark names files, with the query's mark in the UUID.
fn part_name(query: Uuid, batch: u64, extension: &str) -> String {
    let mut bytes = Uuid::new_v4().into_bytes();
    bytes[..MARK].copy_from_slice(&query.as_bytes()[..MARK]);
    let unique = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    format!("part-{batch:05}-{unique}-c000.{extension}")
}

/// The batch of a part, if it has a name that [`part_name`] gives to files of this query.
pub(super) fn batch_of(query: Uuid, file_name: &str) -> Option<u64> {
    let (batch, rest) = file_name.strip_prefix("part-")?.split_once('-')?;
    let (unique, extension) = rest.split_once("-c000.")?;
    let number = batch.parse::<u64>().ok().filter(|number| format!("{number:05}") == batch)?;
    let unique = (unique.len() == 36).then(|| Uuid::parse_str(unique).ok()).flatten()?;
    let is_ours = unique.get_version_num() == 8
        && unique.as_bytes()[..MARK] == query.as_bytes()[..MARK]
        && ENDINGS.contains(&extension);
    is_ours.then_some(number)
}

/// Whether a file is one of the directory's, or one of a partition of it: a directory may also have been copied to one
/// above it, whose the files below aren't.
pub(super) fn is_in(dir: &Path, file: &Path) -> bool {
    let above = file.strip_prefix(dir).ok().and_then(Path::parent);
    above.is_some_and(|above| above.components().all(|name| is_partition(&name)))
}

/// Finds files that a manifest lists.
#[derive(Debug)]
pub(super) struct Finder<'m> {
    manifest: &'m Manifest,
    /// What is in a store's directory, once a line has to be looked for there: a request for each line would take long.
    #[cfg(feature = "object-store")]
    keys: Option<HashSet<String>>,
}

impl<'m> Finder<'m> {
    pub(super) fn new(manifest: &'m Manifest) -> Self {
        Self {
            manifest,
            #[cfg(feature = "object-store")]
            keys: None,
        }
    }

    /// Where a listed file is: in the directory itself if that was moved or copied since.
    pub(super) fn find(&mut self, listed: PathBuf) -> Result<PathBuf> {
        let dir = &self.manifest.data;
        if is_in(dir, &listed) {
            return Ok(listed);
        }
        // A file of a partitioned result is below directories such as `date=2026-01-31`.
        let names: Vec<_> = listed.components().rev().collect();
        let partitions = names.iter().skip(1).take_while(|name| is_partition(name)).count();
        let below = |levels: usize| names.iter().take(levels + 1).rev().collect::<PathBuf>();
        for path in (0..=partitions).rev().map(|levels| dir.join(below(levels))) {
            if self.is_there(&path)? {
                return Ok(path);
            }
        }
        Ok(listed)
    }

    fn is_there(&mut self, path: &Path) -> Result<bool> {
        match &self.manifest.storage {
            Storage::Disk => Ok(self.manifest.storage.status(path)?.is_some()),
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => {
                let keys = match &mut self.keys {
                    Some(keys) => keys,
                    none => {
                        let mut keys = HashSet::new();
                        objects.for_each_below(&key_of(&self.manifest.data), |found| {
                            keys.insert(found.location.into());
                        })?;
                        none.insert(keys)
                    }
                };
                Ok(keys.contains(&key_of(path)))
            }
        }
    }
}

fn is_partition(name: &Component<'_>) -> bool {
    name.as_os_str().as_encoded_bytes().contains(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_own_query_alone() {
        let (query, other) = (Uuid::new_v4(), Uuid::new_v4());
        let name = part_name(query, 17, "json");
        assert_eq!(batch_of(query, &name), Some(17), "{name}");
        assert_eq!(batch_of(query, &part_name(query, 1_234_567, "snappy.parquet")), Some(1_234_567));
        assert_ne!(name, part_name(query, 17, "json"));
        assert_eq!(batch_of(other, &name), None);
        let spark = format!("part-00000-{}-c000.json", Uuid::new_v4());
        assert_eq!(batch_of(query, &spark), None);
        for foreign in [
            name.replace("00017", "17"),
            name.replace("00017", "+0017"),
            name.replace(".json", ".json.crc"),
            name.replace(".json", ".json.gz.bak"),
            format!(".{name}"),
        ] {
            assert_eq!(batch_of(query, &foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_part_that_is_not_kept_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        let (part, file) = Part::create(&Storage::Disk, dir.path(), Uuid::new_v4(), 0, "json").unwrap();
        assert_eq!(count(), 1);
        let written = part.finish(file).unwrap();
        assert_eq!(count(), 1);
        drop(written);
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_file_is_found_where_its_directory_was_moved_to() {
        let dir = tempfile::tempdir().unwrap();
        let moved = dir.path().join("kind=out");
        std::fs::create_dir_all(moved.join("a=1/b=%2F")).unwrap();
        let manifest = Manifest::of(Storage::Disk, &moved).unwrap();
        let find = |listed| Finder::new(&manifest).find(listed);
        for path in ["part", "a=1/b=%2F/part"] {
            std::fs::write(moved.join(path), "").unwrap();
            assert_eq!(find(Path::new("/gone/kind=out").join(path)).unwrap(), moved.join(path));
        }
        // What was copied to a directory above.
        let (above, old) = (moved.join("part"), moved.join("out/part"));
        assert_eq!(find(old.clone()).unwrap(), above);
        std::fs::remove_file(above).unwrap();
        assert_eq!(find(old.clone()).unwrap(), old);
        let elsewhere = PathBuf::from("/gone/a=1/other");
        assert_eq!(find(elsewhere.clone()).unwrap(), elsewhere);
    }
}
