//! Files: conditional reads of ranges, uploads in parts, entries that are created once, and what Spark would read.

use std::sync::Arc;

use futures_util::TryStreamExt;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt, path::Path};
use stream_runtime::prelude::*;

use crate::server;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Reading {
    sensor: String,
    n: u64,
    noise: String,
}

stream_query! {
    query Loud(readings: Reading) -> Reading {
        from r in readings;
        where r.n % 3 != 0;
        select Reading { sensor: r.sensor, n: r.n, noise: r.noise };
        output append;
    }
}

/// Nothing that compresses well.
fn reading(n: u64) -> Reading {
    let number = |i: u64| (n * 48 + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let noise = (0..48).filter_map(|i| char::from_u32(0x4E00 + (number(i) >> 44) as u32 % 0x5000)).collect();
    Reading { sensor: format!("s/{}", n % 2), n, noise }
}

async fn put_json(store: &Arc<dyn ObjectStore>, key: String, numbers: std::ops::Range<u64>) {
    let mut bytes = Vec::new();
    for n in numbers {
        reading(n).encode_json(&mut bytes);
        bytes.push(b'\n');
    }
    store.put(&Path::from(key), bytes.into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_goes_from_bucket_to_bucket_and_its_result_is_read_by_another() {
    let Some((store, _server)) = server::store().await else { return };
    let run = stream_runtime::Uuid::new_v4();
    let (input, output) = (format!("s3a://copies/{run}/in"), format!("s3a://copies/{run}/out"));
    let home = tempfile::tempdir().unwrap();
    let query = || {
        Loud::query()
            .readings(FileSource::json(&input).object_store(Arc::clone(&store)).max_files_per_trigger(1))
            .to(FileSink::parquet(&output).object_store(Arc::clone(&store)).partition_by(["sensor"]))
            .checkpoint(home.path().join("checkpoint"))
            .trigger(Trigger::AvailableNow)
    };
    // Larger than one part of an upload, on the way in and on the way out; and small ones.
    let ranges = [0..230_000, 230_000..230_010, 230_010..230_011];
    for (n, range) in ranges.iter().enumerate() {
        put_json(&store, format!("{run}/in/{n}"), range.clone()).await;
        // Each time another run.
        query().start().await.unwrap().await_termination().await.unwrap();
    }
    let listed: Vec<_> = store.list(Some(&Path::from(format!("{run}/out")))).try_collect().await.unwrap();
    assert!(listed.iter().any(|object| object.size > 8 << 20), "{listed:?}");
    let entry = store.get(&Path::from(format!("{run}/out/_spark_metadata/0"))).await.unwrap();
    let entry = String::from_utf8(entry.bytes().await.unwrap().to_vec()).unwrap();
    assert!(
        entry.contains(&format!("\"path\":\"s3a://copies/{run}/out/sensor=s%252F0/part-00000-")),
        "{entry}"
    );

    // Only what the manifest lists is read: this isn't.
    store.put(&Path::from(format!("{run}/out/stray.parquet")), "no Parquet".into()).await.unwrap();
    let (results, sink) = MemorySink::new();
    let source = FileSource::parquet(&output).object_store(Arc::clone(&store));
    let read = All::query().readings(source).to(sink).trigger(Trigger::AvailableNow).workers(2);
    read.start().await.unwrap().await_termination().await.unwrap();
    let mut found: Vec<Reading> =
        results.batches().into_iter().flat_map(|batch| batch.rows.to_vec()).collect();
    found.sort_unstable_by_key(|row| row.n);
    let expected = (0..230_011).filter(|n| n % 3 != 0).map(reading);
    assert!(found.iter().cloned().eq(expected), "{} rows", found.len());
}

stream_query! {
    query All(readings: Reading) -> Reading {
        from r in readings;
        select Reading { sensor: r.sensor, n: r.n, noise: r.noise };
        output append;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_replaced_while_its_batch_waits_is_an_error() {
    let Some((store, _server)) = server::store().await else { return };
    let run = stream_runtime::Uuid::new_v4();
    let home = tempfile::tempdir().unwrap();
    let query = || {
        let (_, sink) = MemorySink::new();
        Loud::query()
            .readings(FileSource::json(format!("{run}/in")).object_store(Arc::clone(&store)))
            .to(sink)
            .checkpoint(home.path().join("checkpoint"))
            .trigger(Trigger::AvailableNow)
    };
    put_json(&store, format!("{run}/in/a"), 0..9).await;
    let crash = query().at_step(Arc::new(|_, step| step != stream_runtime::engine::Step::Planned));
    crash.start().await.unwrap().await_termination().await.unwrap_err();
    put_json(&store, format!("{run}/in/a"), 1..10).await;
    let error = query().start().await.unwrap().await_termination().await.unwrap_err().to_string();
    assert!(error.contains("in/a` has changed since its batch was planned"), "{error}");
}
