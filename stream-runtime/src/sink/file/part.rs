//! [`Part`]: a data file of one attempt at a batch.
//!
//! Its name is its own and says whose it is, so that a file which a crash left behind can be told from
//! every other file. It counts only once the manifest lists it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempPath;
use uuid::Uuid;

use super::durable::sync_dir;
use super::status::FileStatus;
use crate::error::{Error, Result};

/// How many bytes of a part's unique name are its query's.
const MARK: usize = 6;

/// A file being written. Dropped before [`finish`](Part::finish), it is removed.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: TempPath,
}

impl Part {
    /// A new file in `dir`, which is absolute.
    pub(super) fn create(dir: &Path, query: Uuid, extension: &str) -> Result<Self> {
        let path = dir.join(part_name(query, extension));
        let file = File::create_new(&path).map_err(|error| Error::io("creating", &path, error))?;
        let path = TempPath::try_from_path(&path).map_err(|error| Error::io("creating", path, error))?;
        Ok(Self { file, path })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io("writing", &*self.path, error))
    }

    /// Makes the file durable and keeps it, listed or not.
    pub(super) fn finish(self) -> Result<FileStatus> {
        let Self { file, path } = self;
        let metadata = file
            .sync_all()
            .and_then(|()| file.metadata())
            .map_err(|error| Error::io("syncing", &*path, error))?;
        if let Some(dir) = path.parent() {
            sync_dir(dir)?;
        }
        // From here on the file may be listed in the manifest: better one left over than one missing.
        let path =
            path.keep().map_err(|error| Error::io("keeping", error.path.to_path_buf(), error.error))?;
        Ok(FileStatus::added(&path, &metadata))
    }
}

/// `part-00000-<uuid>-c000.<extension>`, as Spark names files, with the query's mark in the UUID.
fn part_name(query: Uuid, extension: &str) -> String {
    let mut bytes = Uuid::new_v4().into_bytes();
    bytes[..MARK].copy_from_slice(&query.as_bytes()[..MARK]);
    let unique = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    format!("part-00000-{unique}-c000.{extension}")
}

/// What makes a part's name unique, if it is a name that [`part_name`] gives to files of this query.
pub(super) fn part_of(query: Uuid, file_name: &str) -> Option<Uuid> {
    let (unique, extension) = file_name.strip_prefix("part-00000-")?.split_once("-c000.")?;
    let unique = (unique.len() == 36).then(|| Uuid::parse_str(unique).ok()).flatten()?;
    let is_ours = unique.get_version_num() == 8
        && unique.as_bytes()[..MARK] == query.as_bytes()[..MARK]
        && !extension.contains('.');
    is_ours.then_some(unique)
}

/// Where a listed file is: in `dir` itself if that was moved or copied since.
pub(super) fn found(listed: PathBuf, dir: &Path) -> PathBuf {
    if listed.starts_with(dir) {
        return listed;
    }
    match listed.file_name().map(|name| dir.join(name)) {
        Some(moved) if moved.exists() => moved,
        _ => listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_own_query_alone() {
        let (query, other) = (Uuid::new_v4(), Uuid::new_v4());
        let name = part_name(query, "json");
        assert!(part_of(query, &name).is_some(), "{name}");
        assert_ne!(part_of(query, &name), part_of(query, &part_name(query, "json")));
        assert_eq!(part_of(other, &name), None);
        let spark = format!("part-00000-{}-c000.json", Uuid::new_v4());
        assert_eq!(part_of(query, &spark), None);
        for foreign in
            [name.replace("00000", "00001"), name.replace(".json", ".json.crc"), format!(".{name}")]
        {
            assert_eq!(part_of(query, &foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_part_that_is_not_finished_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut part = Part::create(dir.path(), Uuid::new_v4(), "json").unwrap();
        part.write(b"{}").unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(part);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut part = Part { file, path: TempPath::try_from_path(&path).unwrap() };
        let error = part.write(b"{}").unwrap_err().to_string();
        assert!(error.starts_with("writing `") && error.contains("part` failed: No space left"), "{error}");
    }
}
