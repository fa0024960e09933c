//! Orders and the shipments that leave within a day: those that have one, and those that are waited for in vain.
//!
//! `cargo run --example orders_shipments` — needs nothing, and ends by itself.

use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;

#[derive(Schema, Clone)]
struct Order {
    order_id: u64,
    product: String,
    order_time: Timestamp,
}

#[derive(Schema, Clone)]
struct Shipment {
    order_id: u64,
    carrier: String,
    ship_time: Timestamp,
}

#[derive(Schema)]
struct Shipped {
    order_id: u64,
    product: String,
    carrier: String,
    took: Duration,
}

#[derive(Schema)]
struct Overdue {
    order_id: u64,
    product: String,
    order_time: Timestamp,
}

stream_query! {
    /// An order and each of its shipments come out as soon as both are there, whichever is first.
    query Shipments(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.order_time, hours(2));
        join s in shipments watermark(s.ship_time, hours(3))
            on s.order_id == o.order_id
            within s.ship_time in o.order_time ..= o.order_time + hours(24);
        select Shipped {
            order_id: o.order_id,
            product: o.product,
            carrier: s.carrier,
            took: s.ship_time - o.order_time,
        };
        output append;
    }
}

stream_query! {
    /// An order comes out when the watermark has passed the day in which it could have been shipped.
    query Waiting(orders: Order, shipments: Shipment) -> Overdue {
        from o in orders watermark(o.order_time, hours(2));
        anti join s in shipments watermark(s.ship_time, hours(3))
            on s.order_id == o.order_id
            within s.ship_time in o.order_time ..= o.order_time + hours(24);
        select Overdue { order_id: o.order_id, product: o.product, order_time: o.order_time };
        output append;
    }
}

/// A batch: orders (id, product) and shipments (order, carrier), each with hours after midnight.
type Batch = (&'static [(u64, &'static str, u32)], &'static [(u64, &'static str, u32)]);

const BATCHES: [Batch; 5] = [
    // The shipment of order 2 is there before its order: both sides wait for each other.
    (&[(1, "lamp", 8)], &[(2, "mail", 10)]),
    // Order 1 leaves in two parcels.
    (&[(2, "chair", 9), (3, "desk", 10)], &[(1, "van", 12), (1, "van", 20)]),
    // 35 hours after midnight are more than a day behind order 3: no match.
    (&[(4, "shelf", 36)], &[(3, "van", 35)]),
    // Both inputs have to move the watermark on: it is the lesser of 58 h (orders, 60 - 2) and 47 h (shipments, 50 - 3).
    (&[(5, "bed", 60)], &[(4, "mail", 50)]),
    // A row is late by the watermark of the batch before, 32 h: the van of 20 h is dropped, and the sofa of 40 h isn't.
    (&[(6, "sofa", 40)], &[(6, "van", 20), (5, "van", 72)]),
];

fn hour(hour: u32) -> Timestamp {
    Timestamp::from_secs(1_767_225_600 + i64::from(hour) * 3_600)
}

/// The two inputs, a chunk a batch.
fn inputs() -> (MemorySource<Order>, MemorySource<Shipment>) {
    let ((orders, order_source), (shipments, shipment_source)) = (MemorySource::new(), MemorySource::new());
    for (ordered, shipped) in BATCHES {
        orders.add(ordered.iter().map(|&(order_id, product, at)| Order {
            order_id,
            product: product.to_owned(),
            order_time: hour(at),
        }));
        shipments.add(shipped.iter().map(|&(order_id, carrier, at)| Shipment {
            order_id,
            carrier: carrier.to_owned(),
            ship_time: hour(at),
        }));
    }
    (order_source.max_chunks_per_trigger(1), shipment_source.max_chunks_per_trigger(1))
}

/// Runs a query, and says what each batch did with the rows that wait for a partner.
async fn run<P: Plan>(query: QueryBuilder<P>) -> stream_runtime::Result<()> {
    let query = query.trigger(Trigger::AvailableNow).start().await?;
    query.await_termination().await?;
    for progress in query.recent_progress() {
        for join in &progress.state_operators {
            println!(
                "batch {}: {} row(s) wait for a partner, {} came too late",
                progress.batch_id, join.num_rows_total, join.num_rows_dropped_by_watermark,
            );
        }
    }
    println!();
    Ok(())
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    println!("{}", Shipments::explain());

    println!("=== shipped within a day\n");
    let (orders, shipments) = inputs();
    run(Shipments::query().orders(orders).shipments(shipments).to(ConsoleSink::new().truncate(false)))
        .await?;

    println!("=== not shipped within a day\n");
    let (orders, shipments) = inputs();
    run(Waiting::query().orders(orders).shipments(shipments).to(ConsoleSink::new().truncate(false))).await
}
