use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order, returns: Order) -> Sale {
        from o in orders union retuns;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
