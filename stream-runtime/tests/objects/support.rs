//! What the tests share: rows, a query, and stores that hold what a directory holds.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::object_store::memory::InMemory;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt, path};
use stream_runtime::prelude::*;

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Click {
    pub(crate) page: String,
    pub(crate) n: u64,
    pub(crate) ts: Timestamp,
}

pub(crate) fn click(n: u64) -> Click {
    Click { page: format!("/{}", n % 7), n, ts: Timestamp::from_secs(1_767_225_600 + n as i64) }
}

pub(crate) fn json(rows: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in rows {
        click(n).encode_json(&mut bytes);
        bytes.push(b'\n');
    }
    bytes
}

pub(crate) fn in_memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// Writes an object.
pub(crate) async fn put(store: &Arc<dyn ObjectStore>, key: &str, content: impl Into<Vec<u8>>) {
    let key = path::Path::parse(key).unwrap();
    store.put(&key, content.into().into()).await.unwrap();
}

/// All objects below a key, by key, with their content.
pub(crate) async fn objects(store: &Arc<dyn ObjectStore>, below: &str) -> Vec<(String, Vec<u8>)> {
    use futures_util::TryStreamExt;

    let below = path::Path::parse(below).unwrap();
    let listed: Vec<_> = store.list(Some(&below)).try_collect().await.unwrap();
    let mut found = Vec::new();
    for object in listed {
        let content = store.get(&object.location).await.unwrap().bytes().await.unwrap();
        found.push((object.location.to_string(), content.to_vec()));
    }
    found.sort_unstable();
    found
}

/// Puts a directory's files into a store, below a key.
pub(crate) async fn copy_in(directory: &Path, store: &Arc<dyn ObjectStore>, below: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let key = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            Box::pin(copy_in(&path, store, &key)).await;
        } else {
            put(store, &key, std::fs::read(&path).unwrap()).await;
        }
    }
}
