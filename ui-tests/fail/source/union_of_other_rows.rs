use stream_runtime::prelude::*;
use ui_tests::{Order, Product, Sale};

stream_query! {
    query Sales(orders: Order, products: Product) -> Sale {
        from o in orders union products;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
