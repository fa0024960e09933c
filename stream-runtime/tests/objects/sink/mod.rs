//! The file sink in an object store: the same as on a disk, whatever fails, is lost or comes in between.

mod faults;
mod faulty;
mod large;
mod notes;
mod paths;
mod runs;
mod same;
mod tree;

use std::sync::Arc;

use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};
use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{FileFormat, JsonLines, committed_objects};
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};
use stream_runtime::{Result, Uuid};

const QUERY: u128 = 0x6d3c_9a51_0f2b_4e77_8a10_3355_0000_0001;
const OTHER: u128 = 0x1b00_77aa_93c1_4d22_9f00_1234_0000_0002;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Sale {
    shop: Option<String>,
    item: String,
    n: u64,
}

fn sale(shop: Option<&str>, n: u64) -> Sale {
    Sale { shop: shop.map(str::to_owned), item: format!("item {}", n % 5), n }
}

fn line(n: u64) -> String {
    format!("{{\"item\":\"item {}\",\"n\":{n}}}\n", n % 5)
}

/// A sink that is opened by a query's run: what the run begins with, and whether an earlier one had begun it.
async fn opened_at<F: FileFormat>(
    mut sink: FileSink<F>,
    query: u128,
    (first_batch, first_is_replay): (u64, bool),
) -> Result<FileSink<F>> {
    let context = SinkContext {
        query_id: Uuid::from_u128(query),
        query_name: "Sales".to_owned(),
        mode: Mode::Append,
        first_batch,
        first_is_replay,
    };
    Sink::<Sale>::open(&mut sink, context).await?;
    Ok(sink)
}

async fn append<F: FileFormat>(sink: &mut FileSink<F>, id: u64, rows: &[Sale]) -> Result<()> {
    sink.commit(SinkBatch { id, mode: Mode::Append, rows, removed: &[], watermark: None }).await
}

/// JSON in `out`, from a batch on that may be there already.
async fn json(store: &Arc<dyn ObjectStore>, first: u64) -> Result<FileSink<JsonLines>> {
    opened_at(FileSink::json("out").object_store(Arc::clone(store)), QUERY, (first, true)).await
}

/// A batch of one row, the batch's number.
async fn append_own(sink: &mut FileSink<JsonLines>, batch: u64) -> Result<()> {
    append(sink, batch, &[sale(None, batch)]).await
}

/// The text of the committed objects.
async fn result(store: &Arc<dyn ObjectStore>, dir: &str) -> String {
    let mut text = Vec::new();
    for key in committed_objects(store, dir).await.unwrap() {
        text.extend(store.get(&key).await.unwrap().bytes().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Waits for a condition: what nobody needs any more is removed without anybody waiting for it.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..100_000 {
        if is_so().await {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never happens");
}

/// The keys of the parts below a directory, listed or not.
async fn parts(store: &Arc<dyn ObjectStore>, dir: &str) -> Vec<String> {
    let all = super::support::objects(store, dir).await;
    let is_part = |key: &String| !key.contains("/_");
    all.into_iter().map(|(key, _)| key).filter(is_part).collect()
}
