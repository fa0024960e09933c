use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        select Sale { order: o.id, product: o.product };
        limit -1;
        output append;
    }
}

fn main() {}
