//! Events with what a product catalogue says of their products: a stream joined with a table that may change.
//!
//! `cargo run --example enrich` — needs nothing, and ends by itself.

use stream_runtime::prelude::*;

#[derive(Schema, Clone)]
struct Event {
    event_id: u64,
    product_id: u64,
    quantity: u32,
}

#[derive(Schema, Clone)]
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
    /// Every event comes out, also one whose product isn't in the catalogue. There is no watermark and no state: the
    /// catalogue is looked up as it is at the batch's start.
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

stream_query! {
    /// Events whose product nobody knows.
    query Unknown(events: Event, catalog: static Product) -> Event {
        from e in events;
        anti join p in catalog on p.product_id == e.product_id;
        select e;
        output append;
    }
}

fn event(event_id: u64, product_id: u64, quantity: u32) -> Event {
    Event { event_id, product_id, quantity }
}

fn product(product_id: u64, name: &str, price: f64) -> Product {
    Product { product_id, name: name.to_owned(), price }
}

/// Waits until the query has run so many batches, or has failed.
async fn batches(query: &StreamingQuery, count: u64) {
    while query.is_active() && query.last_progress().is_none_or(|last| last.batch_id + 1 < count) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    println!("{}", Sales::explain());

    // A table that the service replaces. `StaticFile::csv("products.csv")` reads one from files, and
    // `.reload_every(minutes(10))` reads it anew.
    let catalog = MemoryTable::new([product(1, "lamp", 30.0), product(2, "chair", 80.0)]);
    let (events, source) = MemorySource::new();
    let query = Sales::query()
        .events(source)
        .catalog(catalog.clone())
        .to(ConsoleSink::new().truncate(false))
        .start()
        .await?;

    events.add([event(100, 1, 2), event(101, 2, 1), event(102, 3, 1)]);
    batches(&query, 1).await;

    println!("the catalogue has a third product now, and lamps are cheaper\n");
    catalog.replace([product(1, "lamp", 25.0), product(2, "chair", 80.0), product(3, "desk", 200.0)]);
    events.add([event(103, 1, 2), event(104, 3, 1), event(105, 4, 1)]);
    batches(&query, 2).await;
    query.stop().await?;

    println!("=== events without a product\n");
    let (events, source) = MemorySource::new();
    events.add([event(102, 3, 1), event(105, 4, 1)]);
    let query = Unknown::query()
        .events(source)
        .catalog(catalog)
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await
}
