use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        join other in orders on other.id == o.id unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
