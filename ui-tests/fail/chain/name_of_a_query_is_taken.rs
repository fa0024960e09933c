use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query LargeOrders(orders: Order) -> Order {
        from o in orders watermark(o.ordered, hours(2));
        where o.amount > 100.0;
        select o;
        output append;
    }
}

stream_query! {
    query Sales(large_orders: Order) -> Sale {
        from s in query LargeOrders;
        join o in large_orders on o.id == s.id unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
