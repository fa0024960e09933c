use stream_runtime::prelude::*;
use ui_tests::{Order, Product, Sale};

stream_query! {
    query Sales(orders: Order, products: static Product) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        right join p in products on p.id == o.product;
        select Sale { order: 1, product: p.name };
        output append;
    }
}

fn main() {}
