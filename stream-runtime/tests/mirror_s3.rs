//! A mirror in a store that speaks S3: conditional puts, listings, bulk removal, as a server answers them.
//!
//! The server is that of `S3_ENDPOINT`, with a bucket `copies`, or `moto_server`, which the test starts if it is installed
//! (`pip install 'moto[server]'`). Without either the test is skipped.

#[path = "mirror/support.rs"]
mod support;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::checkpoint::{Mirror, restore_from};
use stream_runtime::object_store::aws::AmazonS3Builder;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};

use support::{FILES, add_file, count, in_memory, mirror};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The endpoint, and the server if it is ours; `None` if there is none.
async fn server() -> Option<(String, Option<Server>)> {
    if let Ok(endpoint) = std::env::var("S3_ENDPOINT") {
        return Some((endpoint, None));
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("moto_server");
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Server(command.spawn().ok()?);
    let address = format!("127.0.0.1:{port}");
    loop {
        if let Ok(mut connection) = tokio::net::TcpStream::connect(&address).await {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let request =
                "PUT /copies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains("200 OK"), "{answer}");
            return Some((format!("http://{address}"), Some(server)));
        }
        assert_eq!(server.0.try_wait().unwrap(), None, "moto_server ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_on_s3_is_restored_and_has_one_owner() {
    let Some((endpoint, _server)) = server().await else {
        eprintln!("skipped: neither `S3_ENDPOINT` nor `moto_server`");
        return;
    };
    let store: Arc<dyn ObjectStore> = Arc::new(
        AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name("copies")
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()
            .unwrap(),
    );
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
