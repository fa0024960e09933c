//! Which files and directories are listed, by their names: on a disk and in an object store alike.

use std::ffi::OsStr;

/// Whether a file is left out, and a directory, unless it is [descended into](descends_into).
pub(super) fn is_hidden(name: impl AsRef<OsStr>) -> bool {
    matches!(name.as_ref().as_encoded_bytes().first(), Some(b'_' | b'.'))
}

/// Whether a directory is one of a partition; `_date=2026-01-31` isn't hidden, as in Spark.
pub(super) fn is_partition(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref().as_encoded_bytes();
    !name.starts_with(b".") && memchr::memchr(b'=', name).is_some_and(|at| at > 0)
}

/// Whether a directory below one that is listed is listed, too.
pub(super) fn descends_into(name: impl AsRef<OsStr>, recursive: bool) -> bool {
    if recursive { !is_hidden(name) } else { is_partition(name) }
}
