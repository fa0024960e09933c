use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

struct Rule;

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        process by o.product with Rule;
        output append;
    }
}

fn main() {}
