//! What a damaged or half-written mirror says.

use std::sync::Arc;

use stream_runtime::Error;
use stream_runtime::checkpoint::restore_from;
use stream_runtime::object_store::path::Path;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};

use super::support::{PREFIX, add_file, count, in_memory, mirror, names};

async fn mirrored() -> (tempfile::TempDir, Arc<dyn ObjectStore>) {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..3).for_each(|file| add_file(&words, file));
    let store = in_memory();
    count(&words, &home.path().join("checkpoint"), mirror(&store)).await.unwrap();
    (home, store)
}

async fn bytes(store: &Arc<dyn ObjectStore>, path: &Path) -> Vec<u8> {
    store.get(path).await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn any_object_that_is_changed_cut_short_or_missing_is_an_error() {
    let (home, store) = mirrored().await;
    let names = names(&store).await;
    assert!(names.len() >= 3, "{names:?}");
    for path in &names {
        let sound = bytes(&store, path).await;
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 1;
        for damage in [Some(flipped), Some(sound[..sound.len() - 1].to_vec()), None] {
            match damage {
                Some(damaged) => drop(store.put(path, damaged.into()).await.unwrap()),
                None => store.delete(path).await.unwrap(),
            }
            let directory = home.path().join("restored");
            let error = restore_from(&store, PREFIX, &directory).await.unwrap_err();
            assert!(matches!(error, Error::Checkpoint { .. }), "{path}: {error}");
            let text = error.to_string();
            assert!(text.contains("damaged") || text.contains("there is no mirror"), "{path}: {text}");
            assert!(!directory.join("CURRENT").exists(), "{path}");
            store.put(path, sound.clone().into()).await.unwrap();
        }
    }
    restore_from(&store, PREFIX, home.path().join("restored")).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_holds_a_checkpoint_or_something_else_is_left_as_it_is() {
    let (home, store) = mirrored().await;
    let error = restore_from(&store, PREFIX, home.path().join("checkpoint")).await.unwrap_err().to_string();
    assert!(error.contains("holds a checkpoint already"), "{error}");
    let error = restore_from(&store, PREFIX, home.path().join("words")).await.unwrap_err().to_string();
    assert!(error.contains("isn't a checkpoint: it holds"), "{error}");
    let error = restore_from(&store, "elsewhere", home.path().join("new")).await.unwrap_err().to_string();
    assert!(error.contains("elsewhere") && error.contains("there is no mirror"), "{error}");
}

#[tokio::test]
async fn what_a_failed_restore_leaves_is_no_checkpoint_to_start_with() {
    let (home, store) = mirrored().await;
    let last = names(&store).await.into_iter().rfind(|name| name.as_ref().contains("changes")).unwrap();
    let sound = bytes(&store, &last).await;
    store.put(&last, b"something else".to_vec().into()).await.unwrap();
    let directory = home.path().join("restored");
    restore_from(&store, PREFIX, &directory).await.unwrap_err();
    let error = count(&home.path().join("words"), &directory, mirror(&in_memory())).await.unwrap_err();
    assert!(error.to_string().contains("its `CURRENT` file is missing"), "{error}");
    store.put(&last, sound.into()).await.unwrap();
    restore_from(&store, PREFIX, &directory).await.unwrap();
}
