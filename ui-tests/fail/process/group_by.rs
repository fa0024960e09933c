use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        group by o.id unbounded;
        process by o.id with Rule;
        output update;
    }
}

fn main() {}
