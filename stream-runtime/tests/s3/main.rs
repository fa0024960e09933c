//! Mirrors and files in a store that speaks S3, as a server answers it.
//!
//! The server is that of `S3_ENDPOINT`, with a bucket `copies`, or `moto_server`, which the tests start if it is in `target/python` or
//! installed (`pip install 'moto[server]'`). Without either the tests are skipped, or fail if
//! `STREAM_QUERY_TESTS_NEED=s3` is set.

mod files;
mod mirror;
mod server;
#[path = "../mirror/support.rs"]
mod words;
