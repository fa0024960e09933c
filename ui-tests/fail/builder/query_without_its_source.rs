use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Large(orders: Order) -> Order {
        from o in orders watermark(o.ordered, hours(2));
        where o.amount > 100.0;
        select o;
        output append;
    }
}

stream_query! {
    query Sales() -> Sale {
        from o in query Large;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {
    let _ = Sales::query().large(Large::query());
}
