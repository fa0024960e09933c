//! A mirror: conditional puts, listings, bulk removal.

use std::sync::Arc;

use stream_runtime::checkpoint::{Mirror, restore_from};
use stream_runtime::object_store::ObjectStoreExt;

use crate::server;
use crate::words::{FILES, add_file, count, in_memory, mirror};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_on_s3_is_restored_and_has_one_owner() {
    let Some((store, _server)) = server::store().await else { return };
    let prefix = format!("mirror-{}", stream_runtime::Uuid::new_v4());
    let on_s3 = || Mirror::new(Arc::clone(&store), &prefix).retries(0);
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..FILES).for_each(|file| add_file(&words, file));
    let counted = count(&words, &home.path().join("a"), on_s3().synchronous()).await.unwrap();
    let expected = count(&words, &home.path().join("undisturbed"), mirror(&in_memory())).await.unwrap();
    assert_eq!(counted, expected);
    let error = count(&words, &home.path().join("other"), on_s3()).await.unwrap_err().to_string();
    assert!(error.contains("it is the mirror of query"), "{error}");

    let restored = restore_from(&store, &prefix, home.path().join("b")).await.unwrap();
    assert_eq!(restored.batch, Some(FILES as u64 - 1));
    add_file(&words, FILES);
    let here = count(&words, &home.path().join("a"), mirror(&in_memory())).await.unwrap();
    let there = count(&words, &home.path().join("b"), on_s3()).await.unwrap();
    assert_eq!(there, here);
    // Creating what exists is refused by the server itself.
    let path = format!("{prefix}/once").into();
    let create =
        || store.put_opts(&path, b"x".to_vec().into(), stream_runtime::object_store::PutMode::Create.into());
    create().await.unwrap();
    create().await.unwrap_err();
    store.delete(&path).await.unwrap();
}
