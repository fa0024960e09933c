//! [`Tree`]: what a sink has left, without what differs between any two runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};
use stream_runtime::sink::file::{committed_files, committed_objects};

use crate::support::objects;

/// The unique part of a part's name, with the hyphen after it.
const UNIQUE: usize = 37;

#[derive(Debug, PartialEq)]
pub(super) struct Tree {
    /// Every file below the directory, and its content: names are unique but for the random part of them.
    files: BTreeMap<String, Vec<Vec<u8>>>,
    /// The committed files, in their order.
    pub(super) committed: Vec<(String, Vec<u8>)>,
}

impl Tree {
    /// Of a directory on this machine.
    pub(super) fn on_disk(dir: &Path) -> Self {
        let mut found = Vec::new();
        walk(dir, &mut |path| found.push((below(path, dir), std::fs::read(path).unwrap())));
        let committed = committed_files(dir).unwrap();
        let committed = committed.iter().map(|path| (below(path, dir), std::fs::read(path).unwrap()));
        Self::of(found, committed.collect(), &format!("file://{}/", dir.display()))
    }

    /// Of a directory in a store, whose files have URLs that begin so.
    pub(super) async fn in_store(store: &Arc<dyn ObjectStore>, key: &str, url: &str) -> Self {
        let below = |path: &str| path[key.len() + 1..].to_owned();
        let found = objects(store, key).await.into_iter().map(|(path, content)| (below(&path), content));
        let mut committed = Vec::new();
        for path in committed_objects(store, key).await.unwrap() {
            let content = store.get(&path).await.unwrap().bytes().await.unwrap();
            committed.push((below(path.as_ref()), content.to_vec()));
        }
        Self::of(found.collect(), committed, url)
    }

    fn of(found: Vec<(String, Vec<u8>)>, committed: Vec<(String, Vec<u8>)>, url: &str) -> Self {
        let mut files: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (path, content) in found {
            let content = match path.rsplit('/').next().unwrap() {
                "_stream_query.json" => claim(&content),
                _ if path.starts_with("_spark_metadata") => entry(&content, url),
                _ => content,
            };
            files.entry(without_unique(&path)).or_default().push(content);
        }
        for contents in files.values_mut() {
            contents.sort_unstable();
        }
        let committed = committed.into_iter().map(|(path, content)| (without_unique(&path), content));
        Self { files, committed: committed.collect() }
    }

    /// Every file's name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|(name, contents)| contents.iter().map(|_| name.as_str()))
    }
}

fn below(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned()
}

fn walk(dir: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn without_unique(path: &str) -> String {
    let (dir, name) = path.rsplit_once('/').map_or(("", path), |(dir, name)| (dir, name));
    let Some((batch, rest)) = name.strip_prefix("part-").and_then(|rest| rest.split_once('-')) else {
        return path.to_owned();
    };
    format!("{dir}/part-{batch}-{}", &rest[UNIQUE..])
}

/// An entry's lines, or a note's, without times, and with paths from the directory on.
fn entry(content: &[u8], url: &str) -> Vec<u8> {
    let text = std::str::from_utf8(content).unwrap();
    let lines = text.lines().map(|line| {
        if line == "v1" {
            return line.to_owned();
        }
        let mut status: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(status["modificationTime"].take().is_u64(), "{line}");
        let path = status["path"].as_str().unwrap();
        let path = path.strip_prefix(url).unwrap_or_else(|| panic!("{path} isn't below {url}"));
        status["path"] = without_unique(path).into();
        status.to_string()
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// The claim, without the run that only one in a store has.
fn claim(content: &[u8]) -> Vec<u8> {
    let mut claim: serde_json::Value = serde_json::from_slice(content).unwrap();
    claim.as_object_mut().unwrap().remove("run");
    claim.to_string().into_bytes()
}
