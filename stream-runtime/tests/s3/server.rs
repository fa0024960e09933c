//! The server, one for all tests.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::aws::AmazonS3Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Which tests are to fail where others are skipped, as names with commas in between.
const NEED: &str = "STREAM_QUERY_TESTS_NEED";

/// A server that ends with the test.
#[derive(Debug)]
pub(crate) struct Server(Option<Child>);

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(server) = &mut self.0 {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A bucket of a server, which runs as long as this lives; `None` if there is no server.
pub(crate) async fn store() -> Option<(Arc<dyn ObjectStore>, Server)> {
    let (endpoint, server) = match std::env::var("S3_ENDPOINT") {
        Ok(endpoint) => (endpoint, Server(None)),
        Err(_) => match start().await {
            Some(started) => started,
            None => {
                let needed = std::env::var(NEED).unwrap_or_default();
                assert!(
                    !needed.split(',').any(|name| name == "s3"),
                    "`{NEED}` says that these tests are to run: give a server in `S3_ENDPOINT`, or install `moto_server`"
                );
                eprintln!("skipped: neither `S3_ENDPOINT` nor `moto_server`");
                return None;
            }
        },
    };
    let store = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("copies")
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .unwrap();
    Some((Arc::new(store), server))
}

async fn start() -> Option<(String, Server)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/moto_server");
    let started = [beside.as_path(), Path::new("moto_server")].into_iter().find_map(|program| {
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    })?;
    let mut server = Server(Some(started));
    let address = format!("127.0.0.1:{port}");
    loop {
        if let Ok(mut connection) = tokio::net::TcpStream::connect(&address).await {
            let request =
                "PUT /copies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains("200 OK"), "{answer}");
            return Some((format!("http://{address}"), server));
        }
        let ended = server.0.as_mut().and_then(|server| server.try_wait().unwrap());
        assert_eq!(ended, None, "moto_server ended");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
