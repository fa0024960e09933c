//! Sources and tables: what they read of a store is what they read of a directory with the same files.

mod changes;
mod formats;
mod listing;
mod requests;

use std::path::Path;
use std::sync::Arc;

use stream_runtime::Result;
use stream_runtime::engine::QueryBuilder;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::local::LocalFileSystem;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::Json;

use crate::support::{Click, copy_in, in_memory};

stream_query! {
    query Clicks(clicks: Click) -> Click {
        from c in clicks;
        where c.n != 3;
        select Click { page: c.page, n: c.n, ts: c.ts };
        output append;
    }
}

/// Runs a query over everything that is there; gives its batches' rows.
async fn run<P: Plan<Output = Click>>(builder: QueryBuilder<P>) -> Result<Vec<Vec<Click>>> {
    let (results, sink) = MemorySink::new();
    let query = builder.to(sink).trigger(Trigger::AvailableNow).workers(3).start().await?;
    query.await_termination().await?;
    Ok(results.batches().into_iter().map(|batch| batch.rows.to_vec()).collect())
}

/// The rows of all batches, in order of their number.
async fn rows<P: Plan<Output = Click>>(builder: QueryBuilder<P>) -> Vec<Click> {
    let mut rows = run(builder).await.unwrap().concat();
    rows.sort_unstable_by_key(|row| row.n);
    rows
}

/// The numbers of the rows that a source of JSON lines gives.
async fn numbers(source: FileSource<Json>) -> Vec<u64> {
    rows(Clicks::query().clicks(source)).await.into_iter().map(|row| row.n).collect()
}

/// The directory as a store of its own, and its files below `in/` of a store in memory.
async fn stores(directory: &Path) -> [(Arc<dyn ObjectStore>, &'static str); 2] {
    let memory = in_memory();
    copy_in(directory, &memory, "in").await;
    [(Arc::new(LocalFileSystem::new_with_prefix(directory).unwrap()), ""), (memory, "in")]
}
