use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        select Sale { order: o.id, product: o.product };
        order by order desc;
        output append;
    }
}

fn main() {}
