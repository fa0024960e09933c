use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders late into late_orders;
        dedup by o.id unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
