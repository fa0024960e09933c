//! Objects that change or vanish between a batch's plan and its reading.

use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};
use stream_runtime::prelude::*;

use super::{Clicks, run};
use crate::support::{in_memory, json, put};

/// Plans a batch and dies; then something happens to the store, and the batch runs again.
async fn replay(
    store: &Arc<dyn ObjectStore>,
    meanwhile: impl AsyncFnOnce(&Arc<dyn ObjectStore>),
) -> stream_runtime::Result<Vec<u64>> {
    let home = tempfile::tempdir().unwrap();
    let query = || {
        let source = FileSource::json("in").object_store(Arc::clone(store));
        Clicks::query().clicks(source).checkpoint(home.path().join("c"))
    };
    let crash = query().at_step(Arc::new(|_, step| step != Step::Planned));
    run(crash).await.unwrap_err();
    meanwhile(store).await;
    Ok(run(query()).await?.concat().into_iter().map(|row| row.n).collect())
}

#[tokio::test]
async fn a_replayed_batch_reads_the_objects_that_it_was_planned_with() {
    let store = in_memory();
    put(&store, "in/a", json([1, 2])).await;
    let rows = replay(&store, async |store| put(store, "in/b", json([4])).await).await.unwrap();
    assert_eq!(rows, [1, 2, 4]);
}

#[tokio::test]
async fn an_object_that_was_replaced_is_an_error_that_says_what_to_do() {
    let store = in_memory();
    put(&store, "in/a", json([1, 2])).await;
    // The same length: only its version tells.
    let error =
        replay(&store, async |store| put(store, "in/a", json([2, 1])).await).await.unwrap_err().to_string();
    assert!(
        error.contains("source `FileSource[in]`: `in/a` has changed since its batch was planned: it had "),
        "{error}"
    );
    assert!(error.contains("Restore that version of the object and start the query again"), "{error}");
}

#[tokio::test]
async fn an_object_that_is_gone_is_an_error_that_says_so() {
    let store = in_memory();
    put(&store, "in/a", json([1, 2])).await;
    let gone = async |store: &Arc<dyn ObjectStore>| store.delete(&"in/a".into()).await.unwrap();
    let error = replay(&store, gone).await.unwrap_err().to_string();
    assert!(error.contains("modified ") && error.contains(", and it is gone. "), "{error}");
}
