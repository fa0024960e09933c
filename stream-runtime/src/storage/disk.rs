//! Files and directories that are still there after a power failure.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::TempPath;
use uuid::Uuid;

use super::Created;
use crate::error::{Error, Result};

/// Creates a directory and those above it.
pub(crate) fn create_dirs(dir: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    fs::create_dir_all(dir).map_err(|error| Error::io("creating the directory", dir, error))?;
    // A new directory is found again only if the one that it stands in is on disk.
    missing
        .into_iter()
        .filter_map(Path::parent)
        .filter(|above| !above.as_os_str().is_empty())
        .try_for_each(sync_dir)
}

/// Makes what was created, renamed or removed in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    // Elsewhere a directory can't be opened, and the file system keeps its own order.
    if cfg!(unix) {
        File::open(dir)
            .and_then(|open| open.sync_all())
            .map_err(|error| Error::io("syncing the directory", dir, error))?;
    }
    Ok(())
}

/// The ending of a file that isn't whole yet.
const UNFINISHED: &str = "tmp";

/// Whether a file is one that [`create_whole`] had begun when it crashed.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    is_hidden && path.extension().is_some_and(|extension| extension == UNFINISHED)
}

/// Creates a file that is never seen half-written: it appears under its name once all of it is on disk, and
/// only if there is no file of that name.
pub(super) fn create_whole(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Created> {
    let hidden = dir.join(format!(".{name}.{}.{UNFINISHED}", Uuid::new_v4()));
    let failed = |action| {
        let hidden = hidden.clone();
        move |error| Error::io(action, hidden, error)
    };
    let file = File::create_new(&hidden).map_err(failed("creating"))?;
    // Removed again if anything below fails.
    let hidden_path = TempPath::try_from_path(&hidden).map_err(failed("creating"))?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush().map_err(failed("writing"))?;
    out.get_ref().sync_all().map_err(failed("syncing"))?;
    drop(out);
    let path = dir.join(name);
    match hidden_path.persist_noclobber(&path) {
        Ok(()) => sync_dir(dir).map(|()| Created::Now),
        Err(failure) if failure.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Created::Before),
        Err(failure) => Err(Error::io("creating", path, failure.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_created_once_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &'static [u8]| {
            create_whole(dir.path(), "0", |out| out.write_all(text).map_err(|error| Error::io("", "", error)))
        };
        assert_eq!(write(b"first").unwrap(), Created::Now);
        assert_eq!(write(b"second").unwrap(), Created::Before);
        assert_eq!(fs::read(dir.path().join("0")).unwrap(), b"first");
        let failed = create_whole(dir.path(), "1", |_| Err(Error::sink("test", "full")));
        assert_eq!(failed.unwrap_err().to_string(), "sink `test`: full");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn directories_are_created_to_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_dirs(&deep).unwrap();
        create_dirs(&deep).unwrap();
        assert!(deep.is_dir());
    }
}
