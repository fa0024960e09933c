use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders;
        process by o.id with Rule;
        having order > 1;
        order by order;
        limit 3;
        output append;
    }
}

fn main() {}
