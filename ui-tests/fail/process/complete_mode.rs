use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        process by o.id with Rule;
        output complete;
    }
}

fn main() {}
