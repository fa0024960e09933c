//! The file sink on a real disk: what readers see, and what crashes and foreign hands can't break.

mod directory;
mod exactly_once;
mod manifest;
mod output;
mod partitions;
#[path = "../sink_support/mod.rs"]
mod sink_support;
mod upkeep;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sink_support::{Stat, context, stat};
use stream_runtime::Error;
use stream_runtime::plan::Mode;
use stream_runtime::sink::file::{FileFormat, JsonLines, committed_files};
use stream_runtime::sink::{FileSink, Sink, SinkContext};

const QUERY: u128 = 0x6d3c_9a51_0f2b_4e77_8a10_3355_0000_0001;
const OTHER: u128 = 0x1b00_77aa_93c1_4d22_9f00_1234_0000_0002;

async fn opened<F: FileFormat>(mut sink: FileSink<F>, query: u128) -> Result<FileSink<F>, Error> {
    let context = behind_its_own(&Sink::<Stat>::description(&sink), query);
    Sink::<Stat>::open(&mut sink, context).await?;
    Ok(sink)
}

/// What a sink of this description is opened with to go on behind what is there.
fn behind_its_own(description: &str, query: u128) -> SinkContext {
    let dir = description.strip_prefix("FileSink[").unwrap().strip_suffix(']').unwrap();
    let first_batch = last_batch(Path::new(dir));
    SinkContext { first_batch, first_is_replay: true, ..context(query, Mode::Append) }
}

/// A run that may find its first batch written: the one before it planned it, and did not commit it.
async fn json_from(dir: &Path, first_batch: u64) -> Result<FileSink<JsonLines>, Error> {
    let mut sink = FileSink::json(dir);
    let context = SinkContext { first_batch, first_is_replay: true, ..context(QUERY, Mode::Append) };
    Sink::<Stat>::open(&mut sink, context).await?;
    Ok(sink)
}

async fn json(dir: &Path) -> FileSink<JsonLines> {
    json_from(dir, last_batch(dir)).await.unwrap()
}

/// The last batch in the manifest, or 0.
fn last_batch(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir.join("_spark_metadata")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.trim_end_matches(".compact").parse().ok()).max().unwrap_or(0)
}

fn row(batch: u64) -> [Stat; 1] {
    [stat("/home", batch, None)]
}

fn line(batch: u64) -> String {
    format!("{{\"page\":\"/home\",\"views\":{batch}}}\n")
}

/// The result as a reader sees that goes by the manifest.
fn result(dir: &Path) -> String {
    committed_files(dir).unwrap().into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_by_key(|name| {
        let number = name.trim_end_matches(".compact").parse().unwrap_or(u64::MAX);
        (number, name.clone())
    });
    names
}

fn entries(dir: &Path) -> Vec<String> {
    names(&dir.join("_spark_metadata"))
}

fn entry(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join("_spark_metadata").join(name)).unwrap()
}

fn parts(dir: &Path) -> Vec<String> {
    names(dir).into_iter().filter(|name| !name.starts_with('_')).collect()
}

/// Every file below a directory, with its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}
