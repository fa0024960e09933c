use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        process by o.id, o.id with Rule;
        output append;
    }
}

fn main() {}
