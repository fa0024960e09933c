use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

const TOP: i32 = -10;

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        select Sale { order: o.id, product: o.product };
        limit TOP;
        output append;
    }
}

fn main() {}
