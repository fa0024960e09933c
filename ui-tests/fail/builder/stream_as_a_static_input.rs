use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Product, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery, catalog: static Product) -> Sale {
        from o in orders;
        join d in deliveries on d.order_id == o.id unbounded;
        join p in catalog on p.id == o.product;
        select Sale { order: o.id, product: p.name };
        output append;
    }
}

fn main() {
    let (orders, deliveries) = (FileSource::json("orders"), FileSource::json("deliveries"));
    let (_, catalog) = MemorySource::<Product>::new();
    let _ = Sales::query().orders(orders).deliveries(deliveries).catalog(catalog);
}
