//! [`FileStatus`]: a manifest's line about one file, as Spark writes it.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
#[cfg(feature = "object-store")]
use crate::storage::key_of;
use crate::storage::{Status, Storage};

/// The block size of Hadoop's local file system, which Spark puts into every line.
const BLOCK_SIZE: u64 = 32 << 20;

/// What may not stand as it is in the path of a URI (RFC 2396, which Spark's reader follows).
const ESCAPED: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One file of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileStatus {
    /// `file:///…`, absolute, or an object's URL.
    pub(super) path: String,
    pub(super) size: u64,
    is_dir: bool,
    /// Milliseconds since the epoch.
    pub(super) modification_time: u64,
    block_replication: u32,
    block_size: u64,
    pub(super) action: Action,
}

/// Whether a line puts a file into the result or takes it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Add,
    Delete,
}

impl FileStatus {
    /// A file that was written. `path` is absolute, or a key.
    pub(super) fn added(storage: &Storage, path: &Path, file: Status) -> Self {
        let modified = file.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let path = match storage {
            Storage::Disk => file_uri(path),
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => object_uri(objects.root(), &key_of(path)),
        };
        Self {
            path,
            size: file.size,
            is_dir: false,
            modification_time: modified.map_or(0, |age| age.as_millis() as u64),
            block_replication: 1,
            block_size: BLOCK_SIZE,
            action: Action::Add,
        }
    }

    /// The line, without a line end.
    pub(super) fn line(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Other(error.into()))
    }

    /// The path in the storage that the directory is in now; `None` if it can't be there.
    pub(super) fn path_in(&self, storage: &Storage) -> Option<PathBuf> {
        match storage {
            Storage::Disk => self.local_path(),
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => {
                // Whatever the store was called by who has written the line.
                let url = self.path.split_once(":/").filter(|(scheme, _)| !scheme.contains('/'));
                let path = url.map_or(&*self.path, |(_, rest)| {
                    rest.strip_prefix('/')
                        .map_or(rest, |rest| rest.split_once('/').map_or("", |(_, key)| key))
                });
                Some(percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?.into_owned().into())
            }
        }
    }

    /// The path on this machine; `None` if the file isn't on a local file system.
    fn local_path(&self) -> Option<PathBuf> {
        let path = self.path.strip_prefix("file:")?;
        // `file:/a`, `file:///a` and `file://localhost/a` are the same file.
        let path = match path.strip_prefix("//") {
            None => path,
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        };
        path.starts_with('/').then_some(path)?;
        decoded(path)
    }
}

#[cfg(feature = "object-store")]
fn object_uri(root: &str, key: &str) -> String {
    let root = if root.is_empty() { "/" } else { root };
    format!("{root}{}", percent_encode(key.as_bytes(), &ESCAPED))
}

fn file_uri(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    if cfg!(windows) {
        let slashes: Vec<u8> = bytes.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
        format!("file:///{}", percent_encode(&slashes, &ESCAPED))
    } else {
        format!("file://{}", percent_encode(bytes, &ESCAPED))
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere a path has to be text")]
fn decoded(path: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let bytes: Vec<u8> = percent_decode_str(path).collect();
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn decoded(path: &str) -> Option<PathBuf> {
    let text = percent_decode_str(path).decode_utf8().ok()?;
    Some(text.trim_start_matches('/').into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn status(path: String) -> FileStatus {
        FileStatus {
            path,
            size: 120,
            is_dir: false,
            modification_time: 1_767_225_600_123,
            block_replication: 1,
            block_size: BLOCK_SIZE,
            action: Action::Add,
        }
    }

    #[test]
    fn a_line_is_what_spark_writes() {
        let written = serde_json::to_string(&status("file:///data/out/part-0.json".to_owned())).unwrap();
        let spark = r#"{"path":"file:///data/out/part-0.json","size":120,"isDir":false,"modificationTime":1767225600123,"blockReplication":1,"blockSize":33554432,"action":"add"}"#;
        assert_eq!(written, spark);
        assert_eq!(
            serde_json::from_str::<FileStatus>(spark).unwrap(),
            status("file:///data/out/part-0.json".to_owned())
        );
    }

    #[test]
    fn every_path_survives_the_uri() {
        for bytes in
            [&b"/data/a b%41#?[x]/\\^`{|}"[..], "/데이터/é".as_bytes(), b"/not/utf8/\xff\xfe", b"/new\nline"]
        {
            let path = Path::new(OsStr::from_bytes(bytes));
            let uri = file_uri(path);
            assert!(uri.is_ascii() && !uri.contains(' '), "{uri}");
            assert_eq!(status(uri).local_path().unwrap(), path);
        }
        assert_eq!(file_uri(Path::new("/data/date=1/a b")), "file:///data/date=1/a%20b");
    }

    #[test]
    fn only_local_files_have_a_path() {
        for local in ["file:/a/b", "file:///a/b", "file://localhost/a/b"] {
            assert_eq!(status(local.to_owned()).local_path().unwrap(), Path::new("/a/b"));
        }
        for elsewhere in ["s3a://bucket/a", "hdfs://name:9000/a", "file://host/a", "/a/b", "file:a"] {
            assert_eq!(status(elsewhere.to_owned()).local_path(), None, "{elsewhere}");
        }
    }
}
