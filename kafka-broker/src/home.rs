//! `target/kafka`: where everything is kept that the broker needs, and the lock on it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// `target/kafka` of the workspace.
pub(crate) fn home() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let home = target.join("kafka");
    fs::create_dir_all(&home).map_err(Error::io("creating", &home))?;
    home.canonicalize().map_err(Error::io("resolving", &home))
}

/// Keeps other processes from starting or ending the broker.
pub(crate) fn lock(home: &Path) -> Result<File> {
    let path = home.join("lock");
    let file = File::create(&path).map_err(Error::io("creating", &path))?;
    file.lock().map_err(Error::io("locking", &path))?;
    Ok(file)
}
