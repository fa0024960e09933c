//! The file source on a real disk, as the engine drives it.

mod admission;
mod changes;
mod paths;
mod restart;
mod rows;
#[path = "../source_support/mod.rs"]
mod source_support;
#[cfg(unix)]
mod unix;

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use source_support::{Checkpoint, Number, Run};
use stream_runtime::source::{FileFormat, FileSource, Json};
use tempfile::{TempDir, tempdir};

/// Writes a file with a modification time, in seconds.
fn write(directory: &Path, name: &str, time: u64, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    set_time(&path, time);
}

fn set_time(path: &Path, time: u64) {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(time);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A directory with files of one line, the file's name, with modification times as given.
fn files(times: &[(&str, u64)]) -> TempDir {
    let directory = tempdir().unwrap();
    for (name, time) in times {
        write(directory.path(), name, *time, &format!("{name}\n"));
    }
    directory
}

async fn start<F: FileFormat>(source: FileSource<F>) -> Run<FileSource<F>> {
    Run::start::<Number>(source, Checkpoint::default()).await.unwrap()
}

/// The lines of each batch until nothing is new.
async fn batches(run: &mut Run<FileSource<Json>>) -> Vec<Vec<String>> {
    let mut batches = Vec::new();
    while let Some(batch) = run.batch::<Number>().await.unwrap() {
        batches.push(batch.lines());
    }
    batches
}
