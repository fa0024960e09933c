use stream_runtime::prelude::*;
use ui_tests::{Order, Product, Sale};

stream_query! {
    query Sales(orders: Order, products: static Product) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
