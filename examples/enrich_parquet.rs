//! Events with what a product catalogue in Parquet files says of their products; the catalogue is read anew when it changes.
//!
//! `cargo run --example enrich_parquet --features parquet` — makes its own data, and ends by itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use stream_runtime::prelude::*;

#[derive(Schema)]
struct Event {
    event_id: u64,
    product_id: u64,
    quantity: u32,
}

/// A row of the catalogue. Its files may have more columns than these.
#[derive(Schema)]
struct Product {
    product_id: u64,
    name: String,
    price: f64,
}

#[derive(Schema)]
struct Sale {
    event_id: u64,
    product: Option<String>,
    total: Option<f64>,
}

stream_query! {
    /// Every event comes out, also one whose product isn't in the catalogue.
    query Sales(events: Event, catalog: static Product) -> Sale {
        from e in events;
        left join p in catalog on p.product_id == e.product_id;
        select Sale {
            event_id: e.event_id,
            product: p.map(|p| p.name),
            total: p.map(|p| p.price * f64::from(e.quantity)),
        };
        output append;
    }
}

/// Writes the catalogue, and gives it its name once it is complete: a reader sees the old one or the new one.
fn write_catalog(path: &Path, products: &[(u64, &str, f64)]) -> io::Result<()> {
    let ids: UInt64Array = products.iter().map(|(id, _, _)| Some(*id)).collect();
    let names: StringArray = products.iter().map(|(_, name, _)| Some(*name)).collect();
    let prices: Float64Array = products.iter().map(|(_, _, price)| Some(*price)).collect();
    let columns: [(_, ArrayRef); 3] =
        [("product_id", Arc::new(ids)), ("name", Arc::new(names)), ("price", Arc::new(prices))];
    let batch = RecordBatch::try_from_iter(columns).map_err(io::Error::other)?;
    let unfinished = path.with_file_name("_catalog.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&unfinished)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    fs::rename(unfinished, path)
}

fn event(event_id: u64, product_id: u64, quantity: u32) -> Event {
    Event { event_id, product_id, quantity }
}

/// Waits until the query has run so many batches, or has failed.
async fn batches(query: &StreamingQuery, count: u64) {
    while query.is_active() && query.last_progress().is_none_or(|last| last.batch_id + 1 < count) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("catalog.parquet");
    write_catalog(&path, &[(1, "lamp", 30.0), (2, "chair", 80.0)])?;

    // Looks at the files before every batch.
    let catalog = StaticFile::parquet(directory.path()).reload_on_change();
    let (events, source) = MemorySource::new();
    let query =
        Sales::query().events(source).catalog(catalog).to(ConsoleSink::new().truncate(false)).start().await?;

    events.add([event(100, 1, 2), event(101, 2, 1), event(102, 3, 1)]);
    batches(&query, 1).await;

    println!("the catalogue has a third product now, and lamps are cheaper\n");
    write_catalog(&path, &[(1, "lamp", 25.0), (2, "chair", 80.0), (3, "desk", 200.0)])?;
    events.add([event(103, 1, 2), event(104, 3, 1), event(105, 4, 1)]);
    batches(&query, 2).await;
    query.stop().await?;
    Ok(())
}
