use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        group by o.id, o.product unbounded;
        select Sale { order: o.id, product: o.product };
        order by product.chars() desc;
        output complete;
    }
}

fn main() {}
